//! What a check of the settings has to know of a kind of target.

use super::TargetSettings;

/// What decides where among a target's parts a record goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The keys within `record` that lead to it.
    pub path: Vec<String>,
    /// A field of the record that decides in its place.
    pub unless: Option<&'static str>,
    /// What one part is called.
    pub part: &'static str,
    /// Records that one part takes each second, where the service says so.
    pub records_per_second: Option<u64>,
}

impl TargetSettings {
    /// Fields of a record that make it need a call of its own.
    #[must_use]
    pub fn fields_that_travel_alone(&self) -> &'static [&'static str] {
        match self {
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(_) => &["condition", "update"],
            _ => &[],
        }
    }

    /// What decides where among the target's parts a record goes; `None` where nothing is known.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        let field = |name: &str| vec![name.to_owned()];
        match self {
            #[cfg(feature = "dynamodb")]
            Self::Dynamodb(settings) => {
                let (partition, _) = settings.key.as_ref()?.0.first()?;
                Some(Spread {
                    path: vec!["put".to_owned(), partition.clone()],
                    unless: None,
                    part: "partition of the table",
                    records_per_second: Some(1000),
                })
            }
            #[cfg(feature = "kinesis")]
            Self::Kinesis(_) => Some(Spread {
                path: field("partition_key"),
                unless: Some("explicit_hash_key"),
                part: "shard",
                records_per_second: Some(1000),
            }),
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => Some(Spread {
                path: field("key"),
                unless: Some("partition"),
                part: "partition of the topic",
                records_per_second: None,
            }),
            _ => None,
        }
    }

    /// Bytes of the largest record, where the settings say so and the room has no call limits.
    #[must_use]
    pub fn record_bytes(&self) -> Option<usize> {
        match self {
            #[cfg(feature = "kafka")]
            Self::Kafka(settings) => Some(settings.record_bytes()),
            _ => None,
        }
    }
}
