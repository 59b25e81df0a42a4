//! Publications and subscriptions.

use super::Written;
use crate::model::{
    autogenerate::{
        names::split,
        object::{Object, changed},
    },
    schema::ObjectKind,
};

const OPERATIONS: [&str; 4] = ["insert", "update", "delete", "truncate"];

pub(super) fn create(object: &Object<'_>) -> Written {
    if object.kind() == ObjectKind::Subscription {
        return Err("how a subscription connects is not read, since it holds passwords".to_owned());
    }
    let members = members(object);
    let members = match members.as_str() {
        _ if object.flag("all tables") => " FOR ALL TABLES".to_owned(),
        "" => String::new(),
        members => format!(" FOR {members}"),
    };
    let mut options = Vec::new();
    if !OPERATIONS.iter().all(|operation| object.flag(operation)) {
        options.push(published(object));
    }
    if object.flag("via root") {
        options.push(via_root(object));
    }
    if object.text("generated columns") == Some("stored") {
        options.push(generated_columns(object));
    }
    let options = match options.as_slice() {
        [] => String::new(),
        options => format!(" WITH ({})", options.join(", ")),
    };
    Ok(vec![format!(
        "CREATE PUBLICATION {}{members}{options}",
        object.identity()
    )])
}

pub(super) fn drop(object: &Object<'_>) -> String {
    let kind = object.kind().name().to_uppercase();
    format!("DROP {kind} {}", object.identity())
}

/// What is published is set as a whole, so that it does not matter which of the tables that go are gone already. No
/// statement leaves a publication without any, or makes one of all tables of one of some.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut changed = changed(old, new);
    if new.kind() == ObjectKind::Subscription {
        return changed.is_empty().then(Vec::new);
    }
    let mut statements = Vec::new();
    let tables = changed.remove("tables");
    let schemas = changed.remove("schemas");
    if tables || schemas {
        let members = members(new);
        if members.is_empty() {
            return None;
        }
        statements.push(format!(
            "ALTER PUBLICATION {} SET {members}",
            new.identity()
        ));
    }
    let mut options = Vec::new();
    let mut operations = false;
    for operation in OPERATIONS {
        operations |= changed.remove(operation);
    }
    if operations {
        options.push(published(new));
    }
    if changed.remove("via root") {
        options.push(via_root(new));
    }
    if changed.remove("generated columns") {
        options.push(generated_columns(new));
    }
    if !options.is_empty() {
        statements.push(format!(
            "ALTER PUBLICATION {} SET ({})",
            new.identity(),
            options.join(", ")
        ));
    }
    changed.is_empty().then_some(statements)
}

/// Each table by itself: those that inherit from it are listed where they are published.
fn members(object: &Object<'_>) -> String {
    let tables = object.list("tables").into_iter().map(|member| {
        let (name, rest) = split(member, " ").unwrap_or((member, ""));
        format!("ONLY {name} {rest}").trim_end().to_owned()
    });
    let tables: Vec<String> = tables.collect();
    let schemas = object.list("schemas");
    let mut members = Vec::new();
    if !tables.is_empty() {
        members.push(format!("TABLE {}", tables.join(", ")));
    }
    if !schemas.is_empty() {
        members.push(format!("TABLES IN SCHEMA {}", schemas.join(", ")));
    }
    members.join(", ")
}

fn published(object: &Object<'_>) -> String {
    let published: Vec<&str> = OPERATIONS
        .into_iter()
        .filter(|operation| object.flag(operation))
        .collect();
    format!("publish = '{}'", published.join(", "))
}

fn via_root(object: &Object<'_>) -> String {
    format!("publish_via_partition_root = {}", object.flag("via root"))
}

fn generated_columns(object: &Object<'_>) -> String {
    let value = object.text("generated columns").unwrap_or("none");
    format!("publish_generated_columns = {value}")
}
