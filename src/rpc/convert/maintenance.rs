//! Maintenance as messages.

use super::{int32, optimize::span, timestamp};
use crate::{
    model::{
        failure::Failure,
        maintenance::{Entry, Maintenance, OtherSession},
    },
    proto,
};

impl From<Maintenance> for proto::Maintenance {
    fn from(state: Maintenance) -> Self {
        let other_sessions = int32(state.other_sessions);
        let sessions = state.sessions.into_iter().map(Into::into).collect();
        let Some(entered) = state.entered else {
            return Self {
                database: state.database,
                other_sessions,
                sessions,
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
            sessions,
            expire_time: entered.expires_at.map(timestamp),
            drain_end_time: entered.drains_until.map(timestamp),
        }
    }
}

impl From<OtherSession> for proto::OtherSession {
    fn from(session: OtherSession) -> Self {
        Self {
            pid: session.pid,
            role: session.role,
            application: session.application,
            state: session.state,
            state_time: session.since.map(timestamp),
        }
    }
}

/// How the mode is to be entered, as a request says.
pub(in crate::rpc) fn entry(request: &proto::EnterMaintenanceRequest) -> Result<Entry, Failure> {
    Ok(Entry {
        reason: request.reason.clone(),
        drain: span("drain", request.drain)?.filter(|drain| !drain.is_zero()),
        expire_after: span("expire_after", request.expire_after)?,
    })
}
