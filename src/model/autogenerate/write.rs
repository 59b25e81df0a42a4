//! The statements for one object, by its kind. Each kind answers three questions: how it is made, how it is dropped, and how
//! it is altered; where no statement alters it, it is dropped and made again. Owner, privileges, comment and security labels
//! are written by [`super::settle`] for all kinds alike.

pub(super) mod collations;
pub(super) mod columns;
pub(super) mod common;
pub(super) mod constraints;
pub(super) mod default_privileges;
pub(super) mod extensions;
pub(super) mod foreign;
pub(super) mod functions;
pub(super) mod indexes;
pub(super) mod operator_classes;
pub(super) mod operators;
pub(super) mod policies;
pub(super) mod replication;
pub(super) mod schemas;
pub(super) mod sequences;
pub(super) mod statistics;
pub(super) mod tables;
#[cfg(test)]
mod tests;
pub(super) mod text_search;
pub(super) mod triggers;
pub(super) mod types;
pub(super) mod views;

pub(super) use super::{names::quoted, object::Object};
use crate::model::schema::ObjectKind;

/// Statements, or why there are none.
pub(super) type Written = Result<Vec<String>, String>;

/// Makes an object that is no part of a table, without owner, privileges, comment and security labels.
pub(super) fn create(object: &Object<'_>) -> Written {
    match object.kind() {
        ObjectKind::Schema => Ok(vec![schemas::create(object)]),
        ObjectKind::Extension | ObjectKind::Language | ObjectKind::AccessMethod => {
            extensions::create(object)
        }
        ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => types::create(object),
        ObjectKind::Function => functions::create(object),
        ObjectKind::Sequence => Ok(vec![sequences::create(object)]),
        ObjectKind::View | ObjectKind::MaterializedView => Ok(vec![views::create(object)]),
        ObjectKind::Statistics => statistics::create(object),
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::EventTrigger => {
            triggers::create(object)
        }
        ObjectKind::Policy => policies::create(object),
        ObjectKind::Collation
        | ObjectKind::Conversion
        | ObjectKind::Cast
        | ObjectKind::Transform => collations::create(object),
        ObjectKind::Operator => operators::create(object),
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => operator_classes::create(object),
        ObjectKind::TextSearchConfiguration
        | ObjectKind::TextSearchDictionary
        | ObjectKind::TextSearchParser
        | ObjectKind::TextSearchTemplate => text_search::create(object),
        ObjectKind::ForeignDataWrapper | ObjectKind::ForeignServer | ObjectKind::UserMapping => {
            foreign::create(object)
        }
        ObjectKind::Publication | ObjectKind::Subscription => replication::create(object),
        ObjectKind::DefaultPrivileges => default_privileges::create(object),
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::Column
        | ObjectKind::Constraint
        | ObjectKind::Index => Err("it is made with its table".to_owned()),
        ObjectKind::Unknown => Err(UNKNOWN.to_owned()),
    }
}

/// Drops an object.
pub(super) fn drop(object: &Object<'_>) -> Written {
    let statement = match object.kind() {
        ObjectKind::Schema => schemas::drop(object),
        ObjectKind::Extension | ObjectKind::Language | ObjectKind::AccessMethod => {
            extensions::drop(object)
        }
        ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => types::drop(object),
        ObjectKind::Function => functions::drop(object),
        ObjectKind::Sequence => sequences::drop(object),
        ObjectKind::Table | ObjectKind::ForeignTable => tables::drop(object),
        ObjectKind::View | ObjectKind::MaterializedView => views::drop(object),
        ObjectKind::Column => columns::drop(object),
        ObjectKind::Constraint => constraints::drop(object),
        ObjectKind::Index => indexes::drop(object, false),
        ObjectKind::Statistics => statistics::drop(object),
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::EventTrigger => triggers::drop(object),
        ObjectKind::Policy => policies::drop(object),
        ObjectKind::Collation
        | ObjectKind::Conversion
        | ObjectKind::Cast
        | ObjectKind::Transform => collations::drop(object),
        ObjectKind::Operator => operators::drop(object),
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => operator_classes::drop(object),
        ObjectKind::TextSearchConfiguration
        | ObjectKind::TextSearchDictionary
        | ObjectKind::TextSearchParser
        | ObjectKind::TextSearchTemplate => text_search::drop(object),
        ObjectKind::ForeignDataWrapper | ObjectKind::ForeignServer | ObjectKind::UserMapping => {
            foreign::drop(object)
        }
        ObjectKind::Publication | ObjectKind::Subscription => replication::drop(object),
        ObjectKind::DefaultPrivileges => return default_privileges::drop(object),
        ObjectKind::Unknown => return Err(UNKNOWN.to_owned()),
    };
    // What goes with its parent has no statement of its own.
    Ok(Some(statement)
        .filter(|statement| !statement.is_empty())
        .into_iter()
        .collect())
}

/// Alters an object that is no part of a table in place; `None` where no statement does.
pub(super) fn alter(old: &Object<'_>, new: &Object<'_>) -> Option<Written> {
    let statements = match new.kind() {
        ObjectKind::Schema => Some(Vec::new()),
        ObjectKind::Extension | ObjectKind::Language | ObjectKind::AccessMethod => {
            extensions::alter(old, new)
        }
        ObjectKind::Enum
        | ObjectKind::Domain
        | ObjectKind::CompositeType
        | ObjectKind::Range
        | ObjectKind::BaseType => types::alter(old, new),
        ObjectKind::Function => functions::alter(old, new),
        ObjectKind::Sequence => sequences::alter(old, new),
        ObjectKind::MaterializedView => views::alter(old, new, false),
        ObjectKind::Constraint => constraints::alter(old, new),
        ObjectKind::Index => indexes::alter(old, new),
        ObjectKind::Statistics => statistics::alter(old, new),
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::EventTrigger => {
            triggers::alter(old, new)
        }
        ObjectKind::Policy => policies::alter(old, new),
        ObjectKind::Collation
        | ObjectKind::Conversion
        | ObjectKind::Cast
        | ObjectKind::Transform => collations::alter(old, new),
        ObjectKind::Operator => operators::alter(old, new),
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => operator_classes::alter(old, new),
        ObjectKind::TextSearchConfiguration
        | ObjectKind::TextSearchDictionary
        | ObjectKind::TextSearchParser
        | ObjectKind::TextSearchTemplate => text_search::alter(old, new),
        ObjectKind::ForeignDataWrapper | ObjectKind::ForeignServer | ObjectKind::UserMapping => {
            foreign::alter(old, new)
        }
        ObjectKind::Publication | ObjectKind::Subscription => replication::alter(old, new),
        ObjectKind::DefaultPrivileges => return Some(default_privileges::alter(old, new)),
        ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::Column | ObjectKind::View => {
            None
        }
        ObjectKind::Unknown => return Some(Err(UNKNOWN.to_owned())),
    };
    statements.map(Ok)
}

/// Why nothing is written for an object.
const UNKNOWN: &str = "this version of pgsteward does not know such objects";
