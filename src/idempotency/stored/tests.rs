//! What is stored is what is told, whatever its size.

use sluicegate_contract::ReasonKind;

use super::*;

#[test]
fn what_is_stored_is_read_again() {
    let delivered = [
        Receipt::Nothing,
        Receipt::AlreadyThere,
        Receipt::Position {
            partition: 3,
            offset: -1,
        },
        Receipt::Sequence {
            shard: "shardId-0".into(),
            sequence: "49590338".into(),
        },
        Receipt::Attributes { json: None },
        Receipt::Attributes {
            json: Some(Bytes::from_static(b"{\"a\":1}")),
        },
        Receipt::Message { id: "m".into() },
        Receipt::Logged { sequence: 9 },
    ];
    let refused = [
        Reason::from(ReasonKind::ConditionFalse),
        Reason::new(ReasonKind::Invalid, "too odd"),
    ];
    let outcomes = delivered.map(Outcome::Delivered).into_iter();
    let outcomes = outcomes.chain(refused.map(Outcome::Refused));
    let gave_up = Outcome::GaveUp {
        certain: true,
        reason: ReasonKind::GiveUp.into(),
    };
    let fates = outcomes.chain([gave_up]).map(Fate::Ended);
    let fates = fates.chain([Fate::Spooled, Fate::Pending]).enumerate();
    let records = fates.map(|(place, fate)| SettledRecord {
        event: place as u32,
        binding: format!("binding-{place}").into(),
        fate,
    });
    let settled = Settled {
        id: u128::MAX - 5,
        records: records.collect(),
    };
    let bytes = settled.encoded();
    assert_eq!(Settled::decoded(&bytes), Ok(settled));
    for cut in 0..bytes.len() {
        let cut = Settled::decoded(&bytes[..cut]);
        assert_eq!(cut, Err(Untold::Unreadable));
    }
}

/// As many records as this, of all that can become of one, with receipts and details or without.
fn mixed(records: u32, detailed: bool) -> Settled {
    let (receipt, reason) = match detailed {
        true => (
            Receipt::Message {
                id: "0".repeat(100).into(),
            },
            Reason::new(ReasonKind::Invalid, "too odd ".repeat(20)),
        ),
        false => (Receipt::Nothing, ReasonKind::Invalid.into()),
    };
    let fates = [
        Fate::Ended(Outcome::Delivered(receipt)),
        Fate::Ended(Outcome::Refused(reason.clone())),
        Fate::Ended(Outcome::GaveUp {
            certain: false,
            reason,
        }),
        Fate::Spooled,
        Fate::Pending,
    ];
    let record = |place: u32| SettledRecord {
        // Some events have no record.
        event: place + place / 100,
        binding: "orders".into(),
        fate: fates[place as usize / 3 % fates.len()].clone(),
    };
    Settled {
        id: 1,
        records: (0..records).map(record).collect(),
    }
}

#[test]
fn what_is_too_large_loses_receipts_and_details_but_no_record() {
    for records in [1000, 3000, 10_000, 60_000] {
        let fitted = mixed(records, true).fitted();
        assert!(fitted.len() <= IDEMPOTENCY_STORED_BYTES_MAX);
        let mut told = Settled::decoded(&fitted).unwrap();
        for record in &mut told.records {
            match &mut record.fate {
                Fate::Ended(Outcome::Delivered(receipt)) => *receipt = Receipt::Nothing,
                Fate::Ended(Outcome::Refused(reason) | Outcome::GaveUp { reason, .. }) => {
                    *reason = Reason::from(reason.kind());
                }
                _ => {}
            }
        }
        assert_eq!(told, mixed(records, false), "{records}");
    }
}

#[test]
fn bindings_of_one_event_stay_together() {
    let record = |place: u32| SettledRecord {
        event: place / 32,
        binding: format!("binding-{:02}", place % 32).into(),
        fate: Fate::Spooled,
    };
    let settled = Settled {
        id: 1,
        records: (0..64_000).map(record).collect(),
    };
    let fitted = settled.clone().fitted();
    assert!(fitted.len() < 2000, "{}", fitted.len());
    assert_eq!(Settled::decoded(&fitted), Ok(settled));
}

/// An answer that no form fits: what became of each of very many records is up to chance.
pub(crate) fn boundless() -> Settled {
    let mut random = fastrand::Rng::with_seed(1);
    let mut record = |place: u32| SettledRecord {
        event: place / 32,
        binding: format!("binding-{}", place % 32).into(),
        fate: match random.u8(..4) {
            0 => Fate::Spooled,
            1 => Fate::Pending,
            2 => Fate::Ended(Outcome::Delivered(Receipt::Nothing)),
            _ => Fate::Ended(Outcome::Refused(ReasonKind::Invalid.into())),
        },
    };
    Settled {
        id: 1,
        records: (0..320_000).map(&mut record).collect(),
    }
}

#[test]
fn what_no_form_fits_is_not_told_at_all() {
    let fitted = boundless().fitted();
    assert!(fitted.len() < 40, "{}", fitted.len());
    assert_eq!(Settled::decoded(&fitted), Err(Untold::TooLarge));
}

#[test]
fn runs_that_no_request_has_are_not_read() {
    for runs in [
        vec![0],
        vec![0, u32::MAX],
        vec![u32::MAX, 1],
        vec![0, 200_000, 0, 200_000],
    ] {
        let form = form::tests::of_runs(runs.clone());
        assert_eq!(
            Settled::decoded(&form.encoded()),
            Err(Untold::Unreadable),
            "{runs:?}"
        );
    }
}

#[test]
fn a_small_answer_takes_few_bytes() {
    let settled = Settled {
        id: 7,
        records: vec![SettledRecord {
            event: 0,
            binding: "orders".into(),
            fate: Fate::Ended(Outcome::Delivered(Receipt::Nothing)),
        }],
    };
    assert!(settled.encoded().len() < 40, "{}", settled.encoded().len());
}
