//! What is known of a cluster and its topics, told to the targets that stand on them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_contract::{Reason, ReasonKind, TargetState, TargetWatch};

/// The health of one connection.
///
/// A target's state is its cluster's where that is in trouble, else its topic's. Each target is
/// told of a change only, in the order in which the changes came.
pub(crate) struct Health {
    servers: Box<str>,
    /// True while anything is wrong or not yet known to be right, so that the report of a
    /// delivery takes no lock while all is well.
    attention: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cluster: Option<(TargetState, Reason)>,
    /// What a single broker's failure said last: "all brokers are down" alone says no cause.
    last_failure: Option<Box<str>>,
    topics: Vec<TopicState>,
}

struct TopicState {
    topic: Arc<str>,
    watch: Arc<dyn TargetWatch>,
    blocked: Option<Reason>,
    /// True once the topic was seen to exist.
    seen: bool,
    told: (TargetState, Option<ReasonKind>),
}

impl Health {
    pub(crate) fn new(servers: &str) -> Self {
        Self {
            servers: servers.into(),
            attention: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Tells this watch of the topic from now on.
    pub(crate) fn watch(&self, topic: Arc<str>, watch: Arc<dyn TargetWatch>) {
        self.change(|state| {
            state.topics.push(TopicState {
                topic,
                watch,
                blocked: None,
                seen: false,
                told: (TargetState::Up, None),
            });
        });
    }

    /// No broker can be reached. Says less than a block, which stays until a broker answers.
    pub(crate) fn cluster_down(&self, said: &str) {
        self.change(|state| {
            if matches!(&state.cluster, Some((TargetState::Blocked, _))) {
                return;
            }
            let cause = state.last_failure.as_deref().unwrap_or(said);
            let text = format!("no broker of {} can be reached: {cause}", self.servers);
            let reason = Reason::new(ReasonKind::ConnectionFailed, text);
            state.cluster = Some((TargetState::Down, reason));
        });
    }

    /// The cluster takes nothing from us until somebody mends it.
    pub(crate) fn cluster_blocked(&self, kind: ReasonKind, said: &str) {
        self.change(|state| {
            let reason = Reason::new(kind, format!("{}: {said}", self.servers));
            state.cluster = Some((TargetState::Blocked, reason));
        });
    }

    /// A broker answered.
    pub(crate) fn cluster_up(&self) {
        self.change(|state| state.cluster = None);
    }

    /// One broker failed; the cluster may well be there.
    pub(crate) fn broker_failed(&self, said: &str) {
        self.lock().last_failure = Some(said.into());
    }

    /// The topic takes nothing until somebody mends it.
    pub(crate) fn topic_blocked(&self, topic: &str, reason: &Reason) {
        self.change_topic(topic, |state| state.blocked = Some(reason.clone()));
    }

    /// The topic was seen, or took a record.
    pub(crate) fn topic_up(&self, topic: &str) {
        self.change_topic(topic, |state| {
            state.blocked = None;
            state.seen = true;
        });
    }

    /// A record was delivered: all is well.
    pub(crate) fn delivered(&self, topic: &str) {
        if self.needs_attention() {
            self.cluster_up();
            self.topic_up(topic);
        }
    }

    /// True while anything is wrong or not yet known to be right.
    pub(crate) fn needs_attention(&self) -> bool {
        self.attention.load(Ordering::Relaxed)
    }

    /// What is wrong with the cluster, if anything is known.
    pub(crate) fn trouble(&self) -> Option<Reason> {
        if !self.needs_attention() {
            return None;
        }
        let state = self.lock();
        state.cluster.as_ref().map(|(_, reason)| reason.clone())
    }

    /// True while the cluster takes nothing from us.
    pub(crate) fn is_cluster_blocked(&self) -> bool {
        matches!(&self.lock().cluster, Some((TargetState::Blocked, _)))
    }

    /// Topics to look at: all of them while the cluster is in trouble, else those that are
    /// blocked or were never seen.
    pub(crate) fn topics_to_look_at(&self) -> Vec<Arc<str>> {
        let state = self.lock();
        let all = state.cluster.is_some();
        let wanted = |topic: &&TopicState| all || topic.blocked.is_some() || !topic.seen;
        let mut topics: Vec<_> = state
            .topics
            .iter()
            .filter(wanted)
            .map(|t| t.topic.clone())
            .collect();
        topics.dedup();
        topics
    }

    fn change_topic(&self, topic: &str, change: impl Fn(&mut TopicState)) {
        self.change(|state| {
            state
                .topics
                .iter_mut()
                .filter(|known| &*known.topic == topic)
                .for_each(change);
        });
    }

    /// Changes the state and tells the targets for which something is new. The lock is held while
    /// they are told, so that no one is told an older state last.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let State {
            cluster, topics, ..
        } = &mut *state;
        for topic in topics.iter_mut() {
            let (now, reason) = match (&*cluster, &topic.blocked) {
                (Some((state, reason)), _) => (*state, Some(reason)),
                (None, Some(reason)) => (TargetState::Blocked, Some(reason)),
                (None, None) => (TargetState::Up, None),
            };
            let kind = reason.map(Reason::kind);
            if topic.told != (now, kind) {
                topic.told = (now, kind);
                topic.watch.state(now, reason.cloned());
            }
        }
        let calm = cluster.is_none()
            && topics
                .iter()
                .all(|topic| topic.seen && topic.blocked.is_none());
        self.attention.store(!calm, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves nothing half done here: every change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(TargetState, Option<ReasonKind>)>>);

    impl TargetWatch for Told {
        fn state(&self, state: TargetState, reason: Option<Reason>) {
            self.0
                .lock()
                .unwrap()
                .push((state, reason.map(|reason| reason.kind())));
        }
    }

    #[test]
    fn targets_are_told_of_changes_only_and_a_block_outlasts_a_failed_broker() {
        let (audit, trail) = (Arc::new(Told::default()), Arc::new(Told::default()));
        let health = Health::new("kafka:9092");
        health.watch("audit".into(), audit.clone());
        health.watch("trail".into(), trail.clone());
        health.broker_failed("connection refused");
        health.cluster_down("1/1 brokers are down");
        health.cluster_down("1/1 brokers are down");
        health.cluster_blocked(ReasonKind::AuthenticationFailed, "wrong password");
        health.cluster_down("1/1 brokers are down");
        health.topic_blocked("audit", &Reason::from(ReasonKind::TargetMissing));
        assert!(health.is_cluster_blocked());
        health.delivered("trail");
        assert!(health.needs_attention());
        health.delivered("audit");
        assert!(!health.needs_attention());

        let down = (TargetState::Down, Some(ReasonKind::ConnectionFailed));
        let blocked = |kind| (TargetState::Blocked, Some(kind));
        let up = (TargetState::Up, None);
        let wrong_password = blocked(ReasonKind::AuthenticationFailed);
        assert_eq!(*trail.0.lock().unwrap(), [down, wrong_password, up]);
        let missing = blocked(ReasonKind::TargetMissing);
        assert_eq!(
            *audit.0.lock().unwrap(),
            [down, wrong_password, missing, up]
        );
    }
}
