//! Columns of tables and foreign tables; of views only what can be said of their columns.

// Writing to a String cannot fail.
use std::fmt::Write as _;

use super::{Object, foreign, sequences};
use crate::model::autogenerate::{
    Cast,
    object::{changed, literal},
};

/// The column as CREATE TABLE and ADD COLUMN take it. `sequence` is the one that an identity column makes.
pub(in crate::model::autogenerate) fn definition(
    column: &Object<'_>,
    sequence: Option<&Object<'_>>,
    default: bool,
) -> Result<String, String> {
    let mut text = format!("{} {}", column.name(), column.text_or_empty("type"));
    if let Some(collation) = column.text("collation") {
        let _ = write!(text, " COLLATE {collation}");
    }
    if let Some(method) = column.text("compression") {
        let _ = write!(text, " COMPRESSION {method}");
    }
    if let Some(options) = foreign::options(&column.list("foreign options"))? {
        let _ = write!(text, " {options}");
    }
    if column.flag("not null") {
        text.push_str(" NOT NULL");
    }
    if let Some(generated) = generated(column) {
        let _ = write!(text, " {generated}");
    } else if let Some(identity) = identity(column, sequence) {
        let _ = write!(text, " {identity}");
    } else if let (Some(value), true) = (column.text("default"), default) {
        let _ = write!(text, " DEFAULT {value}");
    }
    Ok(text)
}

fn generated(column: &Object<'_>) -> Option<String> {
    let expression = column.text("generated")?;
    let kind = column.text_or_empty("generated as").to_uppercase();
    Some(format!("GENERATED ALWAYS AS ({expression}) {kind}"))
}

fn identity(column: &Object<'_>, sequence: Option<&Object<'_>>) -> Option<String> {
    let kind = column.text("identity")?.to_uppercase();
    let options = sequence
        .map(sequences::identity_options)
        .unwrap_or_default();
    Some(format!("GENERATED {kind} AS IDENTITY ({options})"))
}

/// What no column definition can say: storage, statistics target and options.
pub(in crate::model::autogenerate) fn settings(column: &Object<'_>) -> Vec<String> {
    let mut actions = Vec::new();
    if let Some(storage) = column.text("storage") {
        actions.push(format!("SET STORAGE {}", storage.to_uppercase()));
    }
    if let Some(target) = column.number("statistics target") {
        actions.push(format!("SET STATISTICS {target}"));
    }
    actions.extend(options_change(&[], &column.list("options")));
    let alter = alter_column(column);
    actions
        .iter()
        .map(|action| format!("{alter} {action}"))
        .collect()
}

/// Whether the column must be dropped and made again.
pub(in crate::model::autogenerate) fn must_be_made_again(
    old: &Object<'_>,
    new: &Object<'_>,
) -> bool {
    let changed = changed(old, new);
    let made = new.text("generated").is_some();
    made && ["generated", "generated as", "type", "collation"]
        .iter()
        .any(|name| changed.contains(name))
}

/// Whether the column's type or collation changes.
pub(in crate::model::autogenerate) fn is_retyped(old: &Object<'_>, new: &Object<'_>) -> bool {
    old.text("type") != new.text("type") || old.text("collation") != new.text("collation")
}

/// How a column is altered beyond what its properties say.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a circumstance of its own"
)]
pub(in crate::model::autogenerate) struct Alteration {
    /// The type is another one, even if it has the same name.
    pub(in crate::model::autogenerate) retype: Option<Cast>,
    /// The default was dropped already, to free what it used.
    pub(in crate::model::autogenerate) released: bool,
    /// A NOT NULL that is added is a step of its own.
    pub(in crate::model::autogenerate) not_null_later: bool,
    /// What its parents' columns get, it gets with them.
    pub(in crate::model::autogenerate) follows_parent: bool,
    /// Whether its table has partitions, which have what it has of NOT NULL.
    pub(in crate::model::autogenerate) partitioned: bool,
}

/// The statements that alter a column. `sequence` is the new one of an identity column.
pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
    sequence: Option<&Object<'_>>,
    how: Alteration,
) -> Vec<String> {
    let changed = changed(old, new);
    let mut statements = Vec::new();
    let alter = alter_column(new);
    let with_children = format!(
        "ALTER TABLE {} ALTER COLUMN {}",
        new.on().unwrap_or_default(),
        new.name()
    );
    // Children lose the expression with their parent, and not without it.
    let loses_expression = old.text("generated").is_some() && new.text("generated").is_none();
    if loses_expression && !how.follows_parent {
        statements.push(format!("{with_children} DROP EXPRESSION"));
    }
    let mut push = |action: String| statements.push(format!("{alter} {action}"));

    let loses_identity =
        changed.contains("identity") && new.text("identity").is_none() && !how.released;
    if loses_identity {
        push("DROP IDENTITY".to_owned());
    }
    let default = new.text("default");
    let had_default = old.text("default").is_some() && !how.released;
    let retype = how.retype.filter(|_| !how.follows_parent);
    if let Some(cast) = retype {
        let column = new.name();
        let mut actions = Vec::new();
        if had_default {
            actions.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
        }
        actions.push(format!("ALTER COLUMN {column} TYPE {}", retyped(new, cast)));
        if let Some(default) = default {
            actions.push(format!("ALTER COLUMN {column} SET DEFAULT {default}"));
        }
        statements.push(format!(
            "ALTER TABLE {} {}",
            new.on().unwrap_or_default(),
            actions.join(", ")
        ));
    } else {
        match default {
            Some(default)
                if how.released || how.retype.is_some() || changed.contains("default") =>
            {
                push(format!("SET DEFAULT {default}"));
            }
            None if had_default => push("DROP DEFAULT".to_owned()),
            _ => {}
        }
    }
    if changed.contains("not null") {
        // Partitions have what their parent has of this.
        if !new.flag("not null") {
            let alter = if how.partitioned {
                &with_children
            } else {
                &alter
            };
            statements.push(format!("{alter} DROP NOT NULL"));
        } else if !how.not_null_later && !how.follows_parent {
            statements.push(format!("{with_children} SET NOT NULL"));
        }
    }
    let mut push = |action: String| statements.push(format!("{alter} {action}"));
    if changed.contains("identity") {
        match (old.text("identity"), new.text("identity")) {
            (None, Some(_)) => {
                if let Some(identity) = identity(new, sequence) {
                    push(format!("ADD {identity}"));
                }
                if let Some(sequence) = sequence {
                    statements.push(continue_after_rows(new, sequence));
                }
            }
            (Some(_), Some(kind)) => push(format!("SET GENERATED {}", kind.to_uppercase())),
            _ => {}
        }
    }
    let mut push = |action: String| statements.push(format!("{alter} {action}"));
    // A change of type resets the storage to what the new type has.
    let storage_reset = retype.is_some() && new.text("storage").is_some();
    if changed.contains("storage") || storage_reset {
        match new.text("storage") {
            Some(storage) => push(format!("SET STORAGE {}", storage.to_uppercase())),
            None if retype.is_none() => {
                if let Some(storage) = new.detail("default storage") {
                    push(format!("SET STORAGE {}", storage.to_uppercase()));
                }
            }
            None => {}
        }
    }
    if changed.contains("compression") {
        push(format!(
            "SET COMPRESSION {}",
            new.text("compression").unwrap_or("default")
        ));
    }
    if changed.contains("statistics target") {
        push(format!(
            "SET STATISTICS {}",
            new.number("statistics target").unwrap_or(-1)
        ));
    }
    if changed.contains("options") {
        for action in options_change(&old.list("options"), &new.list("options")) {
            push(action);
        }
    }
    if changed.contains("foreign options")
        && let Some(options) =
            foreign::options_change(&old.list("foreign options"), &new.list("foreign options"))
    {
        push(options);
    }
    statements
}

/// The new type with what turns the old values into it.
fn retyped(new: &Object<'_>, cast: Cast) -> String {
    let (column, kind) = (new.name(), new.text_or_empty("type"));
    let collation = new
        .text("collation")
        .map(|collation| format!(" COLLATE {collation}"));
    let using = match cast {
        Cast::Assignment => String::new(),
        Cast::Explicit => format!(" USING {column}::{kind}"),
        Cast::Text => format!(" USING {column}::text::{kind}"),
    };
    format!("{kind}{}{using}", collation.unwrap_or_default())
}

/// A sequence that is new to a column with rows goes on after their values. It stays at its start where there are none, or
/// none that it could have given.
pub(in crate::model::autogenerate) fn continue_after_rows(
    column: &Object<'_>,
    sequence: &Object<'_>,
) -> String {
    let (table, name) = (column.on().unwrap_or_default(), column.name());
    let bound = |name: &str, or: &'static str| {
        let bound = sequence.number(name).map(|bound| bound.to_string());
        bound.unwrap_or_else(|| or.to_owned())
    };
    let start = bound("start", "1");
    let (furthest, range) = if sequence.number("increment").is_some_and(|step| step < 0) {
        ("min", [bound("min", "-9223372036854775808"), start])
    } else {
        ("max", [start, bound("max", "9223372036854775807")])
    };
    format!(
        "SELECT pg_catalog.setval({}, {furthest}({name})::bigint) FROM {table} HAVING {furthest}({name}) BETWEEN {} AND {}",
        literal(sequence.identity()),
        range[0],
        range[1]
    )
}

pub(in crate::model::autogenerate) fn alter_column(column: &Object<'_>) -> String {
    format!(
        "ALTER TABLE ONLY {} ALTER COLUMN {}",
        column.on().unwrap_or_default(),
        column.name()
    )
}

/// SET and RESET actions between two lists of `name=value`, after which the options stand in the order of the new list, as
/// dumps show them.
pub(in crate::model::autogenerate) fn options_change(old: &[&str], new: &[&str]) -> Vec<String> {
    if old == new {
        return Vec::new();
    }
    let name = |option: &str| option.split('=').next().unwrap_or(option).to_owned();
    // Options that are added to a list stand at its end.
    let kept = if new.starts_with(old) { old.len() } else { 0 };
    let gone: Vec<String> = old[kept..].iter().map(|option| name(option)).collect();
    let set: Vec<String> = new[kept..].iter().map(|option| assigned(option)).collect();
    let mut actions = Vec::new();
    if !gone.is_empty() {
        actions.push(format!("RESET ({})", gone.join(", ")));
    }
    if !set.is_empty() {
        actions.push(format!("SET ({})", set.join(", ")));
    }
    actions
}

/// The options of a relation in their order, where their set differs from the old one; else the old ones.
pub(in crate::model::autogenerate) fn ordered_options<'a>(
    old: Option<&Object<'a>>,
    new: &Object<'a>,
    property: &str,
) -> (Vec<&'a str>, Vec<&'a str>) {
    let before = old.map(|old| old.detail_list(property)).unwrap_or_default();
    if old.is_some_and(|old| old.list(property) == new.list(property)) {
        return (before.clone(), before);
    }
    (before, new.detail_list(property))
}

/// `name=value` with the value as a literal.
pub(in crate::model::autogenerate) fn assigned(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value)) => format!("{name} = {}", literal(value)),
        None => option.to_owned(),
    }
}

pub(in crate::model::autogenerate) fn drop(column: &Object<'_>) -> String {
    format!(
        "ALTER TABLE {} DROP COLUMN {}",
        column.on().unwrap_or_default(),
        column.name()
    )
}
