//! The list itself.

use super::*;

#[test]
fn no_key_is_listed_twice_and_each_section_is_in_one_piece() {
    let mut seen: Vec<&str> = Vec::new();
    for key in all() {
        let section = key.path.rsplit_once('.').map_or("", |(section, _)| section);
        assert!(
            seen.last() == Some(&section) || !seen.contains(&section),
            "{}",
            key.path
        );
        seen.push(section);
        assert_eq!(
            all().filter(|other| other.path == key.path).count(),
            1,
            "{}",
            key.path
        );
    }
}
