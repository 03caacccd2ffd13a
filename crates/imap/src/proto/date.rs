//! The two date forms of IMAP: a day (`1-Feb-2024`, for SEARCH) and INTERNALDATE with time and zone.
//!
//! Times are seconds since 1970 in UTC. The crate takes no calendar library for twelve month names.

use std::fmt;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_SECS: i64 = 86_400;

/// A calendar day, for the SINCE and BEFORE search keys. The server compares it in its own time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Days since 1 January 1970.
    days: i64,
}

/// Years 1 to 9999: what four digits can say.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

impl Day {
    /// The UTC day of a time in seconds since 1970. Days outside the years 1 to 9999 become the nearest one.
    pub fn of_unix_secs(secs: i64) -> Self {
        Self { days: secs.div_euclid(DAY_SECS).clamp(FIRST_DAY, LAST_DAY) }
    }

    /// Year, month from 1 and day from 1, by the Gregorian calendar.
    fn civil(self) -> (i64, i64, i64) {
        // Years that begin in March have their leap day at the end; 146,097 days are 400 years.
        let days = self.days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day)
    }

    fn of_civil(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let year_from_march = year - i64::from(month <= 2);
        let era = year_from_march.div_euclid(400);
        let year_of_era = year_from_march.rem_euclid(400);
        let from_march = (month + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        let found = Self { days: era * 146_097 + of_era - 719_468 };
        (found.civil() == (year, month, day)).then_some(found)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        let month = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"Jan");
        write!(f, "{day}-{month}-{year:04}")
    }
}

/// INTERNALDATE as the grammar wants it, in UTC: ` 1-Feb-2024 10:00:00 +0000`.
pub(crate) fn format_internal(secs: i64) -> String {
    let time = secs.rem_euclid(DAY_SECS);
    let day = Day::of_unix_secs(secs);
    format!("{:>11} {:02}:{:02}:{:02} +0000", day.to_string(), time / 3600, time / 60 % 60, time % 60)
}

/// Reads an INTERNALDATE leniently: one or two digits for the day, two or four for the year, any case for the
/// month, seconds and zone may be absent. Nothing when it cannot be a date.
pub(crate) fn parse_internal(text: &str) -> Option<i64> {
    let mut words = text.split_ascii_whitespace();
    let mut date = words.next()?.split('-');
    let day = date.next()?.parse().ok()?;
    let name = date.next()?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    let day = Day::of_civil(year(date.next()?)?, i64::try_from(month).ok()? + 1, day)?;
    let mut clock = words.next()?.split(':');
    let hour: i64 = clock.next()?.parse().ok()?;
    let minute: i64 = clock.next()?.parse().ok()?;
    let second: i64 = clock.next().map_or(Ok(0), str::parse).ok()?;
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return None;
    }
    let offset = words.next().map_or(Some(0), zone)?;
    Some(day.days * DAY_SECS + hour * 3600 + minute * 60 + second - offset)
}

/// A year in full, or in two digits as RFC 5322 section 4.3 reads them: up to 49 is this century.
fn year(text: &str) -> Option<i64> {
    let year: i64 = text.parse().ok()?;
    Some(match (text.len(), year) {
        (2, 0..50) => year + 2000,
        (2, 50..100) => year + 1900,
        _ => year,
    })
}

/// `+0130` or `-08:00` in seconds; a zone by name counts as UTC.
fn zone(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return Some(0),
    };
    let digits: u32 = digits.replace(':', "").parse().ok()?;
    let (hours, minutes) = (digits / 100, digits % 100);
    (hours <= 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_servers() {
        let table = [
            ("17-Jul-1996 02:44:25 -0700", Some(837_596_665)),
            (" 1-Jan-1970 00:00:00 +0000", Some(0)),
            ("01-JAN-1970 00:00:00 +0000", Some(0)),
            ("1-Jan-1970 00:00:00", Some(0)),
            ("1-Jan-1970 00:00", Some(0)),
            ("1-Jan-70 00:00:00 +0000", Some(0)),
            ("1-Jan-24 10:00:00 +0000", Some(1_704_103_200)),
            ("1-Jan--1 10:00:00 +0000", None),
            ("1-Jan-1970 01:00:00 +01:00", Some(0)),
            ("1-Jan-1970 00:00:00 GMT", Some(0)),
            ("29-Feb-2024 12:00:00 +0000", Some(1_709_208_000)),
            ("29-Feb-2023 12:00:00 +0000", None),
            ("00-Jan-1970 00:00:00 +0000", None),
            ("1-Foo-1970 00:00:00 +0000", None),
            ("1-Jan-1970 25:00:00 +0000", None),
            ("1-Jan-999999999999 00:00:00 +0000", None),
            ("1-Jan-1970 00:00:00 +99999999", None),
            ("1-Jan-1970 00:00:00 +02222222222222222222", None),
            ("1-Jan-1970 00:00:00 +-30", None),
            ("Mon, 1 Jan 1970 00:00:00 +0000", None),
            ("", None),
        ];
        for (text, secs) in table {
            assert_eq!(parse_internal(text), secs, "{text}");
        }
    }

    #[test]
    fn days_are_written_for_search() {
        assert_eq!(Day::of_unix_secs(1_709_208_000).to_string(), "29-Feb-2024");
        assert_eq!(Day::of_unix_secs(-1).to_string(), "31-Dec-1969");
        assert_eq!(Day::of_unix_secs(i64::MAX).to_string(), "31-Dec-9999");
        assert_eq!(Day::of_unix_secs(i64::MIN).to_string(), "1-Jan-0001");
    }

    proptest! {
        #[test]
        fn a_written_date_reads_back(secs in -62_135_596_800_i64..253_402_300_799) {
            prop_assert_eq!(parse_internal(&format_internal(secs)), Some(secs));
        }

        #[test]
        fn any_text_is_harmless(text in ".{0,40}") {
            parse_internal(&text);
        }
    }
}
