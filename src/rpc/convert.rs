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

use chrono::{DateTime, Utc};

/// A moment as a message.
pub(super) fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
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
