//! What a caller may take of the daemon: the defaults survive a hostile one.

use std::time::Duration;

use serde::Serialize;

use super::{ConfigError, build::POSITIVE, settings::Settings, shown};

/// What callers may take.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// Connections at once from one address, or of one account.
    pub connections_per_peer: u32,
    /// How long a connection may take until its first good call, its handshake included.
    #[serde(serialize_with = "shown::duration")]
    pub handshake_timeout: Duration,
    /// How long a connection may stay without a call.
    #[serde(serialize_with = "shown::duration")]
    pub idle_timeout: Duration,
    /// Calls at once on a connection.
    pub streams: u32,
    /// The largest message of a request, in bytes.
    pub message_bytes: u32,
    /// The largest headers of a call, in bytes.
    pub header_bytes: u32,
    /// How long a call may take that is neither a wait nor an upload.
    #[serde(serialize_with = "shown::duration")]
    pub call_timeout: Duration,
    /// How long the message of a request may take to come.
    #[serde(serialize_with = "shown::duration")]
    pub request_timeout: Duration,
    /// How long a caller may leave an answer unread.
    #[serde(serialize_with = "shown::duration")]
    pub stall_timeout: Duration,
    /// Operations at once that one principal started.
    pub operations_per_principal: u32,
    /// Failed attempts in a minute from one address that are answered as such.
    pub failed_attempts: u32,
}

/// Reads the section.
pub(super) fn limits(settings: &Settings) -> Result<Limits, ConfigError> {
    let duration = |key: &str| settings.duration(&format!("limits.{key}"), POSITIVE);
    let number = |key: &str, range| settings.integer(&format!("limits.{key}"), range);
    Ok(Limits {
        connections: number("connections", 1..=100_000)?,
        connections_per_peer: number("connections_per_peer", 1..=100_000)?,
        handshake_timeout: duration("handshake_timeout")?,
        idle_timeout: duration("idle_timeout")?,
        streams: number("streams", 1..=10_000)?,
        // An upload's chunks have 1 MiB.
        message_bytes: number("message_bytes", 2 << 20..=256 << 20)?,
        header_bytes: number("header_bytes", 4 << 10..=1 << 20)?,
        call_timeout: duration("call_timeout")?,
        request_timeout: duration("request_timeout")?,
        stall_timeout: duration("stall_timeout")?,
        operations_per_principal: number("operations_per_principal", 1..=10_000)?,
        failed_attempts: number("failed_attempts", 1..=10_000)?,
    })
}
