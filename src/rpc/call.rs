//! What every handler does on receipt: who calls which method with what.

use prost::{Message, Name};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

use super::status::status;
use crate::{
    json::message_to_json,
    model::{
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
    Ok(Context {
        principal,
        peer: request
            .extensions()
            .get::<Peer>()
            .copied()
            .unwrap_or_default(),
        method,
        request: abridged(json),
    })
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

/// The longest text that is kept of a request, in bytes. Longer ones (a revision's SQL) are kept where they belong; the
/// record keeps their beginning and digest, or pages of the audit log would outgrow what clients accept.
const KEPT_TEXT: usize = 2048;

fn abridged(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > KEPT_TEXT => {
            let beginning: String = text.chars().take(200).collect();
            let digest = hexadecimal(Sha256::new_with_prefix(&text));
            Value::String(format!(
                "{beginning}… ({} bytes, sha256 {digest})",
                text.len()
            ))
        }
        Value::Array(items) => items.into_iter().map(abridged).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(field, value)| (field, abridged(value)))
            .collect(),
        other => other,
    }
}

/// A text of which empty means none.
pub(super) fn optional(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}
