//! ALTER of what holds rows, action by action: columns that go, types that change, tables that are written anew.

use super::{
    created::Created,
    finding::{Category, Severity},
    remark::Remark,
    words::{Cursor, Words},
};

const SAFE_RETYPE: &str = "add a new column of the new type, fill it in batches, switch clients to it, and drop the old one in a later revision";
const SAFE_MOVE: &str = "do it in a maintenance window, or copy the rows into a new table in batches and swap the names";

/// Types into which every value goes that commonly stood in such a column, with and without a length of its own.
const WIDE: &[&str] = &[
    "text",
    "varchar",
    "character varying",
    "numeric",
    "decimal",
    "bigint",
    "int8",
    "bytea",
    "double precision",
    "float8",
    "timestamptz",
    "timestamp with time zone",
];

/// Types whose explicit cast cuts what is too long without a word.
const CUT: &[&str] = &["varchar", "character", "char", "bit", "bpchar"];

pub(super) fn remarks(words: &Words, created: &Created) -> Vec<Remark> {
    let mut cursor = words.start();
    if !cursor.eat("alter") {
        return Vec::new();
    }
    if cursor.eat("type") {
        return cursor.name().map_or_else(Vec::new, |name| {
            each_action(cursor, |place| {
                dropped_attribute(place, &name).into_iter().collect()
            })
        });
    }
    if cursor.eat("database") {
        let name = cursor.name();
        return moved(cursor, name).into_iter().collect();
    }
    if !cursor.eat_any(&["table", "index", "materialized view"]) {
        return Vec::new();
    }
    if cursor.eat("all in tablespace") {
        cursor.name();
        while !cursor.at_end() && cursor.text() != Some("set") {
            cursor.skip();
        }
        return moved(cursor, None).into_iter().collect();
    }
    cursor.eat_if_exists();
    cursor.eat("only");
    let Some(name) = cursor.name().filter(|name| !created.contains(name)) else {
        return Vec::new();
    };
    cursor.eat_sign("*");
    each_action(cursor, |place| {
        let found = [
            dropped_column(place, &name),
            retyped(place, &name),
            moved(place, Some(name.clone())),
        ];
        found.into_iter().flatten().collect()
    })
}

fn each_action(mut cursor: Cursor<'_>, read: impl Fn(Cursor<'_>) -> Vec<Remark>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    loop {
        remarks.extend(read(cursor));
        if !cursor.next_item() {
            return remarks;
        }
    }
}

fn dropped_column(place: Cursor<'_>, table: &str) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("drop") || cursor.eat("constraint") {
        return None;
    }
    cursor.eat("column");
    cursor.eat_if_exists();
    let column = cursor.name()?;
    let message = if cursor.eat("cascade") {
        "drops the column with all its values, and whatever depends on it"
    } else {
        "drops the column with all its values"
    };
    Some(Remark::new(
        "drop-column",
        (Category::Destructive, Severity::Error),
        place,
        Some(format!("{table}.{column}")),
        message,
        "let clients stop using it first, and drop it in a later revision, after a verified backup",
    ))
}

fn dropped_attribute(place: Cursor<'_>, name: &str) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("drop attribute") {
        return None;
    }
    cursor.eat_if_exists();
    let attribute = cursor.name()?;
    Some(Remark::new(
        "drop-attribute",
        (Category::Destructive, Severity::Error),
        place,
        Some(format!("{name}.{attribute}")),
        "drops the attribute, and its value in every stored row of the type",
        "make a new type without it, and move the columns of the old type over in a later revision",
    ))
}

fn retyped(place: Cursor<'_>, table: &str) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("alter") || cursor.eat("constraint") {
        return None;
    }
    cursor.eat("column");
    let column = cursor.name()?;
    if !cursor.eat("type") && !cursor.eat("set data type") {
        return None;
    }
    let converts = before_comma(cursor).any(|mut word| word.eat("using"));
    let (category, severity, message) = if sized(cursor, CUT) && converts {
        (
            Category::DataLoss,
            Severity::Error,
            "writes the table anew; the cast in USING may cut longer values without a word",
        )
    } else if WIDE.iter().any(|wide| is_type(cursor, wide)) && !converts {
        (
            Category::Rewrite,
            Severity::Warning,
            "may write the table and its indexes anew, and nobody reads or writes it meanwhile",
        )
    } else {
        (
            Category::DataLoss,
            Severity::Warning,
            "may write the table anew, and may shorten, round or change values that do not fit the new type",
        )
    };
    Some(Remark::new(
        "alter-column-type",
        (category, severity),
        place,
        Some(format!("{table}.{column}")),
        message,
        SAFE_RETYPE,
    ))
}

/// The words of an action up to its end.
fn before_comma(mut cursor: Cursor<'_>) -> impl Iterator<Item = Cursor<'_>> {
    std::iter::from_fn(move || {
        let here = cursor;
        if cursor.text() == Some(",") {
            return None;
        }
        if cursor.text() == Some("(") {
            cursor.skip_parentheses();
        } else {
            cursor.skip()?;
        }
        Some(here)
    })
}

/// True for exactly this type, without a length and not an array of it.
fn is_type(mut cursor: Cursor<'_>, name: &str) -> bool {
    if cursor.eat("pg_catalog") {
        cursor.eat_sign(".");
    }
    cursor.eat(name) && !matches!(cursor.text(), Some("(" | "[" | "array" | "varying"))
}

/// True for one of these types with a length, e.g. `varchar(10)`.
fn sized(mut cursor: Cursor<'_>, names: &[&str]) -> bool {
    cursor.eat_any(names) && {
        cursor.eat("varying");
        cursor.text() == Some("(")
    }
}

fn moved(place: Cursor<'_>, object: Option<String>) -> Option<Remark> {
    let mut cursor = place;
    let (rule, category, message) = if cursor.eat("set tablespace") {
        (
            "set-tablespace",
            Category::Rewrite,
            "copies the files to another tablespace, and nobody reads or writes meanwhile",
        )
    } else if cursor.eat("set access method") {
        (
            "set-access-method",
            Category::Rewrite,
            "writes the table and its indexes anew, and nobody reads or writes it meanwhile",
        )
    } else if cursor.eat("set logged") {
        (
            "set-logged",
            Category::Rewrite,
            "writes the table anew and all of it to the write-ahead log, and nobody reads or writes it meanwhile",
        )
    } else if cursor.eat("set unlogged") {
        (
            "set-unlogged",
            Category::DataLoss,
            "writes the table anew, and from then on a crash of the server empties it; standbys and physical backups do not have its rows",
        )
    } else {
        return None;
    };
    let safe_way = match category {
        Category::DataLoss => "leave the table logged unless all of its rows can be made again",
        _ => SAFE_MOVE,
    };
    Some(Remark::new(
        rule,
        (category, Severity::Warning),
        place,
        object,
        message,
        safe_way,
    ))
}
