//! DROP in all its forms: what goes, and whether data goes with it.

use super::{
    created::Created,
    finding::{Category, Severity},
    remark::Remark,
    words::{Cursor, Words},
};

/// What the drop of one kind of object means.
struct Meaning {
    category: Category,
    severity: Severity,
    message: &'static str,
    safe_way: &'static str,
}

const KEEP_FIRST: &str = "rename it out of the way in this revision, and drop it in a later one, after a verified backup, when nothing has missed it";
const CLIENTS_FIRST: &str = "drop it in a later revision, when no client uses it any more";

/// The kinds whose drop says something, as they stand after DROP, with what it means without CASCADE; `None` where it
/// means nothing then. The rest, e.g. indexes and triggers, hold no data and nobody names them.
const KINDS: &[(&str, Option<Meaning>)] = &[
    (
        "table",
        Some(destroys(
            Severity::Error,
            "drops the table with all its rows",
        )),
    ),
    (
        "schema",
        Some(destroys(
            Severity::Warning,
            "drops the schema, which PostgreSQL refuses while it holds anything",
        )),
    ),
    (
        "sequence",
        Some(destroys(
            Severity::Warning,
            "drops the sequence and forgets its position",
        )),
    ),
    (
        "extension",
        Some(destroys(
            Severity::Error,
            "drops the extension with all objects that belong to it, its tables and their rows included",
        )),
    ),
    (
        "database",
        Some(destroys(Severity::Error, "drops a whole database")),
    ),
    (
        "materialized view",
        Some(destroys(
            Severity::Note,
            "drops the materialized view; its rows can be computed again",
        )),
    ),
    (
        "foreign table",
        Some(destroys(
            Severity::Note,
            "drops the foreign table; its rows live elsewhere and stay",
        )),
    ),
    (
        "view",
        Some(missed("drops the view; clients that read it will fail")),
    ),
    (
        "function",
        Some(missed("drops the function; clients that call it will fail")),
    ),
    (
        "procedure",
        Some(missed(
            "drops the procedure; clients that call it will fail",
        )),
    ),
    (
        "routine",
        Some(missed("drops the routine; clients that call it will fail")),
    ),
    (
        "aggregate",
        Some(missed(
            "drops the aggregate; clients that call it will fail",
        )),
    ),
    (
        "type",
        Some(missed("drops the type; clients that name it will fail")),
    ),
    (
        "domain",
        Some(missed("drops the domain; clients that name it will fail")),
    ),
    ("access method", None),
    ("collation", None),
    ("foreign data wrapper", None),
    ("language", None),
    ("server", None),
];

const fn destroys(severity: Severity, message: &'static str) -> Meaning {
    Meaning {
        category: Category::Destructive,
        severity,
        message,
        safe_way: KEEP_FIRST,
    }
}

const fn missed(message: &'static str) -> Meaning {
    Meaning {
        category: Category::Compatibility,
        severity: Severity::Note,
        message,
        safe_way: CLIENTS_FIRST,
    }
}

/// One remark for each dropped object.
pub(super) fn remarks(words: &Words, created: &Created) -> Vec<Remark> {
    let mut cursor = words.start();
    if !cursor.eat("drop") {
        return Vec::new();
    }
    if cursor.eat("owned by") {
        return each_object(cursor, |place, role| {
            Some(Remark::new(
                "drop-owned",
                (Category::Destructive, Severity::Error),
                place,
                Some(role),
                "drops all that the role owns in this database, tables and their rows included",
                "REASSIGN OWNED BY the role TO another, then drop single objects by name",
            ))
        });
    }
    let Some((kind, alone)) = KINDS.iter().find(|(kind, _)| cursor.eat(kind)) else {
        return Vec::new();
    };
    cursor.eat_if_exists();
    let cascade = cursor.ends_with("cascade");
    let rule = format!("drop-{}", kind.replace(' ', "-"));
    each_object(cursor, |place, object| {
        let is_new = *kind == "table" && created.contains(&object);
        if cascade {
            return Some(Remark::new(
                &rule,
                (Category::Destructive, Severity::Error),
                place,
                Some(object),
                format!(
                    "drops the {kind} and all that depends on it, whatever that is: CASCADE reaches columns, views and constraints"
                ),
                "leave CASCADE out and drop what depends on it by name, so that a reviewer sees it",
            ));
        }
        let meaning = alone.as_ref().filter(|_| !is_new)?;
        Some(Remark::new(
            &rule,
            (meaning.category, meaning.severity),
            place,
            Some(object),
            meaning.message,
            meaning.safe_way,
        ))
    })
}

/// Calls `remark` with each name of a list and its place. Arguments of functions are not part of the name.
fn each_object(
    mut cursor: Cursor<'_>,
    remark: impl Fn(Cursor<'_>, String) -> Option<Remark>,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    loop {
        let place = cursor;
        if let Some(name) = cursor.name() {
            remarks.extend(remark(place, name));
        }
        if !cursor.next_item() {
            return remarks;
        }
    }
}
