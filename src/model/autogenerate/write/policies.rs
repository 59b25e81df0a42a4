//! Row security policies.

use super::Written;
use crate::model::autogenerate::{
    annotations::address,
    object::{Object, changed},
};

pub(in crate::model::autogenerate) fn create(object: &Object<'_>) -> Written {
    let kind = if object.flag("permissive") {
        ""
    } else {
        " AS RESTRICTIVE"
    };
    let command = match object.text_or_empty("command") {
        "all" => String::new(),
        command => format!(" FOR {}", command.to_uppercase()),
    };
    let mut statement = format!(
        "CREATE {}{kind}{command} TO {}",
        address(object),
        roles(object)
    );
    for (clause, property) in CLAUSES {
        if let Some(condition) = object.text(property) {
            statement.push_str(&format!(" {clause} ({condition})"));
        }
    }
    Ok(vec![statement])
}

pub(in crate::model::autogenerate) fn drop(object: &Object<'_>) -> String {
    format!("DROP {}", address(object))
}

/// No statement changes what a policy is for, or takes a condition away.
pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
) -> Option<Vec<String>> {
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
