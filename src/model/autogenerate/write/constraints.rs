//! Constraints of tables and domains.

use super::{Object, indexes};
use crate::model::autogenerate::object::changed;

/// Whether an index serves it.
pub(in crate::model::autogenerate) fn has_index(constraint: &Object<'_>) -> bool {
    matches!(
        constraint.text("type"),
        Some("primary key" | "unique" | "exclusion")
    )
}

pub(in crate::model::autogenerate) fn is_foreign_key(constraint: &Object<'_>) -> bool {
    constraint.text("type") == Some("foreign key")
}

/// Whether it hangs on a domain.
pub(in crate::model::autogenerate) fn is_of_domain(constraint: &Object<'_>) -> bool {
    let of_domain = format!(" on domain {}", constraint.on().unwrap_or_default());
    constraint.identity().ends_with(&of_domain)
}

/// The definition with its states.
pub(in crate::model::autogenerate) fn definition(constraint: &Object<'_>) -> String {
    let mut text = constraint.text_or_empty("definition").to_owned();
    text.push_str(deferrability(constraint));
    if constraint.properties.get("enforced").is_some() {
        text.push_str(" NOT ENFORCED");
    } else if is_not_valid(constraint) {
        text.push_str(" NOT VALID");
    }
    text
}

pub(in crate::model::autogenerate) fn is_not_valid(constraint: &Object<'_>) -> bool {
    constraint.properties.contains_key("validated") && !constraint.flag("validated")
}

fn deferrability(constraint: &Object<'_>) -> &'static str {
    match constraint.text("deferrable") {
        Some("initially deferred") => " DEFERRABLE INITIALLY DEFERRED",
        Some(_) => " DEFERRABLE",
        None => "",
    }
}

/// What the constraint hangs on, as ALTER takes it.
pub(in crate::model::autogenerate) fn carrier(constraint: &Object<'_>, only: bool) -> String {
    let word = match (is_of_domain(constraint), only) {
        (true, _) => "DOMAIN",
        (false, true) => "TABLE ONLY",
        (false, false) => "TABLE",
    };
    format!("ALTER {word} {}", constraint.on().unwrap_or_default())
}

/// How a constraint is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model::autogenerate) enum Adding {
    /// At once.
    Whole,
    /// Without a look at the rows that are there.
    NotValid,
    /// By an index that is built beside first.
    UsingIndex,
    /// On a partitioned table alone: the indexes of its partitions are attached.
    Only,
}

/// `attach` says whether the index is to be given to that of the partitioned table.
pub(in crate::model::autogenerate) fn create(
    constraint: &Object<'_>,
    adding: Adding,
    attach: bool,
) -> Vec<String> {
    let name = constraint.name();
    let add = format!(
        "{} ADD CONSTRAINT {name}",
        carrier(constraint, adding == Adding::Only)
    );
    let mut statements = match adding {
        Adding::Whole | Adding::Only => vec![format!("{add} {}", definition(constraint))],
        Adding::NotValid => {
            let not_valid = if is_not_valid(constraint) {
                ""
            } else {
                " NOT VALID"
            };
            vec![format!("{add} {}{not_valid}", definition(constraint))]
        }
        Adding::UsingIndex => {
            let kind = constraint.text_or_empty("type").to_uppercase();
            let index = constraint.detail("index definition").unwrap_or_default();
            vec![
                indexes::concurrently(index),
                format!(
                    "{add} {kind} USING INDEX {name}{}",
                    deferrability(constraint)
                ),
            ]
        }
    };
    statements.extend(settings(constraint, adding == Adding::UsingIndex, attach));
    statements
}

/// What is said of a constraint, and of its index, once it is there.
pub(in crate::model::autogenerate) fn settings(
    constraint: &Object<'_>,
    index_has_options: bool,
    attach: bool,
) -> Vec<String> {
    let mut statements = Vec::new();
    if has_index(constraint) {
        if let Some(parent) = constraint.detail("index of").filter(|_| attach) {
            statements.push(indexes::attach(parent, &index(constraint)));
        }
        statements.extend(indexes::settings(
            &index(constraint),
            constraint,
            !index_has_options,
        ));
    }
    if let Some(comment) = constraint.text("index comment") {
        statements.push(indexes::comment(&index(constraint), Some(comment)));
    }
    statements
}

/// The index that serves the constraint: it has its name, in its schema.
pub(in crate::model::autogenerate) fn index(constraint: &Object<'_>) -> String {
    format!(
        "{}.{}",
        constraint.text_or_empty("schema"),
        constraint.name()
    )
}

pub(in crate::model::autogenerate) fn drop(constraint: &Object<'_>) -> String {
    format!(
        "{} DROP CONSTRAINT {}",
        carrier(constraint, false),
        constraint.name()
    )
}

pub(in crate::model::autogenerate) fn validate(constraint: &Object<'_>) -> String {
    format!(
        "{} VALIDATE CONSTRAINT {}",
        carrier(constraint, false),
        constraint.name()
    )
}

/// Whether the rows that are there are to be looked at now.
pub(in crate::model::autogenerate) fn is_validated(old: &Object<'_>, new: &Object<'_>) -> bool {
    is_not_valid(old) && !is_not_valid(new)
}

/// The statements that alter it, but for its validation.
pub(in crate::model::autogenerate) fn alter(
    old: &Object<'_>,
    new: &Object<'_>,
) -> Option<Vec<String>> {
    let changed = changed(old, new);
    let mut statements = Vec::new();
    let mut of_index = false;
    for name in &changed {
        match *name {
            "validated" if is_validated(old, new) => {}
            "deferrable" if is_foreign_key(new) => {
                let deferrability = match new.text("deferrable") {
                    Some("initially deferred") => "DEFERRABLE INITIALLY DEFERRED",
                    Some(_) => "DEFERRABLE INITIALLY IMMEDIATE",
                    None => "NOT DEFERRABLE",
                };
                let carrier = carrier(new, false);
                statements.push(format!(
                    "{carrier} ALTER CONSTRAINT {} {deferrability}",
                    new.name()
                ));
            }
            "index comment" => {
                statements.push(indexes::comment(&index(new), new.text("index comment")));
            }
            "index options" | "clustered" | "replica identity" | "tablespace"
            | "statistics targets" => of_index = true,
            _ => return None,
        }
    }
    if of_index {
        statements.extend(indexes::alter_settings(&index(new), old, new));
    }
    Some(statements)
}
