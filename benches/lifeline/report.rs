//! What a run says at its end: a table for people, to be pasted into the README, and JSON for programs.

mod bars;
mod machine;

use std::fmt::Write as _;

use serde_json::{Value, json};

use self::bars::{Comparison, compare_all};
pub(crate) use self::machine::Machine;
use crate::{
    options::Options,
    results::{Results, Scale, Unit},
};

/// The run's settings in one line.
fn conditions(machine: &Machine, options: &Options, results: &Results) -> String {
    let times = if options.runs == 1 {
        "measured once".to_owned()
    } else {
        format!("median of {} runs, in turns", options.runs)
    };
    let warning = if cfg!(debug_assertions) {
        ", **built without optimization: these numbers mean nothing**"
    } else {
        ""
    };
    format!(
        "{machine}; pgsteward {version}; a database of {size:.0} MB as COPY text; {times}{warning}.",
        version = env!("CARGO_PKG_VERSION"),
        size = results.megabytes,
    )
}

/// The tables in Markdown.
pub(crate) fn markdown(machine: &Machine, options: &Options, results: &Results) -> String {
    let mut text = conditions(machine, options, results);
    text.push_str("\n\n| what | tool | tool's | ours | ratio | bar | met |\n");
    text.push_str("| --- | --- | ---: | ---: | ---: | --- | --- |\n");
    for comparison in compare_all(results) {
        row(&mut text, &comparison);
    }
    if !results.scaling.is_empty() {
        scaling(&mut text, &results.scaling);
    }
    for failure in &results.failures {
        // A table is never to pass for whole where it is not.
        text.push_str("\n**Not measured:** ");
        text.push_str(failure);
        text.push('\n');
    }
    text
}

fn row(text: &mut String, comparison: &Comparison) {
    // A bar in a name would begin a column.
    let tool = comparison.tool.unwrap_or("–").replace('|', "\\|");
    let shown = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| quantity(value, comparison.unit))
    };
    let ratio = comparison
        .ratio
        .map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
    let bar = comparison.bar.map_or("–".to_owned(), |bar| bar.to_string());
    let met = match comparison.met {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "–",
    };
    let (tools, ours) = (shown(comparison.tool_value), shown(Some(comparison.value)));
    let what = comparison.what;
    // Writing into a String does not fail.
    let _ = writeln!(
        text,
        "| {what} | {tool} | {tools} | {ours} | {ratio} | {bar} | {met} |"
    );
}

fn scaling(text: &mut String, scales: &[Scale]) {
    text.push_str("\n| database | CreateBackup, gzip | per GB | archive | daemon memory, peak |\n");
    text.push_str("| ---: | ---: | ---: | ---: | ---: |\n");
    for scale in scales {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            quantity(scale.megabytes, Unit::Megabytes),
            quantity(scale.seconds, Unit::Seconds),
            quantity(scale.seconds / scale.megabytes * 1e3, Unit::Seconds),
            quantity(scale.archive_megabytes, Unit::Megabytes),
            quantity(scale.peak_megabytes, Unit::Megabytes),
        );
    }
}

/// A value with its unit, with no more digits than mean something.
fn quantity(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds => format!("{value:.2} s"),
        Unit::Megabytes => format!("{value:.1} MB"),
        Unit::GigabytesPerSecond => format!("{value:.2} GB/s"),
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::Milliseconds => format!("{value:.2} ms"),
    }
}

/// All of it, each run's values included.
pub(crate) fn json(machine: &Machine, options: &Options, results: &Results) -> Value {
    json!({
        "time": chrono::Utc::now().to_rfc3339(),
        "version": env!("CARGO_PKG_VERSION"),
        "optimized": !cfg!(debug_assertions),
        "machine": machine,
        "runs": options.runs,
        "database_megabytes": results.megabytes,
        "comparisons": compare_all(results),
        "series": results.series,
        "scaling": results.scaling,
        "failures": results.failures,
    })
}
