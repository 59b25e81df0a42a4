//! Sequences. What they belong to is a step of its own in the plan: a sequence is made before the column that uses it, and
//! given to it afterwards.

// Writing to a String cannot fail.
use std::fmt::Write as _;

use super::Object;
use crate::model::autogenerate::object::changed;

pub(in crate::model::autogenerate) fn create(object: &Object<'_>) -> String {
    let unlogged = if object.text("persistence") == Some("unlogged") {
        "UNLOGGED "
    } else {
        ""
    };
    let (identity, options) = (object.identity(), options(object));
    format!("CREATE {unlogged}SEQUENCE {identity} {options}")
}

pub(in crate::model::autogenerate) fn drop(object: &Object<'_>) -> String {
    format!("DROP SEQUENCE {}", object.identity())
}

pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
) -> Option<Vec<String>> {
    let changed = changed(old, new);
    if changed.contains("identity") {
        return None;
    }
    let mut statements = Vec::new();
    let alter = format!("ALTER SEQUENCE {}", new.identity());
    if changed
        .iter()
        .any(|name| !matches!(*name, "owned by" | "persistence"))
    {
        statements.push(format!("{alter} {}", options(new)));
    }
    if changed.contains("persistence") {
        let logged = if new.text("persistence") == Some("unlogged") {
            "UNLOGGED"
        } else {
            "LOGGED"
        };
        statements.push(format!("{alter} SET {logged}"));
    }
    Some(statements)
}

/// Gives the sequence to the column that it serves, or to none.
pub(in crate::model::autogenerate) fn own(object: &Object<'_>, owner: Option<&str>) -> String {
    let owner = owner.unwrap_or("NONE");
    format!("ALTER SEQUENCE {} OWNED BY {owner}", object.identity())
}

/// All options in full.
fn options(object: &Object<'_>) -> String {
    let number = |name: &str| object.number(name).unwrap_or_default();
    let cycle = if object.flag("cycle") {
        "CYCLE"
    } else {
        "NO CYCLE"
    };
    format!(
        "AS {} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {} {cycle}",
        object.text_or_empty("type"),
        number("increment"),
        number("min"),
        number("max"),
        number("start"),
        number("cache"),
    )
}

/// The options of a sequence that an identity column makes, less those that it has by default: its type is the column's.
pub(super) fn identity_options(object: &Object<'_>) -> String {
    let number = |name: &str| object.number(name).unwrap_or_default();
    let largest = match object.text("type") {
        Some("smallint") => i64::from(i16::MAX),
        Some("integer") => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    let settings = [
        ("INCREMENT BY", number("increment"), 1),
        ("MINVALUE", number("min"), 1),
        ("MAXVALUE", number("max"), largest),
        ("START WITH", number("start"), 1),
        ("CACHE", number("cache"), 1),
    ];
    // Where the sequence counts down, other defaults hold.
    let counts_up = number("increment") > 0;
    let mut text = format!("SEQUENCE NAME {}", object.identity());
    for (word, value, default) in settings {
        if value != default || !counts_up {
            let _ = write!(text, " {word} {value}");
        }
    }
    if object.flag("cycle") {
        text.push_str(" CYCLE");
    }
    text
}
