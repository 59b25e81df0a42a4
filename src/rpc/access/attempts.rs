//! How often one peer may fail in a minute before it is put off. Only failed attempts are put off: good credentials from
//! the same address are as good as ever.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::rpc::listener::PeerKey;

const MINUTE: Duration = Duration::from_mins(1);
/// Peers that are counted at once; when there are more, those are forgotten that have not failed for a while.
const MOST_PEERS: usize = 10_000;

/// The failures of each peer.
#[derive(Debug)]
pub(super) struct FailureLimit {
    per_minute: f64,
    peers: Mutex<HashMap<PeerKey, Bucket>>,
}

/// What is left of a minute's failures; it fills up again evenly.
#[derive(Debug)]
struct Bucket {
    left: f64,
    last: Instant,
}

impl FailureLimit {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: f64::from(per_minute),
            peers: Mutex::default(),
        }
    }

    /// Counts a failure; an error says for how long the peer is put off.
    pub(super) fn count(&self, peer: PeerKey, now: Instant) -> Result<(), Duration> {
        let per_second = self.per_minute / MINUTE.as_secs_f64();
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MOST_PEERS && !peers.contains_key(&peer) {
            peers.retain(|_, bucket| now.duration_since(bucket.last) < MINUTE);
            if peers.len() >= MOST_PEERS {
                // A flood from everywhere: each is put off until some are forgotten.
                return Err(MINUTE);
            }
        }
        let bucket = peers.entry(peer).or_insert(Bucket {
            left: self.per_minute,
            last: now,
        });
        let refilled = now.duration_since(bucket.last).as_secs_f64() * per_second;
        bucket.left = (bucket.left + refilled).min(self.per_minute);
        bucket.last = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_fails_too_often_is_put_off_until_there_is_room_again() {
        let (limit, start) = (FailureLimit::new(6), Instant::now());
        let (one, other) = (PeerKey::Account(1), PeerKey::Account(2));
        for _ in 0..6 {
            limit.count(one, start).unwrap();
        }
        let wait = limit.count(one, start).unwrap_err();
        assert!(
            wait > Duration::from_secs(9) && wait <= Duration::from_secs(10),
            "{wait:?}"
        );
        limit.count(other, start).unwrap();
        limit.count(one, start + Duration::from_secs(11)).unwrap();
        limit
            .count(one, start + Duration::from_secs(12))
            .unwrap_err();
    }

    #[test]
    fn failures_from_everywhere_cost_bounded_memory() {
        let (limit, start) = (FailureLimit::new(6), Instant::now());
        for number in 0..20_000 {
            let _either = limit.count(PeerKey::Account(number), start);
        }
        assert_eq!(limit.peers.lock().unwrap().len(), MOST_PEERS);
        limit
            .count(PeerKey::Account(50_000), start + MINUTE)
            .unwrap();
    }
}
