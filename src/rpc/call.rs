//! What every handler does on receipt: who calls which method with what.

use prost::{Message, Name};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

use super::{recorded::Notes, status::status};
use crate::{
    json::message_to_json,
    model::{
        audit::redact::redacted,
        failure::{Failure, Kind},
        method::Method,
        peer::Peer,
    },
    ops::context::{Context, Principal},
    storage::hexadecimal,
};

/// The call's context. `access` has put the principal and the peer into the request.
pub(super) fn context<M: Message + Name>(
    method: Method,
    request: &Request<M>,
) -> Result<Context, Status> {
    let principal = request
        .extensions()
        .get::<Principal>()
        .cloned()
        .ok_or_else(|| {
            status(Failure::new(
                Kind::Unauthenticated,
                "NO_PRINCIPAL",
                "the caller is not known",
            ))
        })?;
    let json = message_to_json(request.get_ref()).map_err(|error| status(error.into()))?;
    refuse_nul(&json).map_err(status)?;
    let context = Context {
        principal,
        peer: request
            .extensions()
            .get::<Peer>()
            .copied()
            .unwrap_or_default(),
        method,
        request: kept(json),
    };
    Notes::take(request, &context);
    Ok(context)
}

/// PostgreSQL's texts hold no NUL character: a request with one can be neither recorded nor mean anything.
fn refuse_nul(request: &Value) -> Result<(), Failure> {
    fn has_nul(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(has_nul),
            Value::Object(fields) => fields
                .iter()
                .any(|(name, value)| name.contains('\0') || has_nul(value)),
            _ => false,
        }
    }
    let fields = request.as_object().into_iter().flatten();
    match fields.into_iter().find(|(_, value)| has_nul(value)) {
        None => Ok(()),
        Some((field, _)) => Err(Failure::invalid_field(
            field,
            "must not hold a NUL character",
        )),
    }
}

/// The longest text that is kept of a request, in bytes. Longer ones are kept where they belong; the record keeps their
/// beginning and digest, or pages of the audit log would outgrow what clients accept.
const KEPT_TEXT: usize = 2048;

/// How much of a longer text is kept, in bytes.
const KEPT_BEGINNING: usize = 200;

/// How many elements of a list or a map are kept; of more the record keeps their number and digest as well.
const KEPT_ELEMENTS: usize = 50;

/// What is kept of a request: texts without what looks like a secret, long ones abridged, and of SQL its size and digest,
/// since it may hold any secret in any form. It is kept in its revision file.
fn kept(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(kept_text(&text)),
        Value::Array(items) => {
            let more = beyond_kept(items.len(), || Value::from(items.as_slice()));
            let first = items.into_iter().take(KEPT_ELEMENTS).map(kept);
            first.chain(more.map(Value::String)).collect()
        }
        Value::Object(fields) => {
            let more = beyond_kept(fields.len(), || Value::Object(fields.clone()));
            let first = fields
                .into_iter()
                .take(KEPT_ELEMENTS)
                .map(|(field, value)| {
                    let value = match value {
                        Value::String(sql) if field.ends_with("Sql") && !sql.is_empty() => {
                            Value::String(measure(&sql))
                        }
                        other => kept(other),
                    };
                    (kept_text(&field), value)
                });
            let more = more.map(|more| ("…".to_owned(), Value::String(more)));
            first.chain(more).collect()
        }
        other => other,
    }
}

/// What is said of a list or a map that is longer than what is kept of it.
fn beyond_kept(count: usize, whole: impl FnOnce() -> Value) -> Option<String> {
    (count > KEPT_ELEMENTS).then(|| {
        let digest = hexadecimal(Sha256::new_with_prefix(whole().to_string()));
        format!("… ({count} elements, sha256 {digest})")
    })
}

fn kept_text(text: &str) -> String {
    let shown = redacted(text);
    if text.len() <= KEPT_TEXT {
        return shown.into_owned();
    }
    let beginning = &shown[..shown.floor_char_boundary(KEPT_BEGINNING)];
    format!("{beginning}… ({})", measure(text))
}

fn measure(text: &str) -> String {
    let digest = hexadecimal(Sha256::new_with_prefix(text));
    format!("{} bytes, sha256 {digest}", text.len())
}

/// A text of which empty means none.
pub(super) fn optional(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_long_lists_and_maps_a_record_keeps_the_beginning_and_tells_others_apart() {
        let tables = |count: usize| Value::from((0..count).collect::<Vec<_>>());
        let labels: serde_json::Map<String, Value> = (0..10_000)
            .map(|number| (format!("{number}{}", "k".repeat(3000)), json!("v")))
            .collect();
        let record = kept(json!({"tables": tables(10_000), "labels": labels}));
        let size = record.to_string().len();
        assert!(size < 32 << 10, "{size}");
        assert_eq!(record["tables"][KEPT_ELEMENTS - 1], KEPT_ELEMENTS - 1);
        let more = record["tables"][KEPT_ELEMENTS].as_str().unwrap_or_default();
        assert!(more.starts_with("… (10000 elements, sha256 "), "{more}");
        let more = record["labels"]["…"].as_str().unwrap_or_default();
        assert!(more.starts_with("… (10000 elements, sha256 "), "{more}");
        assert_eq!(kept(tables(KEPT_ELEMENTS)), tables(KEPT_ELEMENTS));
        assert_ne!(kept(tables(60)), kept(tables(61)));
    }

    #[test]
    fn a_record_keeps_no_sql_no_secrets_and_of_long_texts_the_beginning() {
        let long = "é".repeat(2000);
        let request = json!({
            "upgradeSql": "CREATE ROLE r PASSWORD 'x'",
            "downgradeSql": "",
            "reason": "as in postgres://a:secret@h/d",
            "labels": {"key": long},
            "tables": ["a", "b"],
            "limit": 5,
        });
        let record = kept(request);
        let sql = record["upgradeSql"].as_str().unwrap_or_default();
        assert!(sql.starts_with("26 bytes, sha256 "), "{sql}");
        assert_eq!(record["downgradeSql"], "");
        assert_eq!(record["reason"], "as in postgres://a:***@h/d");
        let label = record["labels"]["key"].as_str().unwrap_or_default();
        assert!(
            label.starts_with("ééé") && label.contains("… (4000 bytes, sha256 "),
            "{label}"
        );
        assert!(label.len() < 320, "{label}");
        assert_eq!(
            (&record["tables"], &record["limit"]),
            (&json!(["a", "b"]), &json!(5))
        );
    }
}
