//! Enums, domains, composite and range types.

// Writing to a String cannot fail.
use std::fmt::Write as _;

use super::{Object, Written};
use crate::model::{
    autogenerate::object::{changed, literal},
    schema::ObjectKind,
};

pub(in crate::model::autogenerate) fn create(object: &Object<'_>) -> Written {
    let identity = object.identity();
    let statement = match object.kind() {
        ObjectKind::Enum => {
            let labels: Vec<String> = object.list("labels").into_iter().map(literal).collect();
            format!("CREATE TYPE {identity} AS ENUM ({})", labels.join(", "))
        }
        ObjectKind::Domain => domain(object),
        ObjectKind::CompositeType => {
            let attributes = object.list("attributes").join(", ");
            format!("CREATE TYPE {identity} AS ({attributes})")
        }
        ObjectKind::Range => range(object),
        _ => {
            return Err(
                "base types are made by extensions, and no statement is written for one".to_owned(),
            );
        }
    };
    Ok(vec![statement])
}

pub(in crate::model::autogenerate) fn drop(object: &Object<'_>) -> String {
    let word = if object.kind() == ObjectKind::Domain {
        "DOMAIN"
    } else {
        "TYPE"
    };
    format!("DROP {word} {}", object.identity())
}

pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
) -> Option<Vec<String>> {
    let changed = changed(old, new);
    if changed.is_empty() {
        return Some(Vec::new());
    }
    match new.kind() {
        ObjectKind::Enum => added_labels(new.identity(), &old.list("labels"), &new.list("labels")),
        ObjectKind::Domain if !changed.contains("type") && !changed.contains("collation") => {
            let mut statements = Vec::new();
            let alter = format!("ALTER DOMAIN {}", new.identity());
            if changed.contains("default") {
                statements.push(match new.text("default") {
                    Some(default) => format!("{alter} SET DEFAULT {default}"),
                    None => format!("{alter} DROP DEFAULT"),
                });
            }
            if changed.contains("not null") {
                let verb = if new.flag("not null") { "SET" } else { "DROP" };
                statements.push(format!("{alter} {verb} NOT NULL"));
            }
            Some(statements)
        }
        ObjectKind::CompositeType if changed.iter().all(|name| *name == "attribute comments") => {
            Some(Vec::new())
        }
        ObjectKind::CompositeType => attributes(old, new),
        _ => None,
    }
}

/// The statements that add labels, where nothing else is needed: labels can neither go nor change places.
fn added_labels(identity: &str, old: &[&str], new: &[&str]) -> Option<Vec<String>> {
    let kept: Vec<&str> = new
        .iter()
        .copied()
        .filter(|label| old.contains(label))
        .collect();
    if kept != old {
        return None;
    }
    let mut statements = Vec::new();
    for (place, label) in new.iter().enumerate() {
        if old.contains(label) {
            continue;
        }
        let add = format!("ALTER TYPE {identity} ADD VALUE {}", literal(label));
        let follower = new[place + 1..].iter().find(|label| old.contains(label));
        statements.push(match follower {
            Some(follower) => format!("{add} BEFORE {}", literal(follower)),
            None => add,
        });
    }
    Some(statements)
}

fn domain(object: &Object<'_>) -> String {
    let mut text = format!(
        "CREATE DOMAIN {} AS {}",
        object.identity(),
        object.text_or_empty("type")
    );
    if let Some(collation) = object.text("collation") {
        let _ = write!(text, " COLLATE {collation}");
    }
    if let Some(default) = object.text("default") {
        let _ = write!(text, " DEFAULT {default}");
    }
    if object.flag("not null") {
        text.push_str(" NOT NULL");
    }
    text
}

fn range(object: &Object<'_>) -> String {
    let parameters = [
        ("subtype", "subtype"),
        ("subtype_opclass", "operator class"),
        ("collation", "collation"),
        ("canonical", "canonical"),
        ("subtype_diff", "difference"),
        ("multirange_type_name", "multirange"),
    ];
    let given = parameters.iter().filter_map(|(parameter, property)| {
        let value = object.text(property)?;
        // A function is named without its arguments here.
        let value = match *parameter {
            "canonical" | "subtype_diff" => value.split('(').next().unwrap_or(value),
            _ => value,
        };
        Some(format!("{parameter} = {value}"))
    });
    let given: Vec<String> = given.collect();
    format!(
        "CREATE TYPE {} AS RANGE ({})",
        object.identity(),
        given.join(", ")
    )
}

/// Attributes are values' places: in place they can only be added at the end, or go.
fn attributes(old: &Object<'_>, new: &Object<'_>) -> Option<Vec<String>> {
    let (before, after) = (old.list("attributes"), new.list("attributes"));
    let mut statements = Vec::new();
    let kept: Vec<&str> = before
        .iter()
        .copied()
        .filter(|attribute| after.contains(attribute))
        .collect();
    if after.len() < kept.len() || after[..kept.len()] != kept[..] {
        return None;
    }
    let alter = format!("ALTER TYPE {}", new.identity());
    for attribute in before.iter().filter(|attribute| !kept.contains(attribute)) {
        let name = leading_name(attribute);
        if after.iter().any(|other| leading_name(other) == name) {
            return None;
        }
        statements.push(format!("{alter} DROP ATTRIBUTE {name} CASCADE"));
    }
    for attribute in &after[kept.len()..] {
        statements.push(format!("{alter} ADD ATTRIBUTE {attribute} CASCADE"));
    }
    Some(statements)
}

/// The name that a text begins with, in its quotes if it has some.
fn leading_name(text: &str) -> &str {
    let mut quoted = false;
    for (place, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => return &text[..place],
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_added_where_they_belong() {
        let added = added_labels("public.mood", &["b", "d"], &["a", "b", "c", "d", "e", "f"]);
        let expected = [
            "ALTER TYPE public.mood ADD VALUE 'a' BEFORE 'b'",
            "ALTER TYPE public.mood ADD VALUE 'c' BEFORE 'd'",
            "ALTER TYPE public.mood ADD VALUE 'e'",
            "ALTER TYPE public.mood ADD VALUE 'f'",
        ];
        assert_eq!(added, Some(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn labels_that_go_or_change_places_need_a_new_type() {
        assert_eq!(added_labels("public.mood", &["a", "b"], &["b", "c"]), None);
        assert_eq!(added_labels("public.mood", &["a", "b"], &["b", "a"]), None);
    }

    #[test]
    fn a_quoted_name_may_hold_blanks() {
        assert_eq!(leading_name("\"the name\" integer"), "\"the name\"");
        assert_eq!(leading_name("plain character varying(3)"), "plain");
    }
}
