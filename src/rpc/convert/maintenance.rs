//! Maintenance as messages.

use super::{int32, timestamp};
use crate::{model::maintenance::Maintenance, proto};

impl From<Maintenance> for proto::Maintenance {
    fn from(state: Maintenance) -> Self {
        let other_sessions = int32(state.other_sessions);
        let Some(entered) = state.entered else {
            return Self {
                database: state.database,
                other_sessions,
                ..Self::default()
            };
        };
        Self {
            database: state.database,
            active: true,
            reason: entered.reason,
            principal: entered.principal,
            enter_time: Some(timestamp(entered.time)),
            ended_sessions: int32(entered.ended_sessions),
            other_sessions,
        }
    }
}
