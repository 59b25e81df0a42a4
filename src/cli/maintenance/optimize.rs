//! The options of `pgsteward maintenance optimize`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::span;
use crate::{
    cli::arguments::{Database, Start},
    proto::{self, OptimizeRequest},
};

/// Whether VACUUM removes the index entries of dead rows.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum IndexCleanup {
    /// As the server decides
    Auto,
    /// Always
    On,
    /// Never
    Off,
}

/// What an optimize run is asked for.
// Flags of a command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Args, Clone, Debug)]
pub struct OptimizeArguments {
    /// Tables at once, at most 64; 0 for the daemon's `maintenance.jobs`
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(i32).range(0..=64))]
    jobs: i32,
    /// Only this table, e.g. public.orders; may be given more than once
    #[arg(short = 't', long = "table", value_name = "SCHEMA.TABLE")]
    tables: Vec<String>,
    /// Only what needs it, by dead and changed rows, the last ANALYZE and the age of transaction ids
    #[arg(long)]
    stale: bool,
    /// ANALYZE alone
    #[arg(short = 'Z', long)]
    analyze_only: bool,
    /// Freeze all rows
    #[arg(short = 'F', long)]
    freeze: bool,
    /// Leave out tables whose lock is not free at once
    #[arg(long)]
    skip_locked: bool,
    /// Whether VACUUM removes the index entries of dead rows
    #[arg(long, value_enum, default_value_t = IndexCleanup::Auto)]
    index_cleanup: IndexCleanup,
    /// Do not give pages at the end of a table back to the disk
    #[arg(long)]
    no_truncate: bool,
    /// Parallel workers for a table's indexes; by default the server's own choice
    #[arg(short = 'P', long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=1024))]
    parallel: Option<i32>,
    /// Longest wait for the lock of a table, e.g. 5s; by default the daemon's `maintenance.lock_timeout`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    lock_timeout: Option<Duration>,
}

impl OptimizeArguments {
    pub(super) fn request(self, database: Database, start: &Start) -> OptimizeRequest {
        let index_cleanup = match self.index_cleanup {
            IndexCleanup::Auto => proto::IndexCleanup::Auto,
            IndexCleanup::On => proto::IndexCleanup::On,
            IndexCleanup::Off => proto::IndexCleanup::Off,
        };
        OptimizeRequest {
            database: database.name,
            request_id: start.request_id.clone(),
            jobs: self.jobs,
            analyze_only: self.analyze_only,
            freeze: self.freeze,
            skip_locked: self.skip_locked,
            index_cleanup: index_cleanup.into(),
            tables: self.tables,
            stale: self.stale,
            lock_timeout: span(self.lock_timeout),
            no_truncate: self.no_truncate,
            parallel_workers: self.parallel,
        }
    }
}
