//! Seats: how many connections there are, from whom, and which have to go.
//!
//! There are so many seats in all and so many for each peer. A connection that has not yet made a good call holds its seat
//! for a short time only, and gives it up at once when a new connection finds none: so connections that say nothing, or
//! only nonsense, keep nobody out. One that has made good calls keeps its seat until it has been idle for long. A probe
//! that anyone may make is answered, and is no such call: its connection may stay for as long, but gives up its seat to
//! a new one like those that said nothing. The oldest go first, so that a new one has the time to ask.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

const LOOK: Duration = Duration::from_millis(250);
const AFTER_STOP: Duration = Duration::from_secs(1);

/// How many seats there are and how long they are held.
#[derive(Clone, Copy, Debug)]
pub struct SeatLimits {
    /// In all.
    pub total: usize,
    /// For each peer.
    pub per_peer: usize,
    /// Until the first good call.
    pub unproven: Duration,
    /// Without a call.
    pub idle: Duration,
}

/// Whose connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::rpc) enum PeerKey {
    /// Those of an address. Of IPv6 the network of a site, whose addresses are all its own.
    Address(IpAddr),
    /// Those of an account.
    Account(u32),
}

impl PeerKey {
    pub(in crate::rpc) fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address => address,
        })
    }
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct Seating {
    peer: PeerKey,
    since: Instant,
    proven: AtomicBool,
    probed: AtomicBool,
    calls: Mutex<Calls>,
    gone: CancellationToken,
}

#[derive(Debug)]
struct Calls {
    open: usize,
    last_end: Instant,
}

impl Seating {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    fn is_probed(&self) -> bool {
        self.probed.load(Ordering::Relaxed)
    }

    pub(super) fn note_probe(&self) {
        self.probed.store(true, Ordering::Relaxed);
    }

    pub(super) fn begin_call(self: &Arc<Self>) -> InCall {
        self.calls().open += 1;
        InCall(Arc::clone(self))
    }

    fn has_to_go(&self, now: Instant, limits: &SeatLimits) -> bool {
        let calls = self.calls();
        if self.is_proven() || self.is_probed() {
            calls.open == 0 && now.duration_since(calls.last_end) > limits.idle
        } else {
            now.duration_since(self.since) > limits.unproven
        }
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(in crate::rpc) struct InCall(Arc<Seating>);

impl Drop for InCall {
    fn drop(&mut self) {
        let mut calls = self.0.calls();
        calls.open = calls.open.saturating_sub(1);
        calls.last_end = Instant::now();
    }
}

/// All seats.
#[derive(Debug)]
pub(super) struct Seats {
    limits: SeatLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by_number: HashMap<u64, Arc<Seating>>,
    by_peer: HashMap<PeerKey, usize>,
}

impl Seats {
    pub(super) fn new(limits: SeatLimits) -> Self {
        Self {
            limits,
            taken: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new connection; none where all are held by connections that have made good calls.
    pub(super) fn take(self: &Arc<Self>, peer: PeerKey) -> Option<Seat> {
        let mut taken = self.lock();
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or_default();
        if of_peer >= self.limits.per_peer && !taken.free_one(|seating| seating.peer == peer) {
            tracing::debug!(
                ?peer,
                "a connection was refused: its peer has all that one may have"
            );
            return None;
        }
        if taken.by_number.len() >= self.limits.total && !taken.free_one(|_| true) {
            tracing::debug!(?peer, "a connection was refused: all seats are taken");
            return None;
        }
        let now = Instant::now();
        let seating = Arc::new(Seating {
            peer,
            since: now,
            proven: AtomicBool::new(false),
            probed: AtomicBool::new(false),
            calls: Mutex::new(Calls {
                open: 0,
                last_end: now,
            }),
            gone: CancellationToken::new(),
        });
        let number = taken.next;
        taken.next += 1;
        taken.by_number.insert(number, Arc::clone(&seating));
        *taken.by_peer.entry(peer).or_default() += 1;
        Some(Seat {
            seats: Arc::clone(self),
            number,
            seating,
        })
    }

    /// Takes seats away whose time is up, until `stop`; a moment later all that have asked for nothing, which nobody waits for. A
    /// call that is on its way by then is answered as any other.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let stopped = tokio::time::timeout(LOOK, stop.cancelled()).await.is_ok();
            if stopped {
                tokio::time::sleep(AFTER_STOP).await;
            }
            let now = Instant::now();
            let taken = self.lock();
            for seating in taken.by_number.values() {
                let has_asked = seating.is_proven() || seating.is_probed();
                if seating.has_to_go(now, &self.limits) || (stopped && !has_asked) {
                    seating.gone.cancel();
                }
            }
            if stopped {
                return;
            }
        }
    }

    fn leave(&self, number: u64) {
        self.lock().remove(number);
    }
}

impl Taken {
    /// Takes the seat of the oldest of those connections that have not made a good call.
    fn free_one(&mut self, of: impl Fn(&Seating) -> bool) -> bool {
        let candidates = self.by_number.iter();
        let oldest = candidates
            .filter(|(_, seating)| of(seating) && !seating.is_proven())
            .map(|(number, _)| *number)
            .min();
        let Some(seating) = oldest.and_then(|number| self.remove(number)) else {
            return false;
        };
        seating.gone.cancel();
        true
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Seating>> {
        let seating = self.by_number.remove(&number)?;
        if let Some(count) = self.by_peer.get_mut(&seating.peer) {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&seating.peer);
            }
        }
        Some(seating)
    }
}

/// The seat of one connection, left when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    seating: Arc<Seating>,
}

impl Seat {
    pub(super) fn seating(&self) -> Arc<Seating> {
        Arc::clone(&self.seating)
    }

    /// Resolves when the connection has to go.
    pub(super) fn taken_away(&self) -> WaitForCancellationFutureOwned {
        self.seating.gone.clone().cancelled_owned()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seats(total: usize, per_peer: usize) -> Arc<Seats> {
        Arc::new(Seats::new(SeatLimits {
            total,
            per_peer,
            unproven: Duration::from_millis(50),
            idle: Duration::from_millis(200),
        }))
    }

    fn peer(number: u8) -> PeerKey {
        PeerKey::of_address(IpAddr::from([127, 0, 0, number]))
    }

    fn is_gone(seat: &Seat) -> bool {
        seat.seating.gone.is_cancelled()
    }

    #[test]
    fn a_new_connection_takes_the_seat_of_the_oldest_that_has_made_no_good_call() {
        let seats = seats(10, 2);
        let first = seats.take(peer(1)).unwrap();
        let second = seats.take(peer(1)).unwrap();
        first.seating.prove();
        let third = seats.take(peer(1)).unwrap();
        assert!(!is_gone(&first) && is_gone(&second) && !is_gone(&third));
        third.seating.prove();
        assert!(seats.take(peer(1)).is_none());
        assert!(seats.take(peer(2)).is_some());
        drop(second);
        drop(first);
        assert!(seats.take(peer(1)).is_some());
    }

    #[test]
    fn what_everyone_may_ask_for_holds_no_seat_against_a_new_connection() {
        let seats = seats(2, 2);
        let (first, second) = (seats.take(peer(1)).unwrap(), seats.take(peer(1)).unwrap());
        first.seating.note_probe();
        second.seating.prove();
        let third = seats.take(peer(1)).unwrap();
        assert!(is_gone(&first) && !is_gone(&second));
        third.seating.note_probe();
        third.seating.prove();
        assert!(seats.take(peer(1)).is_none());
    }

    #[test]
    fn one_peer_cannot_take_all_seats_from_the_others_but_all_together_can_be_full() {
        let seats = seats(3, 3);
        let held: Vec<Seat> = (0..3).map(|_| seats.take(peer(1)).unwrap()).collect();
        let other = seats.take(peer(2)).unwrap();
        assert!(is_gone(&held[0]));
        for seat in held.iter().skip(1).chain([&other]) {
            seat.seating.prove();
        }
        assert!(seats.take(peer(3)).is_none());
    }

    #[tokio::test]
    async fn a_seat_is_taken_away_from_who_says_nothing_and_from_who_is_idle_for_long() {
        let seats = seats(10, 10);
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&seats).watch(stop.clone()));
        let (silent, idle, probing, busy) = (
            seats.take(peer(1)).unwrap(),
            seats.take(peer(1)).unwrap(),
            seats.take(peer(1)).unwrap(),
            seats.take(peer(1)).unwrap(),
        );
        idle.seating.prove();
        busy.seating.prove();
        probing.seating.note_probe();
        let _calls = [busy.seating.begin_call(), probing.seating.begin_call()];
        silent.taken_away().await;
        idle.taken_away().await;
        assert!(!is_gone(&busy) && !is_gone(&probing));
        stop.cancel();
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one_peer() {
        let key = |text: &str| PeerKey::of_address(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
