//! Deeds: calls that change something. Each goes on to its end whether its caller waits or not, so they are counted apart
//! from the calls of connections: someone who begins them and goes away must not have any number of them under way.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::Response;
use tonic::body::Body as TonicBody;
use tracing::Instrument as _;

use crate::{
    model::failure::{Failure, Kind},
    rpc::status::status,
};

/// Deeds at once, of all principals and of each.
const MOST: usize = 128;
const MOST_OF_ONE: usize = 32;
/// When to ask again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What is under way, by principal.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds(Arc<Mutex<HashMap<String, usize>>>);

/// A deed that is under way, for as long as this is held.
#[derive(Debug)]
pub(super) struct Deed {
    deeds: Deeds,
    principal: String,
}

impl Deeds {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a deed. Fails with RESOURCE_EXHAUSTED while there are too many.
    pub(super) fn begin(&self, principal: &str) -> Result<Deed, Failure> {
        let mut by_principal = self.lock();
        let own = by_principal.get(principal).copied().unwrap_or_default();
        let all: usize = by_principal.values().sum();
        if own >= MOST_OF_ONE || all >= MOST {
            let message = if own >= MOST_OF_ONE {
                format!("{principal:?} has {own} calls that change something under way")
            } else {
                format!("{all} calls that change something are under way")
            };
            return Err(
                Failure::new(Kind::ResourceExhausted, "TOO_MANY_CALLS", message)
                    .with_hint("wait until some of them are answered")
                    .with_retry_after(RETRY_AFTER),
            );
        }
        by_principal.insert(principal.to_owned(), own + 1);
        Ok(Deed {
            deeds: self.clone(),
            principal: principal.to_owned(),
        })
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        let mut by_principal = self.deeds.lock();
        if let Some(count) = by_principal.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                by_principal.remove(&self.principal);
            }
        }
    }
}

impl Deed {
    /// Makes a call in a task of its own. A caller that goes away ends its own waiting, not a deed that is half done or a
    /// record that is half written.
    pub(super) async fn finish<E: Send + 'static>(
        self,
        answer: impl Future<Output = Result<Response<TonicBody>, E>> + Send + 'static,
    ) -> Result<Response<TonicBody>, E> {
        let deed = async move {
            let _under_way = self;
            answer.await
        };
        tokio::spawn(deed.in_current_span())
            .await
            .unwrap_or_else(|error| {
                tracing::error!(%error, "a call met a defect");
                let failure = Failure::new(Kind::Internal, "PANIC", "the call met a defect")
                    .with_hint("report it, with the daemon's log");
                Ok(status(failure).into_http())
            })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_principal_has_so_many_deeds_under_way_and_all_together_so_many() {
        let deeds = Deeds::default();
        let mut held: Vec<Deed> = (0..MOST_OF_ONE)
            .map(|_| deeds.begin("ann").unwrap())
            .collect();
        let refusal = deeds.begin("ann").unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.retry_after),
            (Kind::ResourceExhausted, Some(RETRY_AFTER))
        );
        for number in MOST_OF_ONE..MOST {
            held.push(deeds.begin(&format!("other {number}")).unwrap());
        }
        deeds.begin("bob").unwrap_err();
        held.remove(0);
        held.push(deeds.begin("ann").unwrap());
        held.clear();
        assert!(deeds.lock().is_empty());
    }

    #[tokio::test]
    async fn a_deed_whose_caller_went_away_is_counted_until_its_end() {
        let deeds = Deeds::default();
        let deed = deeds.begin("ann").unwrap();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let call = deed.finish(async move {
            let _ = ended.await;
            Ok::<_, ()>(Response::new(TonicBody::empty()))
        });
        let gone = tokio::time::timeout(Duration::from_millis(1), call).await;
        assert!(gone.is_err() && deeds.lock().len() == 1);
        end.send(()).unwrap();
        while !deeds.lock().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}
