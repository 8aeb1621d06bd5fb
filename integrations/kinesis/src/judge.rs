//! From an answer of PutRecords to an attempt for each record. Pure.

use aws_sdk_kinesis::operation::put_records::PutRecordsOutput;
use aws_sdk_kinesis::types::PutRecordsResultEntry;
use sluicegate_aws::{CodeMeaning, Place, meaning_of, one_line};
use sluicegate_contract::{Attempt, AttemptSink, Reason, ReasonKind, Receipt};

/// Reports on each record of a call of `records` records.
///
/// The entries of the answer stand in the order of the call. An answer with another number of
/// entries cannot be matched, so it confirms nobody: all are uncertain.
pub(crate) fn judge(
    answer: PutRecordsOutput,
    records: usize,
    place: &Place,
    sink: &mut AttemptSink,
) {
    if answer.records.len() != records {
        let detail = format!(
            "{place}: {} results for {records} records",
            answer.records.len()
        );
        sink.report_rest(&Attempt::Again {
            certain: false,
            after: None,
            reason: Reason::new(ReasonKind::AnswerUnreadable, detail),
        });
        return;
    }
    for (index, entry) in answer.records.into_iter().enumerate() {
        sink.report(index, judge_entry(entry, place));
    }
}

fn judge_entry(entry: PutRecordsResultEntry, place: &Place) -> Attempt {
    let PutRecordsResultEntry {
        sequence_number,
        shard_id,
        error_code,
        error_message,
        ..
    } = entry;
    let Some(code) = error_code else {
        return match (sequence_number, shard_id) {
            (Some(sequence), Some(shard)) if !sequence.is_empty() => {
                Attempt::Stored(Receipt::Sequence {
                    shard: shard.into(),
                    sequence: sequence.into(),
                })
            }
            // Neither stored nor failed: the answer proves nothing.
            _ => Attempt::Again {
                certain: false,
                after: None,
                reason: Reason::new(
                    ReasonKind::AnswerUnreadable,
                    format!("{place}: an entry with neither a sequence number nor an error"),
                ),
            },
        };
    };
    let message = error_message.unwrap_or_default();
    let detail = format!("{place}: {}: {}", one_line(&code), one_line(&message));
    match meaning_of(Some(&code), 200) {
        Some(CodeMeaning::Throttled | CodeMeaning::NotReady) => Attempt::Again {
            certain: true,
            after: None,
            reason: Reason::new(ReasonKind::Throttled, detail),
        },
        // The documents call an entry with `InternalFailure` "unsuccessfully processed". They do
        // not say how far the failing shard came, and no consumer can tell it from a 500 of the
        // whole call: so it is tried again, and never said to be surely absent.
        _ => Attempt::Again {
            certain: false,
            after: None,
            reason: Reason::new(ReasonKind::Unavailable, detail),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn place() -> Place {
        Place {
            what: "stream",
            name: "clicks".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: None,
            profile: None,
        }
    }

    fn stored(sequence: &str) -> PutRecordsResultEntry {
        PutRecordsResultEntry::builder()
            .sequence_number(sequence)
            .shard_id("shardId-0")
            .build()
    }

    fn failed(code: &str) -> PutRecordsResultEntry {
        PutRecordsResultEntry::builder()
            .error_code(code)
            .error_message("slow\ndown")
            .build()
    }

    fn attempts(entries: Vec<PutRecordsResultEntry>, records: usize) -> Vec<Attempt> {
        let (send, receive) = mpsc::channel();
        let mut sink = AttemptSink::new(records, move |attempts| send.send(attempts).unwrap());
        let answer = PutRecordsOutput::builder()
            .set_records(Some(entries))
            .build()
            .unwrap();
        judge(answer, records, &place(), &mut sink);
        drop(sink);
        receive.recv().unwrap()
    }

    #[test]
    fn exactly_the_failed_entries_are_tried_again() {
        let attempts = attempts(
            vec![
                stored("7"),
                failed("ProvisionedThroughputExceededException"),
                failed("InternalFailure"),
                stored("9"),
            ],
            4,
        );
        let receipt = |sequence: &str| {
            Attempt::Stored(Receipt::Sequence {
                shard: "shardId-0".into(),
                sequence: sequence.into(),
            })
        };
        assert_eq!(attempts[0], receipt("7"));
        assert!(
            matches!(&attempts[1], Attempt::Again { certain: true, reason, .. }
            if reason.kind() == ReasonKind::Throttled)
        );
        assert!(
            matches!(&attempts[2], Attempt::Again { certain: false, reason, .. }
            if reason.kind() == ReasonKind::Unavailable)
        );
        assert_eq!(attempts[3], receipt("9"));
    }

    #[test]
    fn an_answer_that_does_not_match_its_call_confirms_nobody() {
        for (entries, records) in [
            (vec![], 2),
            (vec![stored("7")], 2),
            (vec![stored("7"), stored("8"), stored("9")], 2),
            (vec![PutRecordsResultEntry::builder().build(); 2], 2),
        ] {
            for attempt in attempts(entries, records) {
                assert!(
                    matches!(&attempt, Attempt::Again { certain: false, reason, .. }
                    if reason.kind() == ReasonKind::AnswerUnreadable),
                    "{attempt:?}"
                );
            }
        }
    }
}
