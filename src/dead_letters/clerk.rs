//! The thread around the desk, and the handle by which letters are posted.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crossbeam::queue::SegQueue;
use uuid::Uuid;

use super::Letter;
use super::desk::{self, Desk, Done, LetterEnd, Posted};
use crate::dispatch::Target;
use crate::limits::LETTERS_WAITING_BYTES_MAX;
use crate::observe::log::{self, Sampled};
use crate::settings::Settings;
use crate::settle::{CoreMailbox, Mail};

/// Where letters are posted, from any thread: never blocks. Cloning it counts a reference.
#[derive(Clone)]
pub struct Letters(Arc<Post>);

struct Post {
    queue: SegQueue<Posted>,
    /// Bytes of letters that were posted and have not ended.
    bytes: AtomicU64,
    targets: Arc<[Target]>,
    ways: Ways,
    /// The clerk's thread, which parks while there is nothing to do.
    clerk: OnceLock<Thread>,
    /// When the clerk ends, whatever is left; set once.
    end: OnceLock<Instant>,
    /// The clerk has ended.
    ended: AtomicBool,
    said_lost: Sampled,
}

/// Which target takes whose dead letters.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    routes: HashMap<Arc<str>, u16>,
    targets: Vec<Option<u16>>,
}

impl Ways {
    /// The ways of these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let of_route = |route: &Arc<crate::settings::Route>| {
            Some((Arc::clone(&route.name), route.reply.dead_letter?))
        };
        Self {
            routes: settings.routes.iter().filter_map(of_route).collect(),
            targets: settings.targets.iter().map(|it| it.dead_letter).collect(),
        }
    }

    /// True where nobody has a dead letter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.targets.iter().all(Option::is_none)
    }

    /// The place of the target that takes the dead letters of a route's records for a target.
    #[must_use]
    pub fn destination(&self, route: &str, target: u16) -> Option<u16> {
        let other = |place: &u16| *place != target;
        let own = || self.targets.get(usize::from(target)).copied().flatten();
        let route = self.routes.get(route).copied();
        route.filter(other).or_else(own).filter(other)
    }
}

impl Letters {
    /// See [`Ways::destination`].
    #[must_use]
    pub fn destination(&self, route: &str, target: u16) -> Option<u16> {
        self.0.ways.destination(route, target)
    }

    /// Posts a letter to the target at this place. `done` is told whether it is kept, from another
    /// thread or within this call: where it is not, the record is still whose that is, who says
    /// [`Self::lost`] when it lets go of it. `from` is the place of its record's target, for the counters.
    pub fn post(&self, place: u16, from: Option<u16>, letter: Letter, done: Option<Done>) {
        let bytes = letter.bytes() as u64;
        let posted = Posted {
            place,
            from,
            letter,
            done,
        };
        let before = self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        let why = if self.0.end.get().is_some_and(|end| *end <= Instant::now()) {
            "the gateway stopped"
        } else if before.saturating_add(bytes) > LETTERS_WAITING_BYTES_MAX {
            "too many dead letters wait"
        } else {
            self.0.queue.push(posted);
            fence(Ordering::SeqCst);
            if self.0.ended.load(Ordering::Relaxed) {
                self.0.lose_all();
            }
            if let Some(clerk) = self.0.clerk.get() {
                clerk.unpark();
            }
            return;
        };
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
        desk::lose(
            &self.0.targets,
            &self.0.said_lost,
            posted,
            why,
            LetterEnd::NotNow,
        );
    }

    /// Counts and logs a record that its poster has kept until now, and that nobody has any more.
    /// `from` is the place of its target.
    pub fn lost(&self, from: Option<u16>, request: u128, why: &str) {
        let target = from.and_then(|from| self.0.targets.get(usize::from(from)));
        if let Some(target) = target {
            target.counters.dead_letter_lost();
        }
        if let Some(left_out) = self.0.said_lost.admit() {
            let name = target.map_or("", |target| &*target.name);
            let request = Uuid::from_u128(request).hyphenated().to_string();
            log::dead_letter_lost(name, "", &request, why, left_out);
        }
    }
}

/// The thread that sends letters.
pub struct Clerk {
    letters: Letters,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Clerk {
    /// Starts the clerk, who has the mailbox of this number. `None` where no file names a dead
    /// letter.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        settings: &Settings,
        targets: &Arc<[Target]>,
        mailbox: &Arc<CoreMailbox>,
        number: usize,
    ) -> io::Result<Option<Self>> {
        let ways = Ways::of(settings);
        if ways.is_empty() {
            return Ok(None);
        }
        let letters = Letters(Arc::new(Post {
            queue: SegQueue::new(),
            bytes: AtomicU64::new(0),
            targets: Arc::clone(targets),
            ways,
            clerk: OnceLock::new(),
            end: OnceLock::new(),
            ended: AtomicBool::new(false),
            said_lost: Sampled::new(),
        }));
        // Numbers of mailboxes fit a byte: `limits::MAILBOXES_MAX`.
        let desk = Desk::new(Arc::clone(targets), number as u8);
        let (post, own) = (Arc::clone(&letters.0), Arc::clone(mailbox));
        let thread = std::thread::Builder::new()
            .name("dead-letters".into())
            .spawn(move || run(desk, &post, &own))?;
        let _ = letters.0.clerk.set(thread.thread().clone());
        mailbox.attach_thread(thread.thread().clone());
        Ok(Some(Self {
            letters,
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// The handle by which letters are posted.
    #[must_use]
    pub fn letters(&self) -> Letters {
        self.letters.clone()
    }

    /// Waits until all letters are kept or lost, at most so long; what is left then is lost, and
    /// so is what is posted later.
    pub fn finish(&self, within: Duration) {
        let _ = self.letters.0.end.set(Instant::now() + within);
        let thread = self.thread.lock();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            // A panic of the thread has been reported where it happened.
            let _ = thread.join();
        }
    }
}

fn run(mut desk: Desk, post: &Post, mailbox: &CoreMailbox) {
    let _ended = Ended(post);
    loop {
        while let Some(posted) = post.queue.pop() {
            desk.take(Instant::now(), posted);
        }
        while let Some(mail) = mailbox.take() {
            match mail {
                Mail::Outcome(id, outcome) => desk.outcome(Instant::now(), id, &outcome),
                Mail::Outcomes(outcomes) => {
                    for (id, outcome) in &outcomes {
                        desk.outcome(Instant::now(), *id, outcome);
                    }
                }
                _ => {}
            }
        }
        if post.end.get().is_some() {
            desk.hurry();
        }
        let now = Instant::now();
        let wake = desk.send(now);
        post.bytes
            .fetch_sub(desk.take_ended_bytes(), Ordering::Relaxed);
        let end = post.end.get().copied();
        if end.is_some_and(|end| now >= end || desk.is_empty() && post.queue.is_empty()) {
            break;
        }
        match [wake, end].into_iter().flatten().min() {
            Some(at) => std::thread::park_timeout(at.saturating_duration_since(now)),
            None => std::thread::park(),
        }
    }
    desk.give_up("the gateway stopped");
}

/// The clerk has ended, also where it panicked: nothing waits for it any more, and nobody who
/// posts is left without an answer.
struct Ended<'p>(&'p Post);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
        // Who puts a letter in now sees that, or this sees the letter.
        fence(Ordering::SeqCst);
        self.0.lose_all();
    }
}

impl Post {
    /// Loses what nobody will send.
    fn lose_all(&self) {
        while let Some(posted) = self.queue.pop() {
            let bytes = posted.letter.bytes() as u64;
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            desk::lose(
                &self.targets,
                &self.said_lost,
                posted,
                "their clerk ended",
                LetterEnd::NotNow,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letter;
    use super::*;
    use crate::dead_letters::Done;
    use crate::rooms;
    use crate::settings::{Environment, load_text};

    #[test]
    fn who_posts_to_a_clerk_that_has_ended_is_told_so() {
        let file = "sluicegate: 1\ndefaults: { auth: none }\n\
            targets: { orders: { discard: {}, dead_letter: rejects }, rejects: { discard: {} } }\n\
            routes: [ { route: POST /a, to: [ { target: orders } ] } ]\n";
        let settings = load_text("test.yaml", file, &Environment::fixed([])).unwrap();
        let targets: Arc<[Target]> = rooms::rehearsed(&settings).into();
        let mailbox = Arc::<CoreMailbox>::default();
        let clerk = Clerk::start(&settings, &targets, &mailbox, 1);
        let clerk = clerk.unwrap().unwrap();
        // It has nothing to do, and ends long before it must.
        clerk.finish(Duration::from_secs(3600));
        let told = Arc::new(Mutex::new(None));
        let heard = Arc::clone(&told);
        let done = Done::new(move |end| *heard.lock().unwrap() = Some(end));
        let letter = letter(sluicegate_contract::Value::Text("x".into()));
        clerk.letters().post(1, Some(0), letter, Some(done));
        assert_eq!(*told.lock().unwrap(), Some(LetterEnd::NotNow));
    }
}
