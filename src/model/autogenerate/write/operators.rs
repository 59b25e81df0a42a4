//! Operators.

use super::{Written, common::operator_reference};
use crate::model::autogenerate::{
    annotations::address,
    names::{arguments, split, without_arguments},
    object::{Object, changed},
};

/// An operator that others only name is made, as a shell, by the statements that make those.
pub(super) fn create(object: &Object<'_>) -> Written {
    let Some(function) = object.text("function") else {
        return Ok(Vec::new());
    };
    let name = without_arguments(object.identity());
    let types = arguments(object.identity());
    let types = types
        .strip_prefix('(')
        .and_then(|types| types.strip_suffix(')'));
    let (left, right) = types
        .and_then(|types| split(types, ", "))
        .ok_or("its arguments cannot be read")?;
    let mut parts = vec![format!("FUNCTION = {}", without_arguments(function))];
    for (part, argument) in [("LEFTARG", left), ("RIGHTARG", right)] {
        if argument != "NONE" {
            parts.push(format!("{part} = {argument}"));
        }
    }
    for (part, property) in [("COMMUTATOR", "commutator"), ("NEGATOR", "negator")] {
        parts.extend(
            object
                .text(property)
                .map(|other| format!("{part} = {}", operator_reference(other))),
        );
    }
    for (part, property) in ESTIMATORS {
        parts.extend(
            object
                .text(property)
                .map(|function| format!("{part} = {}", without_arguments(function))),
        );
    }
    for (part, property) in [("HASHES", "hashes"), ("MERGES", "merges")] {
        if object.flag(property) {
            parts.push(part.to_owned());
        }
    }
    Ok(vec![format!(
        "CREATE OPERATOR {name} (\n    {}\n)",
        parts.join(",\n    ")
    )])
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

/// Only the functions that estimate can be changed in all versions of PostgreSQL.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let mut changed = changed(old, new);
    let mut parts = Vec::new();
    for (part, property) in ESTIMATORS {
        if changed.remove(property) {
            let function = new.text(property).map_or("NONE", without_arguments);
            parts.push(format!("{part} = {function}"));
        }
    }
    let statements = if parts.is_empty() {
        Vec::new()
    } else {
        vec![format!("ALTER {} SET ({})", address(new), parts.join(", "))]
    };
    changed.is_empty().then_some(statements)
}

const ESTIMATORS: [(&str, &str); 2] = [("RESTRICT", "restrict"), ("JOIN", "join")];
