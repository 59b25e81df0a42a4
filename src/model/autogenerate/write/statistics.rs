//! Extended statistics.

use super::Written;
use crate::model::autogenerate::object::{Object, changed};

pub(super) fn create(object: &Object<'_>) -> Written {
    let definition = object
        .text("definition")
        .ok_or("its definition is not known")?;
    let mut statements = vec![definition.to_owned()];
    if object.number("statistics target").is_some() {
        statements.push(target(object));
    }
    Ok(statements)
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP STATISTICS {}", object.identity())
}

pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut changed = changed(old, new);
    let targeted = changed.remove("statistics target");
    let statements = if targeted {
        vec![target(new)]
    } else {
        Vec::new()
    };
    changed.is_empty().then_some(statements)
}

/// Without a target of its own it has that of its columns, which PostgreSQL 13 to 18 take -1 for.
fn target(object: &Object<'_>) -> String {
    let target = object.number("statistics target").unwrap_or(-1);
    format!(
        "ALTER STATISTICS {} SET STATISTICS {target}",
        object.identity()
    )
}
