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

/// A text of which empty means none.
pub(super) fn optional(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}
