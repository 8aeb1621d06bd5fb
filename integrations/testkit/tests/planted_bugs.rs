//! The conformance suite proves something only if it can fail: the right toy room passes every
//! check, and for each check there is a toy with a bug on which exactly that check speaks up.

#![allow(clippy::unwrap_used)] // A test program: a failed unwrap is a failed test.

mod toy;

use sluicegate_testkit::conformance::{self, CHECKS, producer};
use toy::producer::{Bug as ProducerBug, Toy as ToyProducer};
use toy::{Bug, Toy};

/// Each bug with the check that must find it.
const PLANTED: &[(Bug, &str)] = &[
    (
        Bug::TakesOneByteTooMany,
        "records_hold_what_the_service_takes",
    ),
    (Bug::WastesTheLimit, "records_hold_what_the_service_takes"),
    (
        Bug::StatesTooManyRecords,
        "calls_hold_what_the_service_takes",
    ),
    (
        Bug::StoredWhateverTheCount,
        "calls_hold_what_the_service_takes",
    ),
    (Bug::SendsBackwards, "batches_are_sent_as_they_are"),
    (Bug::DropsTheLast, "batches_are_sent_as_they_are"),
    (Bug::SplitsTheBatch, "batches_are_sent_as_they_are"),
    (Bug::CutsThePayload, "batches_are_sent_as_they_are"),
    (Bug::AttemptsBackwards, "attempts_belong_to_their_records"),
    (
        Bug::SaysStoredForFailedEntries,
        "throttled_entries_go_again",
    ),
    (Bug::WholeBatchAgain, "throttled_entries_go_again"),
    (Bug::SaysStoredForFailedEntries, "failed_entries_go_again"),
    (Bug::WholeBatchAgain, "failed_entries_go_again"),
    (Bug::TriesTheInvalidForever, "records_are_refused_alone"),
    (
        Bug::TriesTheInvalidForever,
        "one_bad_record_judges_no_other",
    ),
    (Bug::RefusesWhatIsThrottled, "throttled_calls_go_again"),
    (Bug::TriesAgainItself, "throttled_calls_go_again"),
    (
        Bug::CertainAfterServerError,
        "failing_services_are_uncertain",
    ),
    (Bug::TriesAgainItself, "failing_services_are_uncertain"),
    (
        Bug::RefusesTheRecordForAccess,
        "blocked_targets_judge_no_record",
    ),
    (Bug::UncertainWhenNothingListens, "closed_ports_are_certain"),
    (Bug::CertainAfterLostAnswer, "lost_answers_are_uncertain"),
    (Bug::TriesAgainItself, "lost_answers_are_uncertain"),
    (
        Bug::StoredOnAnyStatus200,
        "unreadable_answers_are_uncertain",
    ),
    (Bug::HasNoPatience, "slow_answers_are_awaited"),
    (Bug::NeverGivesUp, "endless_answers_end"),
    (Bug::CertainAfterLostAnswer, "endless_answers_end"),
];

/// The same for producers.
const PLANTED_IN_PRODUCERS: &[(ProducerBug, &str)] = &[
    (
        ProducerBug::TakesOneByteTooMany,
        "records_hold_what_the_topic_takes",
    ),
    (
        ProducerBug::DeliveredWhenQueued,
        "every_record_has_one_true_outcome",
    ),
    (
        ProducerBug::ForgetsAnOutcome,
        "every_record_has_one_true_outcome",
    ),
    (
        ProducerBug::SaysItTwice,
        "every_record_has_one_true_outcome",
    ),
    (ProducerBug::SendsTwice, "every_record_has_one_true_outcome"),
    (
        ProducerBug::TriesNothingAgain,
        "passing_errors_store_nothing_twice",
    ),
    (
        ProducerBug::SendsTwice,
        "passing_errors_store_nothing_twice",
    ),
    (
        ProducerBug::GivesUpWhatIsRefused,
        "a_refused_record_is_refused",
    ),
    (
        ProducerBug::RefusesForAccess,
        "a_closed_topic_judges_no_record",
    ),
    (
        ProducerBug::UncertainAboutWhatNeverLeft,
        "what_never_left_is_certain",
    ),
    (ProducerBug::WaitsForTheBroker, "what_never_left_is_certain"),
    (
        ProducerBug::CertainWhenTheAnswerIsLost,
        "a_lost_answer_is_uncertain",
    ),
    (ProducerBug::FlushesNothing, "flush_waits_for_the_outcomes"),
];

#[test]
fn a_right_room_passes() {
    conformance::run(&Toy(Bug::None));
}

#[test]
fn a_right_producer_passes() {
    producer::run(&ToyProducer(ProducerBug::None));
}

#[test]
fn every_check_of_producers_finds_the_bug_that_is_planted_for_it() {
    std::thread::scope(|scope| {
        for (name, check) in producer::CHECKS {
            let planted = PLANTED_IN_PRODUCERS.iter().filter(|(_, by)| by == name);
            let bugs: Vec<ProducerBug> = planted.map(|(bug, _)| *bug).collect();
            assert!(
                !bugs.is_empty(),
                "no bug is planted for {name}: it may be blind"
            );
            scope.spawn(move || {
                for bug in bugs {
                    assert!(
                        check(&ToyProducer(bug)).is_err(),
                        "{name} does not see {bug:?}"
                    );
                }
            });
        }
    });
}

#[test]
fn every_check_finds_the_bug_that_is_planted_for_it() {
    std::thread::scope(|scope| {
        for (name, check) in CHECKS {
            let bugs: Vec<Bug> = PLANTED
                .iter()
                .filter(|(_, by)| by == name)
                .map(|(bug, _)| *bug)
                .collect();
            assert!(
                !bugs.is_empty(),
                "no bug is planted for {name}: it may be blind"
            );
            scope.spawn(move || {
                for bug in bugs {
                    assert!(check(&Toy(bug)).is_err(), "{name} does not see {bug:?}");
                }
            });
        }
    });
}
