//! What objects of all kinds may have: an address, a comment, security labels, an owner.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    names::{quoted, split},
    object::{Object, literal},
};
use crate::model::schema::ObjectKind;

/// The object as COMMENT ON, SECURITY LABEL ON, DROP and ALTER name it: `TABLE public.orders`, `CONSTRAINT c ON public.t`.
/// Default privileges and unknown objects have none; of them it is what they are called.
pub(super) fn address(object: &Object<'_>) -> String {
    let identity = object.identity();
    let name = object.name();
    let on = object.on().unwrap_or_default();
    match object.kind() {
        ObjectKind::Constraint if identity.ends_with(&format!(" on domain {on}")) => {
            format!("CONSTRAINT {name} ON DOMAIN {on}")
        }
        ObjectKind::Constraint | ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
            format!("{} {name} ON {on}", keyword(object))
        }
        ObjectKind::Function => format!("{} {}", keyword(object), signature(object)),
        ObjectKind::Cast => format!("CAST {}", with_upper(identity, " as ", " AS ")),
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => {
            format!(
                "{} {}",
                keyword(object),
                with_upper(identity, " using ", " USING ")
            )
        }
        ObjectKind::Transform => {
            let identity = identity.strip_prefix("for ").unwrap_or(identity);
            format!(
                "TRANSFORM FOR {}",
                with_upper(identity, " language ", " LANGUAGE ")
            )
        }
        ObjectKind::UserMapping => {
            let identity = identity.strip_prefix("for ").unwrap_or(identity);
            format!(
                "USER MAPPING FOR {}",
                with_upper(identity, " at server ", " SERVER ")
            )
        }
        _ => format!("{} {identity}", keyword(object)),
    }
}

/// A function as DROP, ALTER and COMMENT ON name it. An aggregate of nothing has `*` for arguments, one of an ordered set
/// has its ORDER BY.
pub(super) fn signature(object: &Object<'_>) -> String {
    match (object.text("kind"), object.text("arguments")) {
        (Some("aggregate"), Some(arguments)) => {
            let name = super::names::without_arguments(object.identity());
            let arguments = if arguments.is_empty() { "*" } else { arguments };
            format!("{name}({arguments})")
        }
        _ => object.identity().to_owned(),
    }
}

/// The object as GRANT and REVOKE name it; `None` for kinds without privileges, and for columns, which have their own form.
pub(super) fn grant_target(object: &Object<'_>) -> Option<String> {
    let identity = object.identity();
    Some(match object.kind() {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView => {
            format!("TABLE {identity}")
        }
        // Aggregates are functions here, by the types of all their arguments.
        ObjectKind::Function if object.text("kind") == Some("procedure") => {
            format!("PROCEDURE {identity}")
        }
        ObjectKind::Function => format!("FUNCTION {identity}"),
        ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => format!("TYPE {identity}"),
        ObjectKind::ForeignServer => format!("FOREIGN SERVER {identity}"),
        ObjectKind::Schema
        | ObjectKind::Language
        | ObjectKind::Sequence
        | ObjectKind::ForeignDataWrapper => address(object),
        _ => return None,
    })
}

/// Sets the object's comment, or takes it away.
pub(super) fn comment(object: &Object<'_>, text: Option<&str>) -> String {
    comment_on(&address(object), text)
}

/// The comments that differ: the object's own, that on the index of a constraint, those on a composite type's attributes.
pub(super) fn comments(old: Option<&Object<'_>>, new: &Object<'_>) -> Vec<String> {
    let mut statements = Vec::new();
    let text = new.text("comment");
    if text != old.and_then(|old| old.text("comment")) {
        statements.push(comment(new, text));
    }
    let of_index = new.text("index comment");
    if of_index != old.and_then(|old| old.text("index comment")) {
        let index = format!("INDEX {}.{}", new.text_or_empty("schema"), new.name());
        statements.push(comment_on(&index, of_index));
    }
    let property = "attribute comments";
    for (attribute, text) in changes(
        old.and_then(|old| old.properties.get(property)),
        new.properties.get(property),
    ) {
        let column = format!("COLUMN {}.{}", new.identity(), quoted(attribute));
        statements.push(comment_on(&column, text));
    }
    statements
}

fn comment_on(address: &str, text: Option<&str>) -> String {
    format!("COMMENT ON {address} IS {}", literal_or_null(text))
}

/// The security labels that differ.
pub(super) fn labels(old: Option<&Object<'_>>, new: &Object<'_>) -> Vec<String> {
    let property = "security labels";
    let changes = changes(
        old.and_then(|old| old.properties.get(property)),
        new.properties.get(property),
    );
    changes
        .into_iter()
        .map(|(provider, label)| {
            let provider = quoted(provider);
            format!(
                "SECURITY LABEL FOR {provider} ON {} IS {}",
                address(new),
                literal_or_null(label)
            )
        })
        .collect()
}

/// Gives the object to a role; `None` for what has no owner of its own: parts of tables, and kinds that have none at all.
/// A sequence that a column owns goes with its table; an operator family of PostgreSQL's own stays what it is.
pub(super) fn owner(object: &Object<'_>, role: &str) -> Option<String> {
    let is_owned = match object.kind() {
        ObjectKind::Sequence => object.text("owned by").is_none(),
        ObjectKind::OperatorFamily => object.text("schema") != Some("pg_catalog"),
        ObjectKind::Extension
        | ObjectKind::Column
        | ObjectKind::Constraint
        | ObjectKind::Index
        | ObjectKind::Trigger
        | ObjectKind::Rule
        | ObjectKind::Policy
        | ObjectKind::Cast
        | ObjectKind::Transform
        | ObjectKind::AccessMethod
        | ObjectKind::TextSearchParser
        | ObjectKind::TextSearchTemplate
        | ObjectKind::UserMapping
        | ObjectKind::DefaultPrivileges
        | ObjectKind::Unknown => false,
        _ => true,
    };
    is_owned.then(|| format!("ALTER {} OWNER TO {}", address(object), quoted(role)))
}

/// Names with texts that differ, and what they are to be: `None` for those that go.
fn changes<'a>(old: Option<&'a Value>, new: Option<&'a Value>) -> Vec<(&'a str, Option<&'a str>)> {
    let (old, new) = (named_texts(old), named_texts(new));
    let gone = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .map(|name| (*name, None));
    let set = new
        .iter()
        .filter(|(name, text)| old.get(*name) != Some(*text));
    gone.chain(set.map(|(name, text)| (*name, Some(*text))))
        .collect()
}

fn named_texts(value: Option<&Value>) -> BTreeMap<&str, &str> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(name, text)| Some((name.as_str(), text.as_str()?)))
        .collect()
}

fn literal_or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".to_owned(), literal)
}

/// Keywords within identities are in lower case.
fn with_upper(identity: &str, lower: &str, upper: &str) -> String {
    split(identity, lower).map_or_else(
        || identity.to_owned(),
        |(before, after)| format!("{before}{upper}{after}"),
    )
}

fn keyword(object: &Object<'_>) -> String {
    match object.kind() {
        ObjectKind::Enum | ObjectKind::CompositeType | ObjectKind::Range | ObjectKind::BaseType => {
            "TYPE".to_owned()
        }
        ObjectKind::Function => match object.text("kind") {
            Some("procedure") => "PROCEDURE".to_owned(),
            Some("aggregate") => "AGGREGATE".to_owned(),
            _ => "FUNCTION".to_owned(),
        },
        ObjectKind::Statistics => "STATISTICS".to_owned(),
        ObjectKind::ForeignDataWrapper => "FOREIGN DATA WRAPPER".to_owned(),
        ObjectKind::ForeignServer => "SERVER".to_owned(),
        kind => kind.name().to_uppercase(),
    }
}

#[cfg(test)]
mod tests;
