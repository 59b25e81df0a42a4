//! Types that make room for another of their name until all columns have gone over, and tables that wait aside until their
//! rows are taken over.

use super::Writer;
use crate::model::{
    autogenerate::{Cast, names, object::Object, rules},
    schema::ObjectKind,
};

/// What a moved type is called until it is dropped: its name with this at its end.
const MOVED: &str = "__old";

impl Writer<'_, '_> {
    /// The rows of the table that went aside. Of a partitioned one they are those of all partitions, else only its own.
    pub(super) fn fill(&self, table: &Object<'_>) -> String {
        let before = self.old.object(table.key);
        let partitioned = before.is_some_and(|before| before.text("partitioned by").is_some());
        let only = if partitioned { "" } else { "ONLY " };
        let columns = rules::common_columns(self.old, self.new, table.key);
        let names: Vec<&str> = columns.iter().map(|(_, column)| column.name()).collect();
        let values = columns.iter().map(|(before, after)| {
            let (name, kind) = (after.name(), after.text_or_empty("type"));
            let mut used = self.old.rests_on(before.key).iter();
            let moved =
                used.any(|used| used.kind != ObjectKind::Table && self.steps.moved.contains(used));
            if before.text("type") == after.text("type") && !moved {
                return name.to_owned();
            }
            match self.cast(before, after) {
                _ if moved => format!("{name}::text::{kind}"),
                Cast::Assignment => name.to_owned(),
                Cast::Explicit => format!("{name}::{kind}"),
                Cast::Text => format!("{name}::text::{kind}"),
            }
        });
        let values: Vec<String> = values.collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {only}{}.{}",
            table.identity(),
            names.join(", "),
            values.join(", "),
            aside(table),
            table.name()
        )
    }
}

/// The name that a type has between its move and its end.
fn moved_name(object: &Object<'_>) -> String {
    names::with_end(object.name(), MOVED)
}

fn moved_word(object: &Object<'_>) -> &'static str {
    match object.kind() {
        ObjectKind::Domain => "DOMAIN",
        ObjectKind::Collation => "COLLATION",
        _ => "TYPE",
    }
}

pub(super) fn discarded(object: &Object<'_>) -> Vec<String> {
    if object.kind() == ObjectKind::Table {
        let aside = aside(object);
        return vec![
            format!("DROP TABLE {aside}.{}", object.name()),
            format!("DROP SCHEMA {aside}"),
        ];
    }
    let schema = object.text_or_empty("schema");
    vec![format!(
        "DROP {} {schema}.{}",
        moved_word(object),
        moved_name(object)
    )]
}

/// The schema that a table waits in until its rows are taken over: so its indexes, constraints and sequences make room too.
/// Tables of one name in several schemas wait in several.
fn aside(table: &Object<'_>) -> String {
    let (schema, name) = (
        names::bare(table.text_or_empty("schema")),
        names::bare(table.name()),
    );
    names::with_end(&names::quoted(&format!("{schema}_{name}")), MOVED)
}

/// Makes room for the new one of that name.
pub(super) fn moved(object: &Object<'_>) -> Vec<String> {
    let identity = object.identity();
    if object.kind() == ObjectKind::Table {
        let aside = aside(object);
        return vec![
            format!("CREATE SCHEMA {aside}"),
            format!("ALTER TABLE {identity} SET SCHEMA {aside}"),
        ];
    }
    let (word, name) = (moved_word(object), moved_name(object));
    vec![format!("ALTER {word} {identity} RENAME TO {name}")]
}
