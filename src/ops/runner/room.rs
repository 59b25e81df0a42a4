//! How many operations one principal may have at once in this daemon.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::model::failure::{Failure, Kind};

type Counts = HashMap<String, usize>;

/// The operations of each principal, counted.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    counts: Arc<Mutex<Counts>>,
}

/// Room for one operation, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    principal: String,
    counts: Arc<Mutex<Counts>>,
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            counts: Arc::default(),
        }
    }

    /// Room for one more operation of the principal.
    pub(super) fn take(&self, principal: &str) -> Result<Taken, Failure> {
        let mut counts = lock(&self.counts);
        let count = counts.entry(principal.to_owned()).or_default();
        if *count >= self.most {
            return Err(Failure::new(
                Kind::ResourceExhausted,
                "TOO_MANY_OPERATIONS",
                format!("{principal:?} has {count} operations under way, and may have no more"),
            )
            .with_hint("wait for one of them to end, or cancel one; ListOperations shows them")
            .with_retry_after(Duration::from_secs(10)));
        }
        *count += 1;
        Ok(Taken {
            principal: principal.to_owned(),
            counts: Arc::clone(&self.counts),
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_principal_cannot_take_the_room_of_another_and_what_ends_makes_room() {
        let room = Room::new(2);
        let (first, _second) = (room.take("ann").unwrap(), room.take("ann").unwrap());
        let refusal = room.take("ann").unwrap_err();
        assert_eq!(refusal.reason, "TOO_MANY_OPERATIONS");
        let _other = room.take("bob").unwrap();
        drop(first);
        let _third = room.take("ann").unwrap();
    }
}
