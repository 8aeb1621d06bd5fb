//! What a kind of target says of a record that it took, by the names that answers have.

use sluicegate_contract::Receipt;

use crate::map::{MemberKind, ReceiptMember};

const fn text(name: &'static str) -> ReceiptMember {
    ReceiptMember {
        name,
        kind: MemberKind::Text,
        certain: true,
    }
}

const fn integer(name: &'static str) -> ReceiptMember {
    ReceiptMember {
        name,
        kind: MemberKind::Integer,
        certain: true,
    }
}

/// The members of the receipts of this kind of target.
#[must_use]
pub fn receipt_members(kind: &str) -> &'static [ReceiptMember] {
    const ALREADY_THERE: ReceiptMember = ReceiptMember {
        name: "already_there",
        kind: MemberKind::Boolean,
        certain: true,
    };
    // Only where the mapping says `returning`, and what is given back is not too large.
    const ATTRIBUTES: ReceiptMember = ReceiptMember {
        name: "attributes",
        kind: MemberKind::Json,
        certain: false,
    };
    match kind {
        "dynamodb" => &[ALREADY_THERE, ATTRIBUTES],
        "kinesis" => &[
            const { text("shard_id") },
            const { text("sequence_number") },
        ],
        "sns" => &[const { text("message_id") }],
        "log" => &[const { integer("sequence") }],
        "kafka" => &[const { integer("partition") }, const { integer("offset") }],
        _ => &[],
    }
}

/// A receipt as such a target might give it, for tests of a file and for `try`. The same each
/// time.
#[must_use]
pub fn rehearsed_receipt(kind: &str) -> Receipt {
    match kind {
        "kinesis" => Receipt::Sequence {
            shard: "shardId-000000000000".into(),
            sequence: "49590338271490256608559692538361571095921575989136588898".into(),
        },
        "log" => Receipt::Logged { sequence: 0 },
        "sns" => Receipt::Message {
            id: "00000000-0000-4000-8000-000000000001".into(),
        },
        "kafka" => Receipt::Position {
            partition: 0,
            offset: 0,
        },
        _ => Receipt::Nothing,
    }
}
