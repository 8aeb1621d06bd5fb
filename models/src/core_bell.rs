//! Outcomes on their way to a core: whatever was put into its mailbox is taken, without another
//! wake from anybody.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering, fence};
use loom::thread;

use crate::bell_room::Armed;
use crate::parts::{Queue, Sleep, must_fail};

/// A mailbox with its bell: `CoreMailbox`, `Ringer` and `Doorbell`.
struct Mailbox<B> {
    queue: Queue,
    bell: B,
    sleep: Sleep,
}

/// The two sides of a bell.
trait Bell: Send + Sync + 'static {
    fn new() -> Self;
    fn ring(&self) -> bool;
    fn may_wait(&self, queue: &Queue) -> bool;
}

impl Bell for Armed {
    fn new() -> Self {
        Self::new()
    }
    fn ring(&self) -> bool {
        self.ring()
    }
    fn may_wait(&self, queue: &Queue) -> bool {
        self.may_wait(|| queue.is_empty())
    }
}

/// Threads post, and the core goes on until it has all.
fn hand_off<B: Bell>(threads: usize, each: usize) {
    let mailbox = Arc::new(Mailbox {
        queue: Queue::new(),
        bell: B::new(),
        sleep: Sleep::new(),
    });
    let posting: Vec<_> = (0..threads)
        .map(|_| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for _ in 0..each {
                    mailbox.queue.push();
                    if mailbox.bell.ring() {
                        mailbox.sleep.wake();
                    }
                }
            })
        })
        .collect();
    let (mut taken, mut armed) = (0, 0);
    while taken < threads * each {
        while mailbox.queue.pop().is_some() {
            taken += 1;
        }
        if taken < threads * each {
            armed += 1;
            if mailbox.bell.may_wait(&mailbox.queue) {
                mailbox.sleep.wait();
            }
        }
    }
    for thread in posting {
        thread.join().unwrap();
    }
    // A wake is a system call, and rings are many.
    let wakes = mailbox.sleep.wakes();
    assert!(wakes <= armed, "armed {armed} times, woken {wakes} times");
}

#[test]
fn what_was_posted_is_taken() {
    loom::model(|| hand_off::<Armed>(1, 2));
}

#[test]
fn what_two_threads_posted_is_taken() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| hand_off::<Armed>(2, 1));
}

/// Looks into the queue before it arms.
struct ArmsBehindTheLook(AtomicBool);

impl Bell for ArmsBehindTheLook {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }
    fn ring(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }
    fn may_wait(&self, queue: &Queue) -> bool {
        let empty = queue.is_empty();
        if empty {
            self.0.swap(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
        }
        empty
    }
}

/// Arms first, without the fence that keeps the look behind it.
struct NoFenceInTheWait(AtomicBool);

impl Bell for NoFenceInTheWait {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }
    fn ring(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }
    fn may_wait(&self, queue: &Queue) -> bool {
        self.0.swap(true, Ordering::Relaxed);
        queue.is_empty()
    }
}

/// Rings without the fence that keeps the flag behind the push.
struct NoFenceInTheRing(AtomicBool);

impl Bell for NoFenceInTheRing {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }
    fn ring(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }
    fn may_wait(&self, queue: &Queue) -> bool {
        self.0.swap(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        queue.is_empty()
    }
}

#[test]
fn arming_behind_the_look_is_found() {
    must_fail(|| hand_off::<ArmsBehindTheLook>(1, 1));
}

#[test]
fn a_wait_without_its_fence_is_found() {
    must_fail(|| hand_off::<NoFenceInTheWait>(1, 1));
}

#[test]
fn a_ring_without_its_fence_is_found() {
    must_fail(|| hand_off::<NoFenceInTheRing>(1, 1));
}
