//! Spooled calls: what a daemon keeps on its own disk of calls that only read, and of callers that were not let in, until
//! it stands in the control store's log.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What a spooled record stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SpooledKind {
    /// A call that only read.
    Read,
    /// A caller that was not let in.
    Refusal,
}

impl SpooledKind {
    /// The name as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Refusal => "REFUSAL",
        }
    }
}

/// One line of a spool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpooledCall {
    /// Names the record for good, so that it is taken into the log once.
    pub source: Uuid,
    /// What it stands for.
    pub kind: SpooledKind,
    /// When the call began, by the daemon's clock.
    pub happened_at: DateTime<Utc>,
    /// Who called; empty for a caller that was not let in.
    pub principal: String,
    /// The caller's address.
    pub peer: String,
    /// The method's full name, or what a caller that was not let in asked for.
    pub method: String,
    /// The managed database; empty when the call has none.
    pub database: String,
    /// The request as JSON; null where there was none to read.
    pub request: Value,
    /// The stored name of the outcome.
    pub outcome: String,
    /// The stable reason of a failure or refusal; empty otherwise.
    pub reason: String,
    /// Microseconds from the call to its answer.
    pub duration: u64,
    /// How many calls it stands for.
    pub calls: u64,
}

/// What calls have in common that become one record.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    kind: SpooledKind,
    principal: String,
    host: String,
    method: String,
    database: String,
    outcome: String,
    reason: String,
}

impl Likeness {
    fn of(call: &SpooledCall) -> Self {
        // Each connection has a port of its own.
        let host = call.peer.rsplit_once(':').map_or(&*call.peer, |(h, _)| h);
        Self {
            kind: call.kind,
            principal: call.principal.clone(),
            host: host.to_owned(),
            method: call.method.clone(),
            database: call.database.clone(),
            outcome: call.outcome.clone(),
            reason: call.reason.clone(),
        }
    }
}

/// Makes one record of calls that are alike but for their requests: the first of them, which counts them all. The same
/// calls always give the same records.
pub fn collapsed(calls: Vec<SpooledCall>) -> Vec<SpooledCall> {
    let mut places: HashMap<Likeness, usize> = HashMap::new();
    let mut records: Vec<SpooledCall> = Vec::new();
    for call in calls {
        let likeness = Likeness::of(&call);
        if let Some(place) = places.get(&likeness) {
            let record = &mut records[*place];
            record.calls = record.calls.saturating_add(call.calls);
            record.duration = record.duration.saturating_add(call.duration);
        } else {
            places.insert(likeness, records.len());
            records.push(call);
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(principal: &str, peer: &str, method: &str, outcome: &str) -> SpooledCall {
        SpooledCall {
            source: Uuid::now_v7(),
            kind: SpooledKind::Read,
            happened_at: Utc::now(),
            principal: principal.to_owned(),
            peer: peer.to_owned(),
            method: method.to_owned(),
            database: String::new(),
            request: Value::Null,
            outcome: outcome.to_owned(),
            reason: String::new(),
            duration: 10,
            calls: 1,
        }
    }

    #[test]
    fn calls_of_one_caller_that_are_alike_become_the_first_of_them_with_their_number() {
        let calls = vec![
            call("a", "[::1]:1", "GetStatus", "SUCCEEDED"),
            call("a", "[::1]:2", "GetStatus", "SUCCEEDED"),
            call("a", "[::1]:2", "GetStatus", "FAILED"),
            call("b", "[::1]:2", "GetStatus", "SUCCEEDED"),
            call("a", "10.0.0.1:2", "GetStatus", "SUCCEEDED"),
            call("a", "[::1]:3", "GetStatus", "SUCCEEDED"),
        ];
        let first = calls[0].source;

        let records = collapsed(calls);

        let counts: Vec<u64> = records.iter().map(|record| record.calls).collect();
        assert_eq!(counts, [3, 1, 1, 1]);
        assert_eq!((records[0].source, records[0].duration), (first, 30));
    }
}
