//! Schemas.

use super::{Object, Written};

pub(in crate::model::autogenerate) fn create(object: &Object<'_>) -> Written {
    Ok(vec![format!("CREATE SCHEMA {}", object.identity())])
}

pub(in crate::model::autogenerate) fn drop(object: &Object<'_>) -> String {
    format!("DROP SCHEMA {}", object.identity())
}
