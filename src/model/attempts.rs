//! Failed attempts to call, as the audit log keeps them: the first from an address at once, those that follow within a
//! minute as one entry with their number. A flood of them fills no log.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::peer::Peer;

/// For how long attempts from one address are counted into one entry.
pub const WINDOW: Duration = Duration::from_mins(1);
/// Addresses that are told apart at once; all others are counted together.
const MOST_ADDRESSES: usize = 1000;

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// From where.
    pub peer: Peer,
    /// The full name of the method that was called.
    pub method: String,
    /// Whom the caller claimed to be, as far as that is known.
    pub claimed: String,
    /// The stable reason of the refusal.
    pub reason: String,
}

/// What is to be recorded: an attempt, the last of so many alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last attempt.
    pub attempt: Attempt,
    /// How many there were.
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Address(IpAddr),
    Account(u32),
    Others,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    count: u64,
    last: Attempt,
}

/// Counts attempts.
#[derive(Debug, Default)]
pub struct Attempts {
    windows: HashMap<Origin, Window>,
}

impl Attempts {
    /// Takes an attempt in; gives what is to be recorded now.
    pub fn note(&mut self, attempt: Attempt, now: Instant) -> Option<Entry> {
        let own = match attempt.peer {
            Peer::Tcp(address) => Origin::Address(address.ip().to_canonical()),
            Peer::Unix { uid, .. } => Origin::Account(uid),
            Peer::Daemon => Origin::Others,
        };
        let is_known = self.windows.contains_key(&own);
        let origin = if is_known || self.windows.len() < MOST_ADDRESSES {
            own
        } else {
            Origin::Others
        };
        if let Some(window) = self.windows.get_mut(&origin) {
            window.count += 1;
            window.last = attempt;
            return None;
        }
        let window = Window {
            since: now,
            count: 0,
            last: attempt.clone(),
        };
        self.windows.insert(origin, window);
        Some(Entry { attempt, count: 1 })
    }

    /// What is to be recorded of the windows that have ended; a new one begins where there were attempts.
    pub fn ended(&mut self, now: Instant) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.windows.retain(|_, window| {
            if now.duration_since(window.since) < WINDOW {
                return true;
            }
            let count = std::mem::take(&mut window.count);
            window.since = now;
            if count > 0 {
                let attempt = window.last.clone();
                entries.push(Entry { attempt, count });
            }
            count > 0
        });
        entries
    }

    /// What is to be recorded of all windows, at the daemon's end.
    pub fn all(self) -> Vec<Entry> {
        let windows = self.windows.into_values();
        windows
            .filter(|window| window.count > 0)
            .map(|window| Entry {
                attempt: window.last,
                count: window.count,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::SocketAddr;

    use super::*;

    fn attempt(address: [u8; 4], port: u16) -> Attempt {
        Attempt {
            peer: Peer::Tcp(SocketAddr::from((address, port))),
            method: "m".to_owned(),
            claimed: String::new(),
            reason: "CREDENTIALS_INVALID".to_owned(),
        }
    }

    #[test]
    fn a_flood_from_one_address_is_recorded_at_once_and_then_by_its_number_each_minute() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        let first = attempts.note(attempt([10, 0, 0, 1], 1), start).unwrap();
        assert_eq!(first.count, 1);
        for port in 2..1000 {
            assert_eq!(attempts.note(attempt([10, 0, 0, 1], port), start), None);
        }
        assert!(attempts.note(attempt([10, 0, 0, 2], 1), start).is_some());
        assert!(attempts.ended(start + WINDOW / 2).is_empty());
        let ended = attempts.ended(start + WINDOW);
        assert_eq!(ended.len(), 1);
        assert_eq!(
            (ended[0].count, ended[0].attempt.peer),
            (998, attempt([10, 0, 0, 1], 999).peer)
        );
        // The flood goes on: it is counted, and not recorded at once again. When it has ended, the next is a first one.
        assert_eq!(
            attempts.note(attempt([10, 0, 0, 1], 1), start + WINDOW),
            None
        );
        assert_eq!(attempts.ended(start + 2 * WINDOW)[0].count, 1);
        assert!(attempts.ended(start + 3 * WINDOW).is_empty());
        assert!(
            attempts
                .note(attempt([10, 0, 0, 1], 1), start + 3 * WINDOW)
                .is_some()
        );
    }

    #[test]
    fn a_flood_from_many_addresses_costs_bounded_memory_and_is_all_counted() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let mut recorded = 0;
        for number in 0..5000_u16 {
            let [high, low] = number.to_be_bytes();
            let entry = attempts.note(attempt([10, 0, high, low], 1), now);
            recorded += entry.map_or(0, |entry| entry.count);
        }
        assert_eq!(attempts.windows.len(), MOST_ADDRESSES + 1);
        let rest: u64 = attempts.all().iter().map(|entry| entry.count).sum();
        assert_eq!(recorded + rest, 5000);
    }
}
