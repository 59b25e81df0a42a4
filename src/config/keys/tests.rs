//! The list of keys: how paths are looked up, and that the list itself is in order.

use super::*;

fn meant(path: &str) -> Option<String> {
    likely_meant(&path.split('.').map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn a_slip_of_a_letter_or_two_is_recognized_in_any_part() {
    assert_eq!(
        meant("schedule.timezone").as_deref(),
        Some("schedule.time_zone")
    );
    assert_eq!(
        meant("shedule.time_zone").as_deref(),
        Some("schedule.time_zone")
    );
    assert_eq!(
        meant("databases.shop.migrater").as_deref(),
        Some("databases.shop.migrator")
    );
    assert_eq!(meant("datadir").as_deref(), Some("data_dir"));
}

#[test]
fn a_key_that_resembles_nothing_gets_no_suggestion() {
    assert_eq!(meant("schedule.colour"), None);
    assert_eq!(meant("x"), None);
    assert_eq!(meant("schedule.time_zone.deeper"), None);
    assert_eq!(meant(""), None);
}

#[test]
fn the_edit_distance_counts_insertions_deletions_and_replacements() {
    assert_eq!(edit_distance("kitten", "sitting"), 3);
    assert_eq!(edit_distance("", "abc"), 3);
    assert_eq!(edit_distance("same", "same"), 0);
}

#[test]
fn no_key_is_listed_twice_and_each_section_is_in_one_piece() {
    let mut seen: Vec<&str> = Vec::new();
    for key in KEYS {
        let section = key.path.rsplit_once('.').map_or("", |(section, _)| section);
        assert!(
            seen.last() == Some(&section) || !seen.contains(&section),
            "{}",
            key.path
        );
        seen.push(section);
        assert_eq!(
            KEYS.iter().filter(|other| other.path == key.path).count(),
            1,
            "{}",
            key.path
        );
    }
}
