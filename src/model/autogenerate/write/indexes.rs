//! Indexes.

use super::{Object, columns, quoted};
use crate::model::autogenerate::object::{changed, literal};

/// The statements that make the index. One of a partition is given to that of the partitioned table.
pub(in crate::model::autogenerate) fn create(
    index: &Object<'_>,
    online: bool,
    attached: bool,
) -> Vec<String> {
    let definition = index.text_or_empty("definition");
    let build = if online {
        concurrently(definition)
    } else {
        definition.to_owned()
    };
    let mut statements = vec![build];
    if let Some(parent) = index.text("partition of").filter(|_| attached) {
        statements.push(attach(parent, index.identity()));
    }
    statements.extend(settings(index.identity(), index, false));
    statements
}

/// The statement that makes an index of the partitioned table's own.
pub(in crate::model::autogenerate) fn attach(parent: &str, index: &str) -> String {
    format!("ALTER INDEX {parent} ATTACH PARTITION {index}")
}

/// The definition of an index, as PostgreSQL writes it, for a build that keeps nobody out.
pub(in crate::model::autogenerate) fn concurrently(definition: &str) -> String {
    definition.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1)
}

pub(in crate::model::autogenerate) fn drop(index: &Object<'_>, online: bool) -> String {
    let concurrently = if online { "CONCURRENTLY " } else { "" };
    format!("DROP INDEX {concurrently}{}", index.identity())
}

pub(in crate::model::autogenerate) fn comment(index: &str, text: Option<&str>) -> String {
    let text = text.map_or_else(|| "NULL".to_owned(), literal);
    format!("COMMENT ON INDEX {index} IS {text}")
}

/// What is said of an index once it is there.
pub(in crate::model::autogenerate) fn settings(
    name: &str,
    object: &Object<'_>,
    options: bool,
) -> Vec<String> {
    let mut statements = Vec::new();
    if options {
        let actions = columns::options_change(&[], &object.detail_list("index options"));
        statements.extend(
            actions
                .into_iter()
                .map(|action| format!("ALTER INDEX {name} {action}")),
        );
    }
    statements.extend(targets(name, None, object));
    statements.extend(marks(None, object, name));
    statements
}

pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
) -> Option<Vec<String>> {
    let mut changed = changed(old, new);
    if changed.contains("definition") {
        if without_options(old) != without_options(new) {
            return None;
        }
        changed.remove("definition");
    }
    changed.remove("partition of");
    if changed.contains("valid") || changed.contains("depends on extensions") {
        return None;
    }
    Some(alter_settings(new.identity(), old, new))
}

/// The definition less the storage parameters, which can change in place.
fn without_options(index: &Object<'_>) -> String {
    let definition = index.text_or_empty("definition");
    if index.list("index options").is_empty() {
        return definition.to_owned();
    }
    let Some((before, rest)) = definition.split_once(" WITH (") else {
        return definition.to_owned();
    };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

/// The statements for the settings of an index that differ.
pub(in crate::model::autogenerate) fn alter_settings(
    name: &str,
    old: &Object<'_>,
    new: &Object<'_>,
) -> Vec<String> {
    let mut statements = Vec::new();
    let actions = {
        let (before, after) = columns::ordered_options(Some(old), new, "index options");
        columns::options_change(&before, &after)
    };
    statements.extend(
        actions
            .into_iter()
            .map(|action| format!("ALTER INDEX {name} {action}")),
    );
    if old.text("tablespace") != new.text("tablespace") {
        let space = new.text("tablespace").unwrap_or("pg_default");
        statements.push(format!(
            "ALTER INDEX {name} SET TABLESPACE {}",
            quoted(space)
        ));
    }
    statements.extend(targets(name, Some(old), new));
    statements.extend(marks(Some(old), new, name));
    statements
}

fn targets(name: &str, old: Option<&Object<'_>>, new: &Object<'_>) -> Vec<String> {
    let of = |object: &Object<'_>| {
        let targets = object
            .properties
            .get("statistics targets")
            .and_then(|targets| targets.as_object());
        targets.cloned().unwrap_or_default()
    };
    let (before, after) = (old.map(of).unwrap_or_default(), of(new));
    let columns: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    columns
        .into_iter()
        .filter(|column| before.get(*column) != after.get(*column))
        .map(|column| {
            let target = after
                .get(column)
                .map_or_else(|| "-1".to_owned(), ToString::to_string);
            format!("ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}")
        })
        .collect()
}

/// What a table says of one of its indexes. That an index is the replica identity no longer is said of the table, or of
/// another index.
fn marks(old: Option<&Object<'_>>, new: &Object<'_>, name: &str) -> Vec<String> {
    let table = new.on().unwrap_or_default();
    let bare = name
        .strip_prefix(new.text_or_empty("schema"))
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(name);
    let was = |mark: &str| old.is_some_and(|old| old.flag(mark));
    let mut statements = Vec::new();
    match (was("clustered"), new.flag("clustered")) {
        (false, true) => statements.push(format!("ALTER TABLE {table} CLUSTER ON {bare}")),
        (true, false) => statements.push(format!("ALTER TABLE {table} SET WITHOUT CLUSTER")),
        _ => {}
    }
    if new.flag("replica identity") && !was("replica identity") {
        statements.push(format!(
            "ALTER TABLE {table} REPLICA IDENTITY USING INDEX {bare}"
        ));
    }
    statements
}
