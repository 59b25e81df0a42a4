//! Statements that remove or overwrite rows: DELETE, TRUNCATE, MERGE … DELETE, UPDATE without WHERE.
//!
//! They are looked for anywhere in a statement, since a WITH clause or an EXPLAIN ANALYZE runs them as well. Bodies of
//! functions, rules and the like are only stored; what they do is not looked at.

use super::{
    created::Created,
    finding::{Category, Severity},
    remark::Remark,
    words::{Cursor, Words},
};

pub(super) fn remarks(words: &Words, created: &Created) -> Vec<Remark> {
    if only_stores(words.start()) {
        return Vec::new();
    }
    let mut remarks = truncated(words.start());
    for place in words.each() {
        remarks.extend(deleted(place));
        remarks.extend(merged_away(place));
        remarks.extend(overwritten(place));
    }
    remarks.retain(|remark| {
        let object = remark.object.as_deref();
        !object.is_some_and(|object| created.contains(object))
    });
    remarks
}

/// True for a CREATE of anything but a table: what it holds runs later, if ever.
fn only_stores(mut cursor: Cursor<'_>) -> bool {
    if !cursor.eat("create") {
        return false;
    }
    cursor.eat_any(&["local", "global"]);
    cursor.eat_any(&["temp", "temporary", "unlogged"]);
    !cursor.eat("table")
}

fn truncated(mut cursor: Cursor<'_>) -> Vec<Remark> {
    if !cursor.eat("truncate") {
        return Vec::new();
    }
    let message = if cursor.ends_with("cascade") {
        "removes all rows of the table and of every table with a foreign key to it"
    } else {
        "removes all rows of the table"
    };
    cursor.eat("table");
    let mut remarks = Vec::new();
    loop {
        cursor.eat("only");
        let place = cursor;
        if let Some(table) = cursor.name() {
            remarks.push(Remark::new(
                "truncate",
                (Category::Destructive, Severity::Error),
                place,
                Some(table),
                message,
                "copy the rows to another table first, or take a backup and verify it; name each table instead of CASCADE",
            ));
        }
        if !cursor.next_item() {
            return remarks;
        }
    }
}

fn deleted(place: Cursor<'_>) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("delete from") {
        return None;
    }
    cursor.eat("only");
    let table = cursor.name()?;
    let message = if cursor.comes("where") {
        "removes rows of the table"
    } else {
        "removes all rows of the table"
    };
    Some(Remark::new(
        "delete",
        (Category::Destructive, Severity::Error),
        place,
        Some(table),
        message,
        "copy the rows to another table first (INSERT … SELECT with the same WHERE), so that the downgrade can bring them back",
    ))
}

fn merged_away(place: Cursor<'_>) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("merge into") {
        return None;
    }
    cursor.eat("only");
    let table = cursor.name()?;
    cursor.comes("then delete").then(|| {
        Remark::new(
            "delete",
            (Category::Destructive, Severity::Error),
            place,
            Some(table),
            "removes the rows of the table that the MERGE picks",
            "copy the rows to another table first, so that the downgrade can bring them back",
        )
    })
}

fn overwritten(place: Cursor<'_>) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("update") {
        return None;
    }
    cursor.eat("only");
    let table = cursor.name()?;
    cursor.eat_sign("*");
    if !cursor.eat("set") {
        // An alias; `ON CONFLICT DO UPDATE SET` and `FOR UPDATE` end here.
        cursor.eat("as");
        cursor.name()?;
        if !cursor.eat("set") {
            return None;
        }
    }
    (!cursor.comes("where")).then(|| {
        Remark::new(
            "update-without-where",
            (Category::DataLoss, Severity::Warning),
            place,
            Some(table),
            "overwrites values in every row of the table, and holds a lock on each until the end",
            "add a WHERE that picks the rows to change (for a backfill `WHERE new_column IS NULL`), and do large tables in batches",
        )
    })
}
