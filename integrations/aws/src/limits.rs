//! Limits of a call, as a file may set them within what a service takes.

use schemars::JsonSchema;
use serde::Deserialize;
use sluicegate_contract::{ByteSize, Limits};

use crate::Problem;

/// Limits that a file may set. What is left out is the service's own limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Records in one call.
    #[serde(default)]
    pub records: Option<usize>,
    /// Bytes of one call, counted as the service counts them.
    #[serde(default)]
    pub call_bytes: Option<ByteSize>,
    /// Bytes of one record, counted as the service counts them. A larger one is refused with 413.
    #[serde(default)]
    pub record_bytes: Option<ByteSize>,
    /// Calls in flight at once.
    #[serde(default)]
    pub concurrent_calls: Option<usize>,
}

/// What a service takes by default, and at most.
#[derive(Clone, Copy, Debug)]
pub struct LimitBounds {
    /// Where the file says nothing.
    pub default: Limits,
    /// What a file may ask for.
    pub most: Limits,
}

impl LimitSettings {
    /// The limits to run on. Settings that [`Self::validate`] passed are within the bounds.
    #[must_use]
    pub fn resolve(&self, bounds: &LimitBounds) -> Limits {
        let bytes = |set: Option<ByteSize>, default: usize| {
            set.and_then(|size| usize::try_from(size.0).ok())
                .unwrap_or(default)
        };
        let LimitBounds { default, most } = bounds;
        // A larger record than the default call asks for a larger call as well.
        let record_bytes = bytes(self.record_bytes, default.record_bytes).min(most.record_bytes);
        Limits {
            records: self.records.unwrap_or(default.records).min(most.records),
            call_bytes: bytes(self.call_bytes, default.call_bytes.max(record_bytes))
                .min(most.call_bytes),
            record_bytes,
            unique_keys: default.unique_keys,
            concurrent_calls: self
                .concurrent_calls
                .unwrap_or(default.concurrent_calls)
                .min(most.concurrent_calls),
        }
    }

    /// Checks each limit against what the service takes.
    ///
    /// # Errors
    /// The key at fault and its bounds.
    pub fn validate(&self, bounds: &LimitBounds) -> Result<(), Problem> {
        let most = &bounds.most;
        let number = |key, set: Option<usize>, most: usize| match set {
            Some(value) if value == 0 || value > most => {
                Err((key, format!("must be 1 to {most}, not {value}")))
            }
            _ => Ok(()),
        };
        let size = |key, set: Option<ByteSize>, most: usize| match set {
            Some(value) if value.0 == 0 || value.0 > most as u64 => {
                let most = ByteSize(most as u64);
                Err((key, format!("must be 1 byte to {most}, not {value}")))
            }
            _ => Ok(()),
        };
        number("limits.records", self.records, most.records)?;
        size("limits.call_bytes", self.call_bytes, most.call_bytes)?;
        size("limits.record_bytes", self.record_bytes, most.record_bytes)?;
        number(
            "limits.concurrent_calls",
            self.concurrent_calls,
            most.concurrent_calls,
        )?;
        let run = self.resolve(bounds);
        if run.record_bytes > run.call_bytes {
            let (record, call) = (
                ByteSize(run.record_bytes as u64),
                ByteSize(run.call_bytes as u64),
            );
            let message = format!("a record of {record} does not fit a call of {call}");
            return Err(("limits.call_bytes", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: LimitBounds = LimitBounds {
        default: Limits {
            records: 500,
            call_bytes: 5 << 20,
            record_bytes: 1 << 20,
            unique_keys: false,
            concurrent_calls: 4,
        },
        most: Limits {
            records: 500,
            call_bytes: 10 << 20,
            record_bytes: 10 << 20,
            unique_keys: false,
            concurrent_calls: 64,
        },
    };

    #[test]
    fn limits_stay_within_what_the_service_takes() {
        let none = LimitSettings::default();
        assert_eq!(none.resolve(&BOUNDS), BOUNDS.default);
        let large = LimitSettings {
            record_bytes: Some(ByteSize(8 << 20)),
            ..LimitSettings::default()
        };
        assert_eq!(large.validate(&BOUNDS), Ok(()));
        assert_eq!(large.resolve(&BOUNDS).call_bytes, 8 << 20);
        for (key, settings) in [
            (
                "limits.records",
                LimitSettings {
                    records: Some(501),
                    ..LimitSettings::default()
                },
            ),
            (
                "limits.records",
                LimitSettings {
                    records: Some(0),
                    ..LimitSettings::default()
                },
            ),
            (
                "limits.call_bytes",
                LimitSettings {
                    call_bytes: Some(ByteSize(11 << 20)),
                    ..LimitSettings::default()
                },
            ),
            (
                "limits.call_bytes",
                LimitSettings {
                    call_bytes: Some(ByteSize(1000)),
                    ..LimitSettings::default()
                },
            ),
            (
                "limits.concurrent_calls",
                LimitSettings {
                    concurrent_calls: Some(0),
                    ..LimitSettings::default()
                },
            ),
        ] {
            assert_eq!(settings.validate(&BOUNDS).unwrap_err().0, key);
        }
    }
}
