//! Waiting for a state, never for a time.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Longer than anything takes on a slow machine: a state that has not come by then will not come.
pub(crate) const BOUND: Duration = Duration::from_mins(1);

/// How long a look is followed by the next.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// Looks until there is a value; panics with `what` when there is none within the bound.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not come to this: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// The same for a thread without a runtime.
pub(crate) fn until_blocking<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not come to this: {what}");
        std::thread::sleep(POLL);
    }
}
