//! Messages as JSON, by the proto3 mapping. Used for the audit log and for the command line's `--json`.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;

/// The descriptors of all our protos. They are made by our own build, so that they decode.
static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(crate::proto::DESCRIPTORS).ok());

/// The message as proto3 JSON; `null` for a message that is not in our descriptors, which a test excludes.
pub fn message_to_json<M: Message + Name>(message: &M) -> Value {
    let dynamic = POOL
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(&M::full_name()))
        .and_then(|descriptor| {
            DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok()
        });
    dynamic
        .and_then(|dynamic| serde_json::to_value(dynamic).ok())
        .unwrap_or(Value::Null)
}
