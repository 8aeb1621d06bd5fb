//! A number of an event as it was written, without rounding.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use jsonschema::json::JsonNumber;
use serde_json::Number;

/// A JSON number by its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrittenNumber<'a>(pub(super) &'a str);

impl JsonNumber for WrittenNumber<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// None where it is beyond all doubles: the library then treats it as endless, not as the
    /// largest double.
    fn as_f64(&self) -> Option<f64> {
        let value: f64 = self.0.parse().ok()?;
        value.is_finite().then_some(value)
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn to_number(&self) -> Cow<'_, Number> {
        let whole = self.as_u64().map(Number::from);
        let whole = whole.or_else(|| self.as_i64().map(Number::from));
        let number = whole.or_else(|| self.as_f64().and_then(Number::from_f64));
        Cow::Owned(number.unwrap_or_else(|| Number::from(0)))
    }

    fn is_integer(&self) -> bool {
        self.is_written_as_integer() || Decimal::of(self.0).is_whole()
    }

    fn is_written_as_integer(&self) -> bool {
        !self
            .0
            .bytes()
            .any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    }
}

impl WrittenNumber<'_> {
    /// Whether it is the number that a schema names: exactly for integers of 64 bits, as doubles
    /// else, since that is how the schema itself was read.
    pub(super) fn equals(&self, expected: &Number) -> bool {
        if let Some(expected) = expected.as_u64() {
            return match self.as_u64() {
                Some(value) => value == expected,
                None => Decimal::of(self.0) == Decimal::of(&expected.to_string()),
            };
        }
        if let Some(expected) = expected.as_i64() {
            return match self.as_i64() {
                Some(value) => value == expected,
                None => Decimal::of(self.0) == Decimal::of(&expected.to_string()),
            };
        }
        self.as_f64()
            .is_some_and(|value| expected.as_f64() == Some(value))
    }
}

/// A number as its digits and the power of ten of the last: equal numbers are equal here, however
/// they were written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Digits, perhaps with a point among them, from the first to the last that is not zero.
    digits: &'a str,
    /// Of the last digit.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') {
            i64::MIN / 2
        } else {
            i64::MAX / 2
        });
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let trimmed = mantissa.trim_start_matches(['0', '.']);
        let digits = trimmed.trim_end_matches(['0', '.']);
        if digits.is_empty() {
            return Self {
                negative: false,
                digits: "",
                exponent: 0,
            };
        }
        // The last digit stands so many places before (or, negative, behind) the point.
        let end = mantissa.len() - trimmed.len() + digits.len();
        let point = mantissa.find('.').unwrap_or(mantissa.len());
        let places = if end <= point {
            (point - end) as i64
        } else {
            -((end - point - 1) as i64)
        };
        Self {
            negative,
            digits,
            exponent: exponent.saturating_add(places),
        }
    }

    fn is_whole(&self) -> bool {
        self.exponent >= 0
    }

    fn plain_digits(&self) -> impl Iterator<Item = u8> + 'a {
        self.digits.bytes().filter(|byte| *byte != b'.')
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.negative == other.negative
            && self.exponent == other.exponent
            && self.plain_digits().eq(other.plain_digits())
    }
}

impl Hash for Decimal<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.negative.hash(state);
        self.exponent.hash(state);
        for digit in self.plain_digits() {
            state.write_u8(digit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        for (one, other, equal) in [
            ("1", "1.0", true),
            ("100", "1e2", true),
            ("0.01", "1E-2", true),
            ("1.50", "15e-1", true),
            ("-0", "0.0e9", true),
            ("120.0340", "120.034", true),
            ("1", "-1", false),
            ("10", "1", false),
            ("0.1", "0.01", false),
            ("9007199254740993", "9007199254740992", false),
            ("1e999999999999999999999", "1e999999999999999999998", true),
        ] {
            assert_eq!(
                Decimal::of(one) == Decimal::of(other),
                equal,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn whole_numbers_are_told_by_their_value() {
        for (text, whole) in [
            ("1", true),
            ("1.0", true),
            ("1.5", false),
            ("1.5e1", true),
            ("15e-1", false),
            ("150e-1", true),
            ("0.0", true),
            ("1e400", true),
            ("1e-400", false),
            ("123456789012345678901234567890.5", false),
        ] {
            assert_eq!(WrittenNumber(text).is_integer(), whole, "{text}");
        }
    }

    #[test]
    fn a_schemas_number_is_met_exactly_up_to_64_bits() {
        let expected = |text: &str| serde_json::from_str::<Number>(text).unwrap();
        for (event, schema, equal) in [
            ("18446744073709551615", "18446744073709551615", true),
            ("18446744073709551615.0", "18446744073709551615", true),
            ("9007199254740993.0", "9007199254740992", false),
            ("-9223372036854775808", "-9223372036854775808", true),
            ("-9223372036854775808.5", "-9223372036854775808", false),
            ("0.10", "0.1", true),
            ("1e400", "0.1", false),
        ] {
            assert_eq!(
                WrittenNumber(event).equals(&expected(schema)),
                equal,
                "{event}"
            );
        }
    }
}
