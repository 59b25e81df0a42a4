//! What every handler does on receipt: who calls which method with what.

use prost::{Message, Name};
use tonic::{Request, Status};

use super::status::status;
use crate::{
    json::message_to_json,
    model::{
        failure::{Failure, Kind},
        method::Method,
    },
    ops::context::{Context, Principal},
};

/// The call's context. `access` has put the principal into the request.
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
    Ok(Context {
        principal,
        peer: request.remote_addr(),
        method,
        request: message_to_json(request.get_ref()).map_err(|error| status(error.into()))?,
    })
}

/// A text that must be there, of at most `limit` characters.
pub(super) fn required(field: &str, value: String, limit: usize) -> Result<String, Failure> {
    let length = value.chars().count();
    if (1..=limit).contains(&length) && !value.trim().is_empty() {
        return Ok(value);
    }
    Err(Failure::invalid_field(
        field,
        format!("must be given, with at most {limit} characters"),
    ))
}

/// A text of which empty means none.
pub(super) fn optional(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}
