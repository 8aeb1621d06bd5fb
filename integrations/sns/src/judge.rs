//! From an answer of PublishBatch to an attempt for each record. Pure.

use aws_sdk_sns::operation::publish_batch::PublishBatchOutput;
use aws_sdk_sns::types::BatchResultErrorEntry;
use sluicegate_aws::{CodeMeaning, Place, meaning_of, one_line};
use sluicegate_contract::{Attempt, AttemptSink, Reason, ReasonKind, Receipt};

/// Reports on each record of a call; an entry's id is its record's place.
///
/// Entries in neither list, and entries whose id is none of ours, prove nothing. One in both lists
/// counts as failed: a confirmation that is contradicted is none.
pub(crate) fn judge(answer: &PublishBatchOutput, place: &Place, sink: &mut AttemptSink) {
    for failed in answer.failed() {
        if let Ok(index) = failed.id().parse() {
            sink.report(index, judge_failed(failed, place));
        }
    }
    for published in answer.successful() {
        let index = published.id().and_then(|id| id.parse().ok());
        if let (Some(index), Some(id)) = (index, published.message_id()) {
            sink.report(index, Attempt::Stored(Receipt::Message { id: id.into() }));
        }
    }
    sink.report_rest(&Attempt::Again {
        certain: false,
        after: None,
        reason: Reason::new(
            ReasonKind::AnswerUnreadable,
            format!("{place}: an entry that is neither published nor failed"),
        ),
    });
}

fn judge_failed(failed: &BatchResultErrorEntry, place: &Place) -> Attempt {
    let code = failed.code();
    let message = failed.message().unwrap_or_default();
    let detail = format!("{place}: {}: {}", one_line(code), one_line(message));
    let meaning = meaning_of(Some(code), 200);
    match meaning {
        // Access is a matter of the topic, whoever the service says is at fault.
        Some(CodeMeaning::AccessDenied) => {
            Attempt::Blocked(Reason::new(ReasonKind::AccessDenied, detail))
        }
        Some(CodeMeaning::Throttled) => Attempt::Again {
            certain: true,
            after: None,
            reason: Reason::new(ReasonKind::Throttled, detail),
        },
        _ if failed.sender_fault() => Attempt::Refused(Reason::new(ReasonKind::Invalid, detail)),
        // The service says by its list that this entry was not published.
        _ => Attempt::Again {
            certain: true,
            after: None,
            reason: Reason::new(ReasonKind::Unavailable, detail),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use aws_sdk_sns::types::PublishBatchResultEntry;

    use super::*;

    fn place() -> Place {
        Place {
            what: "topic",
            name: "alerts".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: None,
            profile: None,
        }
    }

    fn published(id: &str) -> PublishBatchResultEntry {
        PublishBatchResultEntry::builder()
            .id(id)
            .message_id(format!("m-{id}"))
            .build()
    }

    fn failed(id: &str, code: &str, sender_fault: bool) -> BatchResultErrorEntry {
        BatchResultErrorEntry::builder()
            .id(id)
            .code(code)
            .sender_fault(sender_fault)
            .build()
            .unwrap()
    }

    fn attempts(
        successful: Vec<PublishBatchResultEntry>,
        failed: Vec<BatchResultErrorEntry>,
        records: usize,
    ) -> Vec<String> {
        let (send, receive) = mpsc::channel();
        let mut sink = AttemptSink::new(records, move |attempts| send.send(attempts).unwrap());
        let answer = PublishBatchOutput::builder()
            .set_successful(Some(successful))
            .set_failed(Some(failed))
            .build();
        judge(&answer, &place(), &mut sink);
        drop(sink);
        let attempts: Vec<Attempt> = receive.recv().unwrap();
        attempts
            .iter()
            .map(|attempt| match attempt {
                Attempt::Stored(Receipt::Message { id }) => id.to_string(),
                Attempt::Stored(_) => "stored nowhere".to_owned(),
                Attempt::Again {
                    certain, reason, ..
                } => {
                    format!(
                        "{} {}",
                        if *certain { "not" } else { "maybe" },
                        reason.kind().code()
                    )
                }
                Attempt::Refused(reason) => format!("refused {}", reason.kind().code()),
                Attempt::Blocked(reason) => format!("blocked {}", reason.kind().code()),
            })
            .collect()
    }

    #[test]
    fn each_entry_has_its_own_fate() {
        let found = attempts(
            vec![published("3"), published("0")],
            vec![
                failed("1", "InvalidParameter", true),
                failed("2", "InternalError", false),
                failed("4", "Throttled", true),
                failed("5", "AuthorizationError", true),
            ],
            6,
        );
        assert_eq!(
            found,
            [
                "m-0",
                "refused record_invalid",
                "not target_unavailable",
                "m-3",
                "not throttled",
                "blocked access_denied",
            ]
        );
    }

    #[test]
    fn what_the_answer_does_not_name_is_uncertain() {
        let nobody = "maybe answer_unreadable";
        assert_eq!(attempts(vec![], vec![], 2), [nobody; 2]);
        assert_eq!(attempts(vec![published("1")], vec![], 2), [nobody, "m-1"]);
        let strangers = vec![published("7"), published("x"), published("-1")];
        assert_eq!(attempts(strangers, vec![], 2), [nobody; 2]);
        let without_id = PublishBatchResultEntry::builder().id("0").build();
        assert_eq!(attempts(vec![without_id], vec![], 1), [nobody]);
        let both = attempts(
            vec![published("0")],
            vec![failed("0", "InternalError", false)],
            1,
        );
        assert_eq!(both, ["not target_unavailable"]);
    }
}
