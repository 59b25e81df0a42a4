//! The statements for one object, by its kind. Each kind answers three questions: how it is made, how it is dropped, and how
//! it is altered; where no statement alters it, it is dropped and made again. Owner, privileges, comment and security labels
//! are written by [`super::annotations`] for all kinds alike.

mod collations;
mod common;
mod default_privileges;
mod extensions;
mod foreign;
mod functions;
mod operator_classes;
mod operators;
mod policies;
mod replication;
mod statistics;
mod text_search;
mod triggers;

#[cfg(test)]
mod tests;

use super::object::Object;

/// Statements, or why there are none.
pub(super) type Written = Result<Vec<String>, String>;

/// Makes the object, without owner, privileges, comment and security labels.
pub(super) fn create(object: &Object<'_>) -> Written {
    Err(format!("{} cannot be written yet", object.kind()))
}
