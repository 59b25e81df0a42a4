//! What the list of keys says of a path: a value, a table, a list, or nothing, and then what was likely meant.

use super::{Key, all};

/// What stands at a path.
pub(in crate::config) enum Place {
    /// A value.
    Key(&'static Key),
    /// A table that holds keys or tables.
    Table,
    /// A list of tables.
    List,
    /// Nothing that is known.
    Unknown,
}

/// Looks a path up.
pub(in crate::config) fn place(path: &[String]) -> Place {
    for key in all() {
        let mut pattern = key.path.split('.');
        if !path
            .iter()
            .all(|part| pattern.next().is_some_and(|known| fits(part, known)))
        {
            continue;
        }
        return match pattern.next() {
            None => Place::Key(key),
            Some("#") => Place::List,
            Some(_) => Place::Table,
        };
    }
    Place::Unknown
}

/// Looks up a dotted path that the loader itself asks for.
pub(in crate::config) fn key(path: &str) -> Option<&'static Key> {
    let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
    match place(&parts) {
        Place::Key(key) => Some(key),
        _ => None,
    }
}

fn fits(part: &str, known: &str) -> bool {
    match known {
        "*" => !part.contains('.'),
        "#" => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
        known => part == known,
    }
}

/// The known key nearest to an unknown path, when a slip of one or two letters in one part explains it.
pub(in crate::config) fn likely_meant(path: &[String]) -> Option<String> {
    let known = (1..=path.len())
        .take_while(|&length| !matches!(place(&path[..length]), Place::Unknown))
        .count();
    let (parents, rest) = path.split_at(known);
    let (wrong, rest) = rest.split_first()?;
    let siblings = all().filter_map(|key| {
        let mut pattern = key.path.split('.');
        let same_parents = parents
            .iter()
            .all(|part| pattern.next().is_some_and(|known| fits(part, known)));
        pattern
            .next()
            .filter(|part| same_parents && !matches!(*part, "*" | "#"))
    });
    let (distance, nearest) = siblings
        .map(|sibling| (edit_distance(wrong, sibling), sibling))
        .min()?;
    let slip = distance <= 2 && distance < nearest.len().min(wrong.len());
    let parts = parents
        .iter()
        .map(String::as_str)
        .chain([nearest])
        .chain(rest.iter().map(String::as_str));
    slip.then(|| parts.collect::<Vec<_>>().join("."))
}

/// Levenshtein's distance: insertions, deletions and replacements that make one text the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
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
}
