//! How far a thing is, on standard error while it is followed: a bar on a terminal, a line for each stage elsewhere,
//! and nothing where standard error must stay JSON.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{render, words};
use crate::proto::{Operation, OperationProgress, OperationState};

const KNOWN_TOTAL: &str = "{spinner} {bar:24} {percent:>3}% {wide_msg}";
const UNKNOWN_TOTAL: &str = "{spinner} {wide_msg}";
const BYTES: &str =
    "{bar:24} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} {wide_msg}";

/// How often a bar is drawn anew when nothing changes, so that it can be seen to live.
const TICK: Duration = Duration::from_millis(120);

/// The progress of an operation.
#[derive(Debug)]
pub(super) enum Progress {
    Bar(ProgressBar),
    /// The line that was written last.
    Lines(String),
    Quiet,
}

impl Progress {
    /// The form that suits standard error.
    pub(super) fn new(json: bool) -> Self {
        if io::stderr().is_terminal() {
            let bar = ProgressBar::no_length();
            bar.enable_steady_tick(TICK);
            Self::Bar(bar)
        } else if json {
            Self::Quiet
        } else {
            Self::Lines(String::new())
        }
    }

    /// Shows where an operation is.
    pub(super) fn show(&mut self, operation: &Operation) {
        match self {
            Self::Bar(bar) => {
                let progress = operation.progress.as_ref();
                let total = progress.map_or(0, |progress| progress.total_units);
                let done = progress.map_or(0, |progress| progress.done_units);
                if total > 0 {
                    bar.set_style(style(KNOWN_TOTAL));
                    bar.set_length(total.unsigned_abs());
                    bar.set_position(done.clamp(0, total).unsigned_abs());
                } else {
                    bar.set_style(style(UNKNOWN_TOTAL));
                }
                bar.set_message(headline(operation, render::progress));
            }
            Self::Lines(last) => {
                let line = headline(operation, render::stage);
                if *last != line {
                    eprintln!("{line}");
                    *last = line;
                }
            }
            Self::Quiet => {}
        }
    }
}

impl Drop for Progress {
    /// A bar is gone when the result is shown.
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// The bar of a transfer of `size` bytes, hidden where standard error is no terminal.
pub(super) fn transfer_bar(size: u64, have: u64, name: &str) -> ProgressBar {
    let bar = if io::stderr().is_terminal() {
        ProgressBar::new(size)
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(style(BYTES));
    bar.set_message(words::clean(name));
    bar.set_position(have);
    bar.reset_eta();
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// What runs on what, its state unless it is at work, and how far it is, e.g. `CreateBackup app: dump (2/4)`.
fn headline(operation: &Operation, how_far: impl Fn(&OperationProgress) -> String) -> String {
    let in_stage = operation
        .progress
        .as_ref()
        .is_some_and(|p| !p.stage.is_empty());
    let state = match operation.state() {
        // The stage says more, once there is one.
        OperationState::Running if in_stage => String::new(),
        state => words::value(state.as_str_name(), "OPERATION_STATE_"),
    };
    let progress = operation
        .progress
        .as_ref()
        .filter(|_| !operation.done)
        .map(how_far)
        .unwrap_or_default();
    let said = words::list(&[state, progress]);
    words::clean(&format!(
        "{} {}: {said}",
        operation.method, operation.database
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_headline_has_the_stage_while_at_work_and_the_state_otherwise() {
        let mut operation = Operation {
            method: "CreateBackup".to_owned(),
            database: "app".to_owned(),
            state: OperationState::Running.into(),
            progress: Some(OperationProgress {
                stage: "dump".to_owned(),
                stage_number: 2,
                stage_count: 4,
                message: "public.orders".to_owned(),
                ..OperationProgress::default()
            }),
            ..Operation::default()
        };
        assert_eq!(
            headline(&operation, render::stage),
            "CreateBackup app: dump (2/4)"
        );
        assert_eq!(
            headline(&operation, render::progress),
            "CreateBackup app: dump (2/4), public.orders"
        );
        operation.state = OperationState::Cancelling.into();
        assert_eq!(
            headline(&operation, render::stage),
            "CreateBackup app: cancelling, dump (2/4)"
        );
        operation.progress = None;
        assert_eq!(
            headline(&operation, render::stage),
            "CreateBackup app: cancelling"
        );
    }

    #[test]
    fn every_template_is_valid() {
        for template in [KNOWN_TOTAL, UNKNOWN_TOTAL, BYTES] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
