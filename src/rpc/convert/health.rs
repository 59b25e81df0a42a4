//! Health as messages.

use super::{backup::summary, duration, int32, timestamp};
use crate::{
    model::health::{ConnectionHealth, DatabaseHealth, DatabaseState, Status},
    proto,
};

impl From<DatabaseState> for proto::DatabaseState {
    fn from(state: DatabaseState) -> Self {
        match state {
            DatabaseState::Healthy => Self::Healthy,
            DatabaseState::Maintenance => Self::Maintenance,
            DatabaseState::Unreachable => Self::Unreachable,
        }
    }
}

impl From<ConnectionHealth> for proto::ConnectionHealth {
    fn from(connection: ConnectionHealth) -> Self {
        Self {
            purpose: connection.purpose.to_owned(),
            reachable: connection.error.is_none(),
            message: connection.error.unwrap_or_default(),
            latency: Some(duration(connection.latency)),
            since_time: Some(timestamp(connection.since)),
        }
    }
}

impl From<DatabaseHealth> for proto::DatabaseHealth {
    fn from(health: DatabaseHealth) -> Self {
        Self {
            database: health.database,
            state: proto::DatabaseState::from(health.state).into(),
            message: health.message,
            check_time: Some(timestamp(health.check_time)),
            server_version: health.server_version,
            connections: health.connections.into_iter().map(Into::into).collect(),
            schema_version: health.schema_version.map(Into::into),
            maintenance: health.maintenance.map(Into::into),
            last_backup: health.last_backup.map(summary),
            last_good_drill: health.last_good_drill.map(Into::into),
            last_drill: health.last_drill.map(Into::into),
            privileges: health.privileges.map(Into::into),
        }
    }
}

impl From<Status> for proto::GetStatusResponse {
    fn from(status: Status) -> Self {
        Self {
            version: status.version.to_owned(),
            start_time: Some(timestamp(status.start_time)),
            control_store_reachable: status.control_store.error.is_none(),
            databases: status.databases.into_iter().map(Into::into).collect(),
            running_operations: int32(status.running_operations),
            control_store: Some(status.control_store.into()),
            message: status.message,
        }
    }
}
