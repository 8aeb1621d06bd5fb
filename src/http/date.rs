//! The `Date` field: written from a text that each core renews once a second.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
type Text = [u8; 29];

thread_local! {
    /// The second of the text (since 1970, UTC) and the text.
    static DATE: Cell<Option<(u64, Text)>> = const { Cell::new(None) };
}

/// The text of the last [`refresh`] on this thread; on a thread that never refreshed, of now.
pub(super) fn text() -> Text {
    match DATE.get() {
        Some((_, text)) => text,
        None => refresh(),
    }
}

/// Renews the text if its second has passed. The sweeper of each core calls this.
pub(super) fn refresh() -> Text {
    let second = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    match DATE.get() {
        Some((of, text)) if of == second => text,
        _ => {
            let text = format(second);
            DATE.set(Some((second, text)));
            text
        }
    }
}

/// IMF-fixdate (RFC 9110, 5.6.7) of a second since 1970.
fn format(second: u64) -> Text {
    const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let days = second / 86_400;
    let (year, month, day) = civil(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let weekday = DAYS.get((days % 7) as usize).copied().unwrap_or(b"Thu");
    let month_name = MONTHS.get((month - 1) as usize).copied().unwrap_or(b"Jan");
    text[0..3].copy_from_slice(weekday);
    text[8..11].copy_from_slice(month_name);
    let mut digits = |at: usize, number: u64| {
        text[at] = b'0' + (number / 10 % 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    };
    digits(5, day);
    digits(12, year / 100);
    digits(14, year % 100);
    digits(17, second / 3600 % 24);
    digits(20, second / 60 % 60);
    digits(23, second % 60);
    text
}

/// Year, month and day of a day since 1970-01-01, by counting in eras of 400 years that start on
/// the first of March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table: [(u64, &[u8]); 5] = [
            (0, b"Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, b"Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, b"Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_772_323_199, b"Sat, 28 Feb 2026 23:59:59 GMT"),
            (4_107_542_400, b"Mon, 01 Mar 2100 00:00:00 GMT"),
        ];
        for (second, expected) in table {
            assert_eq!(
                String::from_utf8_lossy(&format(second)),
                String::from_utf8_lossy(expected)
            );
        }
    }
}
