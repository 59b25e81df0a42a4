//! How values read in text: sizes, times, durations, counts and the names of enum values. Each is written here only.

use std::time::Duration;

use indicatif::BinaryBytes;
use prost_types::Timestamp;

/// A number of bytes in binary units, e.g. `1.50 KiB`.
pub(super) fn size(bytes: i64) -> String {
    BinaryBytes(u64::try_from(bytes).unwrap_or(0)).to_string()
}

/// A moment in RFC 3339, UTC, to the second; empty when absent.
pub(super) fn time(timestamp: Option<&Timestamp>) -> String {
    timestamp.map_or_else(String::new, |timestamp| {
        let seconds = Timestamp {
            seconds: timestamp.seconds,
            nanos: 0,
        };
        seconds.to_string()
    })
}

/// The day of a moment, UTC, e.g. `2026-11-22`; empty when absent.
pub(super) fn date(timestamp: Option<&Timestamp>) -> String {
    let time = time(timestamp);
    time.split_once('T')
        .map_or_else(String::new, |(date, _)| date.to_owned())
}

/// A span of time to the millisecond, e.g. `1m 4s 20ms`; empty when absent.
pub(super) fn duration(duration: Option<&prost_types::Duration>) -> String {
    duration.map_or_else(String::new, |duration| {
        Duration::try_from(*duration).map_or_else(|_| "negative".to_owned(), span)
    })
}

/// A span of time to the millisecond.
pub(super) fn span(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(milliseconds)).to_string()
}

/// A number with its noun, e.g. `1 table`, `4 tables`.
pub(super) fn count(number: impl Into<i64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// The short form of an enum value's name: `BACKUP_KIND_PRE_RESTORE` with prefix `BACKUP_KIND_` is `pre-restore`.
/// A value that is not set reads as nothing.
pub(super) fn value(name: &str, prefix: &str) -> String {
    match name.strip_prefix(prefix).unwrap_or(name) {
        "UNSPECIFIED" => String::new(),
        short => short.to_lowercase().replace('_', "-"),
    }
}

/// `yes` or `no`.
pub(super) fn yes(truth: bool) -> String {
    if truth { "yes" } else { "no" }.to_owned()
}

/// Items side by side without the empty ones, e.g. `a, b`.
pub(super) fn list(items: &[String]) -> String {
    let said: Vec<&str> = items
        .iter()
        .map(|item| item.trim_end())
        .filter(|item| !item.is_empty())
        .collect();
    said.join(", ")
}

/// Text from elsewhere on one line: a control character, which could drive the terminal, becomes a space.
pub(super) fn clean(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// As [`clean`], with the line breaks and tabs of a longer text kept.
pub(super) fn clean_lines(text: &str) -> String {
    text.replace(
        |character: char| character.is_control() && !matches!(character, '\n' | '\t'),
        " ",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_binary_units() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1536), "1.50 KiB");
        assert_eq!(size(5 * 1024 * 1024 * 1024), "5.00 GiB");
        assert_eq!(size(-1), "0 B");
    }

    #[test]
    fn times_are_rfc_3339_in_utc_to_the_second() {
        let timestamp = Timestamp {
            seconds: 1_795_312_800,
            nanos: 123_456_789,
        };
        assert_eq!(time(Some(&timestamp)), "2026-11-22T02:00:00Z");
        assert_eq!(time(None), "");
        assert_eq!(date(Some(&timestamp)), "2026-11-22");
        assert_eq!(date(None), "");
    }

    #[test]
    fn durations_are_cut_at_the_millisecond() {
        let given = prost_types::Duration {
            seconds: 64,
            nanos: 20_900_000,
        };
        assert_eq!(duration(Some(&given)), "1m 4s 20ms");
        assert_eq!(duration(None), "");
    }

    #[test]
    fn a_noun_is_in_the_plural_unless_there_is_one() {
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(2i64, "row"), "2 rows");
    }

    #[test]
    fn enum_values_lose_their_prefix_and_their_shouting() {
        assert_eq!(
            value("BACKUP_KIND_PRE_RESTORE", "BACKUP_KIND_"),
            "pre-restore"
        );
        assert_eq!(value("BACKUP_KIND_UNSPECIFIED", "BACKUP_KIND_"), "");
    }

    #[test]
    fn a_list_leaves_out_what_is_empty() {
        let items = ["a".to_owned(), String::new(), "b ".to_owned()];
        assert_eq!(list(&items), "a, b");
    }

    #[test]
    fn text_from_elsewhere_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\td"), "a [2Jb c d");
        assert_eq!(clean_lines("a\u{1b}[2Jb\nc\td\r\n"), "a [2Jb\nc\td \n");
    }
}
