//! What of a mapping could never be published, as far as the file says it.

use sluicegate_contract::{MappingFault, Outline};

use crate::request::{DEDUPLICATION_ID, GROUP, PROTOCOL_MESSAGES, PROTOCOLS};
use crate::settings::Settings;

impl Settings {
    /// Checks what a mapping says of its records, given field by field.
    #[must_use]
    pub fn check_mapping(&self, fields: &[Outline]) -> Vec<MappingFault> {
        let of = |field: usize| fields.get(field).unwrap_or(&Outline::Unset);
        let mut faults = Vec::new();
        if self.is_fifo() && !of(GROUP).is_set() {
            faults.push(MappingFault::new(
                "group",
                "a FIFO topic needs `group`, whose messages stay in order",
                "write for example `group: ${event.customer}`",
            ));
        }
        for (name, field) in [("group", GROUP), ("deduplication_id", DEDUPLICATION_ID)] {
            if !self.is_fifo() && of(field).is_set() {
                faults.push(MappingFault::new(
                    if field == GROUP {
                        "group"
                    } else {
                        "deduplication_id"
                    },
                    format!("`{name}` is for FIFO topics, and this one is a standard topic"),
                    "leave it out, or name a topic whose ARN ends in `.fifo`",
                ));
            }
        }
        if let Outline::Map(entries) = of(PROTOCOL_MESSAGES) {
            for (name, _) in entries
                .iter()
                .filter(|(name, _)| !PROTOCOLS.contains(&&**name))
            {
                faults.push(unknown_protocol(name));
            }
        }
        faults
    }
}

fn unknown_protocol(name: &str) -> MappingFault {
    let list = PROTOCOLS.join(", ");
    let (message, help) = match name {
        "default" => (
            "`protocols` has no `default`".to_owned(),
            "what all others get is `message`".to_owned(),
        ),
        "sms" => (
            "`protocols.sms`: SMS is not sent by this gateway".to_owned(),
            format!("leave it out; the protocols are {list}"),
        ),
        other => (
            format!("`{other}` is no protocol of SNS"),
            format!("the protocols are {list}"),
        ),
    };
    MappingFault::new("protocols", message, help)
}
