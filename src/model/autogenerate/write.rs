//! The statements for one object, by its kind. Each kind answers three questions: how it is made, how it is dropped, and how
//! it is altered; where no statement alters it, it is dropped and made again. Owner, privileges, comment and security labels
//! are written by [`super::annotations`] for all kinds alike.

pub(super) mod collations;
mod common;
pub(super) mod default_privileges;
pub(super) mod extensions;
pub(super) mod foreign;
pub(super) mod functions;
pub(super) mod operator_classes;
pub(super) mod operators;
pub(super) mod policies;
pub(super) mod replication;
pub(super) mod statistics;
pub(super) mod text_search;
pub(super) mod triggers;

#[cfg(test)]
mod tests;

use super::object::Object;

/// Statements, or why there are none.
pub(super) type Written = Result<Vec<String>, String>;

/// Makes the object, without owner, privileges, comment and security labels.
pub(super) fn create(object: &Object<'_>) -> Written {
    Err(format!("{} cannot be written yet", object.kind()))
}
