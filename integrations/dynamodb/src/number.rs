//! Numbers as DynamoDB takes them: 38 significant digits, from 1E-130 to 9.99…E+125.

use std::fmt::Write;

/// Digits that a number may have once zeros on both ends are cut off.
const SIGNIFICANT_DIGITS_MAX: usize = 38;
/// The power of ten of a number's first significant digit.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// What is significant in a number as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    negative: bool,
    /// Without zeros on both ends; empty for zero.
    digits: String,
    /// The power of ten of the first digit.
    exponent: i64,
}

impl Number {
    /// Reads a number in JSON's notation, or in the service's, which is a part of it.
    ///
    /// # Errors
    /// Why DynamoDB would not take it.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        const NOT_A_NUMBER: &str = "is not a number";
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, read_power(power).ok_or(NOT_A_NUMBER)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !digits().all(|byte| byte.is_ascii_digit()) {
            return Err(NOT_A_NUMBER);
        }
        let zeros = digits().take_while(|byte| *byte == b'0').count();
        let mut significant: String = digits().skip(zeros).map(char::from).collect();
        significant.truncate(significant.trim_end_matches('0').len());
        if significant.is_empty() {
            return Ok(Self {
                negative: false,
                digits: significant,
                exponent: 0,
            });
        }
        if significant.len() > SIGNIFICANT_DIGITS_MAX {
            return Err("has more than 38 significant digits");
        }
        let exponent = (whole.len() as i64 - zeros as i64 - 1).saturating_add(power);
        if !EXPONENTS.contains(&exponent) {
            return Err("is outside of 1E-130 to 9.99E+125");
        }
        Ok(Self {
            negative,
            digits: significant,
            exponent,
        })
    }

    /// Bytes that DynamoDB counts for it: one for each two significant digits, one more, and one
    /// for a sign.
    pub(crate) fn bytes(&self) -> usize {
        self.digits.len().div_ceil(2) + 1 + usize::from(self.negative)
    }

    /// One text for each number, whatever way it was written: `12.50` and `1.25e1` are one.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::with_capacity(self.digits.len() + 6);
        if self.negative {
            text.push('-');
        }
        text.push_str(&self.digits);
        // Writing to a string cannot fail.
        let _ = write!(text, "e{}", self.exponent);
        text
    }
}

/// A power of ten. One that is too long for any use saturates, and is out of range then.
fn read_power(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let power = digits.iter().fold(0_i64, |power, digit| {
        power
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some(if negative { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_within_38_digits_and_the_services_range() {
        let nines = "9".repeat(38);
        for (text, good) in [
            ("0", true),
            ("-0.000", true),
            ("0e999999999999999999999999", true),
            ("12.50", true),
            ("-1.5E-7", true),
            (nines.as_str(), true),
            (&format!("{nines}9"), false),
            (&format!("0.000{nines}000"), true),
            (&format!("1{}", "0".repeat(125)), true),
            (&format!("1{}", "0".repeat(126)), false),
            ("1e125", true),
            ("1e126", false),
            ("1e-130", true),
            ("1e-131", false),
            ("0.1e-130", false),
            ("1e99999999999999999999", false),
            ("1e-99999999999999999999", false),
            ("", false),
            ("-", false),
            ("1.2.3", false),
            ("1e", false),
            ("NaN", false),
            (".5", false),
        ] {
            assert_eq!(Number::read(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn one_number_has_one_canonical_text_and_one_size() {
        for (left, right, bytes) in [
            ("12.50", "1.25e1", 3),
            ("100", "1e2", 2),
            ("-7", "-0.07E+2", 3),
            ("0.00", "-0", 1),
            ("0.0012", "12e-4", 2),
        ] {
            let (left, right) = (Number::read(left).unwrap(), Number::read(right).unwrap());
            assert_eq!(left.canonical(), right.canonical());
            assert_eq!(left.bytes(), bytes, "{left:?}");
        }
        assert_ne!(
            Number::read("12").unwrap().canonical(),
            Number::read("120").unwrap().canonical()
        );
    }
}
