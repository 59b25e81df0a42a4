//! What the calls came to: how often each ended how.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tonic::Code;

/// How the calls of one kind ended.
#[derive(Default)]
struct Ends {
    good: u64,
    refused: BTreeMap<String, u64>,
    longest: Duration,
}

/// How all calls ended.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, Ends>>);

impl Tally {
    /// Counts one call.
    pub(crate) fn count(&self, what: &'static str, code: Option<Code>, took: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = all.entry(what).or_default();
        ends.longest = ends.longest.max(took);
        match code {
            None => ends.good += 1,
            Some(code) => *ends.refused.entry(format!("{code:?}")).or_default() += 1,
        }
    }

    /// A row for each kind of call.
    pub(crate) fn table(&self) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<String> = all.iter().map(|(what, ends)| row(what, ends)).collect();
        format!(
            "| call | good | refused | longest |\n| --- | ---: | --- | ---: |\n{}\n\n",
            rows.join("\n")
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let good: u64 = all.values().map(|ends| ends.good).sum();
        let refused: u64 = all.values().flat_map(|ends| ends.refused.values()).sum();
        write!(formatter, "{good} calls were good, {refused} refused")
    }
}

fn row(what: &str, ends: &Ends) -> String {
    let refused: Vec<String> = ends
        .refused
        .iter()
        .map(|(code, count)| format!("{count} {code}"))
        .collect();
    format!(
        "| {what} | {} | {} | {:.1} s |",
        ends.good,
        refused.join(", "),
        ends.longest.as_secs_f64()
    )
}
