//! Row security policies.

use super::Written;
use crate::model::autogenerate::{
    annotations::address,
    object::{Object, changed},
};

pub(super) fn create(object: &Object<'_>) -> Written {
    let kind = if object.flag("permissive") {
        ""
    } else {
        " AS RESTRICTIVE"
    };
    let command = match object
        .text("command")
        .ok_or("what it is for is not known")?
    {
        "all" => String::new(),
        command => format!(" FOR {}", command.to_uppercase()),
    };
    let conditions = CLAUSES.into_iter().filter_map(|(clause, property)| {
        let condition = object.text(property)?;
        Some(format!(" {clause} ({condition})"))
    });
    Ok(vec![format!(
        "CREATE {}{kind}{command} TO {}{}",
        address(object),
        roles(object),
        conditions.collect::<String>()
    )])
}

pub(super) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

/// No statement changes what a policy is for, or takes a condition away.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let changed = changed(old, new);
    let mut clauses = Vec::new();
    if changed.contains("roles") {
        clauses.push(format!(" TO {}", roles(new)));
    }
    for (clause, property) in CLAUSES {
        if changed.contains(property) {
            clauses.push(format!(" {clause} ({})", new.text(property)?));
        }
    }
    if clauses.len() != changed.len() {
        return None;
    }
    if clauses.is_empty() {
        return Some(Vec::new());
    }
    Some(vec![format!("ALTER {}{}", address(new), clauses.concat())])
}

const CLAUSES: [(&str, &str); 2] = [("USING", "using"), ("WITH CHECK", "with check")];

fn roles(object: &Object<'_>) -> String {
    object.list("roles").join(", ")
}
