//! An error of librdkafka as a verdict on a record: a pure function with a table of tests.

use std::fmt;

use rdkafka::error::RDKafkaErrorCode as Code;
use sluicegate_contract::{Outcome, Reason, ReasonKind};

/// What librdkafka knows of where a record is, beside the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// It was never sent, or the broker refused it.
    No,
    /// It was sent and the answer is missing.
    Possibly,
    /// A broker has it.
    Yes,
}

/// The record that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed<'a> {
    /// Its topic.
    pub(crate) topic: &'a str,
    /// Its partition; negative where none was chosen yet.
    pub(crate) partition: i32,
    /// Bytes of key and value.
    pub(crate) bytes: usize,
}

/// What an error means.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What became of the record.
    pub(crate) outcome: Outcome,
    /// True where the topic can take nothing until somebody mends it.
    pub(crate) blocks_topic: bool,
}

/// Judges a record that librdkafka reports as not delivered.
///
/// `trouble` is what is known to be wrong with the cluster: it says more than "timed out".
pub(crate) fn judge(
    code: Code,
    persisted: Persisted,
    record: Failed<'_>,
    trouble: Option<&Reason>,
) -> Verdict {
    let certain = persisted == Persisted::No;
    let topic = record.topic;
    let refused = |reason| Verdict {
        // What may be stored is never called refused.
        outcome: if certain {
            Outcome::Refused(reason)
        } else {
            Outcome::GaveUp { certain, reason }
        },
        blocks_topic: false,
    };
    let gave_up = |reason, blocks_topic| Verdict {
        outcome: Outcome::GaveUp { certain, reason },
        blocks_topic,
    };
    match code {
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
            refused(too_large(topic, record.bytes))
        }
        Code::UnknownPartition if record.partition >= 0 => refused(Reason::new(
            ReasonKind::Invalid,
            format!("topic `{topic}` has no partition {}", record.partition),
        )),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            gave_up(missing(topic), true)
        }
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            gave_up(denied(topic), true)
        }
        Code::InvalidTimestamp | Code::InvalidRecord | Code::InvalidMessage => {
            refused(said_of(ReasonKind::Invalid, topic, code))
        }
        Code::PurgeQueue | Code::PurgeInflight => {
            let stopping = || Reason::from(ReasonKind::Stopping);
            gave_up(trouble.cloned().unwrap_or_else(stopping), false)
        }
        // A request that was cut off counts as sent, whatever its status says.
        Code::MessageTimedOut | Code::OperationTimedOut | Code::RequestTimedOut => {
            let kind = if certain {
                ReasonKind::GiveUp
            } else {
                ReasonKind::AnswerLost
            };
            let alone = || said_of(kind, topic, code);
            gave_up(
                trouble.filter(|_| certain).cloned().unwrap_or_else(alone),
                false,
            )
        }
        Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => gave_up(
            said_of(ReasonKind::AuthenticationFailed, topic, code),
            false,
        ),
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve => {
            gave_up(said_of(ReasonKind::ConnectionFailed, topic, code), false)
        }
        _ => gave_up(said_of(ReasonKind::Unavailable, topic, code), false),
    }
}

/// A record that its topic never takes.
pub(crate) fn too_large(topic: &str, bytes: usize) -> Reason {
    let said = format!(
        "a record of {bytes} bytes is more than topic `{topic}` takes: send less, or raise the \
         topic's `max.message.bytes`"
    );
    Reason::new(ReasonKind::TooLarge, said)
}

/// A topic that is not there.
pub(crate) fn missing(topic: &str) -> Reason {
    let said = format!("topic `{topic}` does not exist: create it");
    Reason::new(ReasonKind::TargetMissing, said)
}

/// A topic that may not be written.
pub(crate) fn denied(topic: &str) -> Reason {
    let said = format!("may not write to topic `{topic}`: grant the user WRITE and DESCRIBE on it");
    Reason::new(ReasonKind::AccessDenied, said)
}

/// librdkafka's own words on a code.
pub(crate) fn said_of(kind: ReasonKind, topic: &str, code: impl fmt::Display) -> Reason {
    // librdkafka adds its name for the code and "Broker:" or "Local:" before the words; people
    // search for these, so they stay.
    Reason::new(kind, format!("topic `{topic}`: {code}"))
}

#[cfg(test)]
mod tests {
    use super::Persisted::{No, Possibly};
    use super::ReasonKind as K;
    use super::*;

    const RECORD: Failed<'_> = Failed {
        topic: "audit",
        partition: 9,
        bytes: 2_000_000,
    };

    /// Code, where the record is; refused, surely not stored, reason, whether the topic is blocked.
    type Row = (Code, Persisted, bool, bool, K, bool);

    #[rustfmt::skip]
    const ROWS: &[Row] = &[
        (Code::MessageSizeTooLarge,          No,       true,  true,  K::TooLarge,      false),
        (Code::MessageSizeTooLarge,          Possibly, false, false, K::TooLarge,      false),
        (Code::UnknownPartition,             No,       true,  true,  K::Invalid,       false),
        (Code::UnknownTopic,                 No,       false, true,  K::TargetMissing, true),
        (Code::UnknownTopicOrPartition,      No,       false, true,  K::TargetMissing, true),
        (Code::TopicAuthorizationFailed,     No,       false, true,  K::AccessDenied,  true),
        (Code::MessageTimedOut,              No,       false, true,  K::GiveUp,        false),
        (Code::MessageTimedOut,              Possibly, false, false, K::AnswerLost,    false),
        (Code::PurgeQueue,                   No,       false, true,  K::Stopping,      false),
        (Code::PurgeInflight,                Possibly, false, false, K::Stopping,      false),
        (Code::NotEnoughReplicas,            No,       false, true,  K::Unavailable,   false),
        (Code::NotEnoughReplicasAfterAppend, Possibly, false, false, K::Unavailable,   false),
    ];

    #[test]
    fn an_error_is_judged_by_its_code_and_by_where_the_record_is() {
        for &(code, persisted, refused, certain, kind, blocks) in ROWS {
            let verdict = judge(code, persisted, RECORD, None);
            let expected = |reason: &Reason| {
                assert_eq!(reason.kind(), kind, "{code:?}");
                assert_eq!(verdict.blocks_topic, blocks, "{code:?}");
            };
            match &verdict.outcome {
                Outcome::Refused(reason) => {
                    assert!(refused, "{code:?}");
                    expected(reason);
                }
                Outcome::GaveUp {
                    certain: said,
                    reason,
                } => {
                    assert_eq!((false, certain), (refused, *said), "{code:?} {persisted:?}");
                    expected(reason);
                }
                Outcome::Delivered(_) => panic!("{code:?} is not a delivery"),
            }
        }
    }

    #[test]
    fn a_timeout_of_what_was_never_sent_says_what_is_wrong_with_the_cluster() {
        let trouble = Reason::new(ReasonKind::AuthenticationFailed, "wrong password");
        let verdict = judge(Code::MessageTimedOut, No, RECORD, Some(&trouble));
        assert_eq!(verdict.outcome.reason(), Some(&trouble));
        let verdict = judge(Code::MessageTimedOut, Possibly, RECORD, Some(&trouble));
        assert_eq!(
            verdict.outcome.reason().map(Reason::kind),
            Some(ReasonKind::AnswerLost)
        );
    }
}
