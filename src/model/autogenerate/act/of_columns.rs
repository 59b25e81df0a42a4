//! The statements of columns: those that come with a table's parents or type, and those that change in place.

use super::Writer;
use crate::model::{
    autogenerate::{
        Cast, names,
        object::Object,
        rules,
        side::Side,
        write::{Written, columns},
    },
    schema::ObjectKey,
};

impl<'a> Writer<'_, 'a> {
    /// Whether the column is one of a typed table: it has those of its type.
    pub(super) fn is_of_type(&self, side: &Side<'a>, column: &ObjectKey) -> bool {
        let on = self
            .new
            .carrier(column)
            .or_else(|| self.old.carrier(column));
        let table = on.and_then(|table| side.object(table));
        table.is_some_and(|table| table.text("of type").is_some())
    }

    /// What columns that a new table has from its parents are beyond what they are there.
    pub(super) fn inherited_columns(&self, table: &Object<'_>) -> Vec<String> {
        if table.text("partition of").is_some() {
            return Vec::new();
        }
        let columns = self.new.columns(table.key);
        columns
            .iter()
            .flat_map(|column| self.beyond_parent(column))
            .collect()
    }

    pub(super) fn beyond_parent(&self, column: &Object<'_>) -> Vec<String> {
        if column.text("origin") != Some("inherited") {
            return Vec::new();
        }
        let parent = rules::column_of_parent(self.new, column.key);
        let Some(parent) = parent.and_then(|parent| self.new.object(parent)) else {
            return Vec::new();
        };
        let given: Vec<&str> = parent
            .properties
            .keys()
            .map(String::as_str)
            .filter(|name| !matches!(*name, "statistics target" | "options" | "foreign options"))
            .filter(|name| parent.properties.get(*name) == column.properties.get(*name))
            .collect();
        let mut statements = beyond(column, &given);
        if parent.text("default").is_some() && column.text("default").is_none() {
            statements.push(format!("{} DROP DEFAULT", columns::alter_column(column)));
        }
        statements
    }

    pub(super) fn add_column(&self, column: &Object<'_>) -> Written {
        let table = column.on().unwrap_or_default();
        if self.is_of_type(self.new, column.key) && self.is_of_type(self.old, column.key) {
            return Ok(beyond(column, &["type", "collation"]));
        }
        let parent_adds = column.text("origin") == Some("inherited")
            && rules::column_of_parent(self.new, column.key)
                .is_some_and(|parent| self.fates.comes(parent));
        if parent_adds {
            return Ok(self.beyond_parent(column));
        }
        let sequence = column
            .text("identity")
            .and_then(|_| self.new.identity_sequence(column.key));
        let definition = columns::definition(column, sequence.as_ref(), true)?;
        let mut statements = vec![format!("ALTER TABLE {table} ADD COLUMN {definition}")];
        statements.extend(columns::settings(column));
        Ok(statements)
    }

    pub(super) fn alter_column(&self, before: &Object<'_>, after: &Object<'_>) -> Vec<String> {
        let key = after.key;
        let retyped = self.fates.retyped.contains(key) || columns::is_retyped(before, after);
        let of_view = rules::is_of_view(self.new, key);
        let sequence = after
            .text("identity")
            .and_then(|_| self.new.identity_sequence(key));
        let how = columns::Alteration {
            retype: (retyped && !of_view).then(|| self.cast(before, after)),
            released: self.fates.released.contains(key),
            not_null_later: rules::is_not_null_later(
                self.old, self.new, self.fates, self.form, key,
            ),
            follows_parent: rules::follows_parent(self.new, self.fates, key),
            partitioned: rules::is_of_partitioned(self.new, key),
        };
        columns::alter(before, after, sequence.as_ref(), how)
    }

    pub(super) fn cast(&self, before: &Object<'_>, after: &Object<'_>) -> Cast {
        let (from, to) = (before.text_or_empty("type"), after.text_or_empty("type"));
        if self.fates.retyped.contains(after.key)
            && from == to
            && before.text("collation") == after.text("collation")
        {
            return Cast::Text;
        }
        if from == to {
            return Cast::Assignment;
        }
        let pair = (from.to_owned(), to.to_owned());
        self.casts.get(&pair).copied().unwrap_or(Cast::Text)
    }
}

/// What makes the column of one that has only the given properties.
fn beyond(column: &Object<'_>, given: &[&str]) -> Vec<String> {
    let mut had = column.properties.clone();
    had.retain(|name, _| given.contains(&name.as_str()));
    let from = Object {
        properties: &had,
        ..*column
    };
    let how = columns::Alteration {
        retype: None,
        released: false,
        not_null_later: false,
        follows_parent: false,
        partitioned: false,
    };
    columns::alter(&from, column, None, how)
}

/// A NOT NULL that looks at the rows while nobody is kept out: a validated check saves the look that SET NOT NULL takes.
pub(super) fn not_null(column: &Object<'_>) -> Vec<String> {
    let (table, name) = (column.on().unwrap_or_default(), column.name());
    // It is there for a moment.
    let check = names::with_end(name, "_not_null_check");
    vec![
        format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID"),
        format!("ALTER TABLE {table} VALIDATE CONSTRAINT {check}"),
        format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"),
        format!("ALTER TABLE {table} DROP CONSTRAINT {check}"),
    ]
}
