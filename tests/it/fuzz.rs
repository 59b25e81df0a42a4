//! Fuzzing: whatever reads foreign bytes is given valid samples that were damaged on purpose, and must give an error that
//! names the thing, or a value that prints back to the same; it must not panic, hang, or take memory without bound.
//!
//! The cases are the same in each run. `PGSTEWARD_FUZZ_CASES=50` runs fifty times as many, `PGSTEWARD_FUZZ_SEED=7` runs
//! others:
//!
//!   PGSTEWARD_FUZZ_CASES=50 PGSTEWARD_FUZZ_SEED=7 cargo test --test it -- fuzz::

mod archives;
mod configuration;
mod keys;
mod manifests;
mod mutations;
mod requests;
mod revisions;
mod uploads;

use std::env;

use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::{Config, RngSeed, TestRunner},
};

/// So many cases, or as many times more as the environment says.
fn cases(count: u32) -> Config {
    let variable = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let times = variable("PGSTEWARD_FUZZ_CASES").unwrap_or(1);
    Config {
        cases: u32::try_from(times.saturating_mul(count.into())).unwrap_or(u32::MAX),
        rng_seed: RngSeed::Fixed(variable("PGSTEWARD_FUZZ_SEED").unwrap_or(1)),
        failure_persistence: None,
        ..Config::default()
    }
}

/// So many values of a strategy, or as many times more, for a test that awaits.
fn samples<S: Strategy>(strategy: &S, count: u32) -> Vec<S::Value> {
    let config = cases(count);
    let count = config.cases;
    let mut runner = TestRunner::new(config);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}
