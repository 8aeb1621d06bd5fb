//! The end of a courier: it takes everything that was put into its inbox before it was told to
//! stop, and then ends.

use loom::sync::Arc;
use loom::thread;

use crate::inbox_room::{Closing, Told};
use crate::parts::{Queue, Sleep, must_fail};

/// `Inbox`: its queue, its `Notify`, and what it was told.
struct Inbox {
    queue: Queue,
    bell: Sleep,
    closing: Closing,
}

/// A look into the inbox, as `Courier::turn` takes it.
type Look = fn(&Inbox, &mut usize) -> Told;

fn as_it_runs(inbox: &Inbox, taken: &mut usize) -> Told {
    inbox
        .closing
        .take_all(|| inbox.queue.pop(), |()| *taken += 1)
}

/// The flag is read behind the look.
fn flag_behind(inbox: &Inbox, taken: &mut usize) -> Told {
    while inbox.queue.pop().is_some() {
        *taken += 1;
    }
    inbox.closing.take_all(|| None::<()>, |()| {})
}

/// Somebody puts, then stops; the courier turns until it is told.
fn life(puts: usize, hurry: bool, look: Look) {
    let inbox = Arc::new(Inbox {
        queue: Queue::new(),
        bell: Sleep::new(),
        closing: Closing::default(),
    });
    let putting = {
        let inbox = Arc::clone(&inbox);
        thread::spawn(move || {
            for _ in 0..puts {
                inbox.queue.push();
                inbox.bell.wake();
            }
            if hurry {
                inbox.closing.hurry();
            } else {
                inbox.closing.stop();
            }
            inbox.bell.wake();
        })
    };
    let mut taken = 0;
    loop {
        let told = look(&inbox, &mut taken);
        if told.stopping {
            assert!(
                !hurry || told.hurried,
                "a hurried end is hurried from its first sight"
            );
            break;
        }
        inbox.bell.wait();
    }
    putting.join().unwrap();
    assert_eq!(
        taken, puts,
        "what was put before the stop was taken before the end"
    );
}

#[test]
fn a_courier_takes_all_before_it_ends() {
    loom::model(|| life(2, false, as_it_runs));
}

#[test]
fn a_courier_that_is_hurried_takes_all_before_it_ends() {
    loom::model(|| life(1, true, as_it_runs));
}

#[test]
fn a_flag_that_is_read_behind_the_look_is_found() {
    must_fail(|| life(1, false, flag_behind));
}
