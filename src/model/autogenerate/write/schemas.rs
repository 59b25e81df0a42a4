//! Schemas.

use super::Object;

pub(in crate::model::autogenerate) fn create(object: &Object<'_>) -> String {
    format!("CREATE SCHEMA {}", object.identity())
}

pub(in crate::model::autogenerate) fn drop(object: &Object<'_>) -> String {
    format!("DROP SCHEMA {}", object.identity())
}
