//! JSON of protobuf messages by the proto3 mapping, for `--json` on the command line and for the audit log.
//!
//! Names are lowerCamelCase, 64-bit integers are strings, times are RFC 3339, enum values are their names. Fields that
//! hold their default are written too, so that a reader can rely on the keys; only absent messages and the members of
//! a `oneof` that are not set are left out.

use std::sync::LazyLock;

use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use thiserror::Error;

use crate::model::failure::{Classified, Kind};

/// Why a message cannot be written as JSON.
#[derive(Debug, Error)]
pub enum JsonError {
    /// The descriptors that were compiled in cannot be read.
    #[error("cannot read the compiled descriptors")]
    Descriptors(#[source] &'static DescriptorError),
    /// The message is none of this package.
    #[error("no descriptor for the message {0}")]
    UnknownMessage(String),
    /// The message's bytes are not what its descriptor says.
    #[error("the message {message} does not fit its descriptor")]
    Mismatch {
        /// Full name of the message.
        message: String,
        /// What the decoder says.
        source: prost::DecodeError,
    },
    /// The mapping has no form for a value, e.g. for a time outside the years 1 to 9999.
    #[error("the message {message} has a value without a JSON form")]
    Value {
        /// Full name of the message.
        message: String,
        /// Which value it is.
        source: serde_json::Error,
    },
}

impl Classified for JsonError {
    fn kind(&self) -> Kind {
        match self {
            Self::Value { .. } => Kind::InvalidArgument,
            Self::Descriptors(_) | Self::UnknownMessage(_) | Self::Mismatch { .. } => {
                Kind::Internal
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Value { .. } => "VALUE_WITHOUT_JSON",
            Self::Descriptors(_) | Self::UnknownMessage(_) | Self::Mismatch { .. } => {
                "JSON_MAPPING_BROKEN"
            }
        }
    }
}

static POOL: LazyLock<Result<DescriptorPool, DescriptorError>> =
    LazyLock::new(|| DescriptorPool::decode(crate::proto::DESCRIPTORS));

/// The message as a JSON value.
pub fn message_to_json<M: prost::Message + prost::Name>(message: &M) -> Result<Value, JsonError> {
    let pool = POOL.as_ref().map_err(JsonError::Descriptors)?;
    let name = M::full_name();
    let descriptor = pool
        .get_message_by_name(&name)
        .ok_or_else(|| JsonError::UnknownMessage(name.clone()))?;
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor, bytes.as_slice()).map_err(|source| {
        JsonError::Mismatch {
            message: name.clone(),
            source,
        }
    })?;
    let options = SerializeOptions::new().skip_default_fields(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|source| JsonError::Value {
            message: name,
            source,
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::proto::{
        AuditEntry, Backup, BackupKind, Operation, OperationError, TableRows, WaitOperationRequest,
        operation::Outcome,
    };

    #[test]
    fn names_are_camel_case_integers_of_64_bits_are_strings_and_times_are_rfc_3339() {
        let backup = Backup {
            filename: "app_1.sql.gz".to_owned(),
            kind: BackupKind::PreRestore.into(),
            complete_time: Some(prost_types::Timestamp {
                seconds: 0,
                nanos: 0,
            }),
            size_bytes: 5_000_000_000,
            table_count: 2,
            tables: vec![TableRows {
                schema: "public".to_owned(),
                table: "a".to_owned(),
                rows: 3,
                content_hash: "0f".to_owned(),
            }],
            ..Backup::default()
        };
        let value = message_to_json(&backup).unwrap();
        assert_eq!(value["kind"], "BACKUP_KIND_PRE_RESTORE");
        assert_eq!(value["completeTime"], "1970-01-01T00:00:00Z");
        assert_eq!(value["sizeBytes"], "5000000000");
        assert_eq!(value["tableCount"], 2);
        assert_eq!(
            value["tables"],
            json!([{"schema": "public", "table": "a", "rows": "3", "contentHash": "0f"}])
        );
    }

    #[test]
    fn defaults_are_written_and_unset_messages_are_not() {
        let value = message_to_json(&AuditEntry::default()).unwrap();
        assert_eq!(value["principal"], "");
        assert_eq!(value["id"], "0");
        assert_eq!(value["outcome"], "AUDIT_OUTCOME_UNSPECIFIED");
        assert_eq!(value.get("duration"), None);
    }

    #[test]
    fn only_the_member_of_a_oneof_that_is_set_is_written() {
        let operation = Operation {
            outcome: Some(Outcome::Error(OperationError::default())),
            ..Operation::default()
        };
        let value = message_to_json(&operation).unwrap();
        assert_eq!(value["error"]["reason"], "");
        assert_eq!(value.get("backup"), None);
    }

    #[test]
    fn a_value_without_a_json_form_is_an_error() {
        let request = WaitOperationRequest {
            id: String::new(),
            timeout: Some(prost_types::Duration {
                seconds: i64::MAX,
                nanos: 0,
            }),
        };
        let error = message_to_json(&request).unwrap_err();
        assert_eq!(error.reason(), "VALUE_WITHOUT_JSON");
    }
}
