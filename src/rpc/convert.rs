//! Values to messages and back. One file per kind of value; each conversion is total, or fails with the field's name.

pub(super) mod audit;
pub(super) mod backup;
mod database_stats;
mod health;
pub(super) mod maintenance;
pub(super) mod migration;
pub(super) mod operation;
pub(super) mod optimize;
mod privileges;
pub(super) mod reindex;
pub(super) mod restore;
mod schedule;
mod schema;

use chrono::{DateTime, Datelike as _, Utc};

use crate::model::failure::Failure;

/// A moment as a message.
pub(super) fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

/// A moment of a request; absent where it is not given.
pub(super) fn moment(
    field: &str,
    timestamp: Option<prost_types::Timestamp>,
) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(timestamp) = timestamp else {
        return Ok(None);
    };
    u32::try_from(timestamp.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(timestamp.seconds, nanos))
        // PostgreSQL keeps no later ones.
        .filter(|time| (1970..=9999).contains(&time.year()))
        .map(Some)
        .ok_or_else(|| Failure::invalid_field(field, "must be a moment of the years 1970 to 9999"))
}

/// A length of time as a message; longer ones than the message can say are cut to its greatest.
pub(super) fn duration(duration: std::time::Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

/// A count as the signed number that the protos use.
pub(super) fn int64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A small count as the signed number that the protos use.
pub(super) fn int32(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
