//! The options of `pgsteward maintenance reindex`.

use std::time::Duration;

use clap::Args;

use super::span;
use crate::{
    cli::arguments::{Database, Start},
    proto::ReindexRequest,
};

/// Which indexes are rebuilt, and how.
#[derive(Args, Clone, Debug)]
pub struct ReindexArguments {
    /// This index, e.g. public.orders_pkey; may be given more than once
    #[arg(short = 'i', long = "index", value_name = "SCHEMA.INDEX")]
    indexes: Vec<String>,
    /// All indexes of this table; may be given more than once
    #[arg(short = 't', long = "table", value_name = "SCHEMA.TABLE")]
    tables: Vec<String>,
    /// All indexes in this schema; may be given more than once
    #[arg(short = 'S', long = "schema", value_name = "SCHEMA")]
    schemas: Vec<String>,
    /// Of those only the invalid ones
    #[arg(long)]
    invalid: bool,
    /// Of those only the ones of which a good part is estimated to hold nothing
    #[arg(long)]
    bloated: bool,
    /// From which percentage on an index is bloated; 0 for 30
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(i32).range(0..=99))]
    waste_percent: i32,
    /// Indexes at once, of different tables, at most 64; 0 for one
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(i32).range(0..=64))]
    jobs: i32,
    /// Longest wait for older transactions, e.g. 10m; by default the daemon's `maintenance.reindex_lock_timeout`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    lock_timeout: Option<Duration>,
}

impl ReindexArguments {
    pub(super) fn request(self, database: Database, start: &Start) -> ReindexRequest {
        ReindexRequest {
            database: database.name,
            request_id: start.request_id.clone(),
            indexes: self.indexes,
            tables: self.tables,
            schemas: self.schemas,
            invalid: self.invalid,
            bloated: self.bloated,
            waste_percent: self.waste_percent,
            jobs: self.jobs,
            lock_timeout: span(self.lock_timeout),
        }
    }
}
