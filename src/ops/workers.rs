//! Work that many sessions share: a queue that they take from, and the waiting for all of them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::task::JoinSet;

use crate::model::failure::{Failure, Kind};

/// Pieces of work, taken in order by whoever is free.
#[derive(Debug)]
pub struct Queue<T>(Mutex<VecDeque<T>>);

impl<T> Queue<T> {
    /// Of these pieces.
    pub fn new(pieces: impl IntoIterator<Item = T>) -> Self {
        Self(Mutex::new(pieces.into_iter().collect()))
    }

    /// The next piece, if one is left.
    pub fn take(&self) -> Option<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }
}

/// Waits for all workers; gives what each gave. The first that fails ends it, and the others with it. `work` says what they
/// do, for the one whose thread of execution was lost.
pub async fn all<T: 'static>(
    mut workers: JoinSet<Result<T, Failure>>,
    work: &str,
) -> Result<Vec<T>, Failure> {
    let mut given = Vec::new();
    while let Some(worker) = workers.join_next().await {
        given.push(worker.map_err(|error| {
            Failure::new(
                Kind::Internal,
                "WORKER_LOST",
                format!("{work} ended early: {error}"),
            )
        })??);
    }
    Ok(given)
}
