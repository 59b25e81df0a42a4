//! PostgreSQL as the operations see it: connections by purpose, locks, catalog queries, the running of revision scripts,
//! and the embedded server.
//!
//! `ops` and `state` call this folder; it speaks PostgreSQL's protocol and knows nothing of gRPC.

pub mod access;
pub mod casts;
pub mod catalog;
pub mod columns;
pub mod copy;
pub mod database;
pub mod drill_check;
pub mod dumpable;
pub mod embedded;
pub mod error;
pub mod guard;
pub mod indexes;
pub mod lock;
pub mod locks;
pub mod others;
pub mod pooled;
pub mod privileges;
pub mod properties;
pub mod quote;
pub mod rehearsal;
pub mod reindex;
pub mod revisions;
pub mod roles;
pub mod room;
pub mod scratch;
pub mod server;
pub mod session;
pub mod shared;
pub mod sizes;
pub mod snapshot;
pub mod statistics;
pub mod table_files;
pub mod tables;
pub mod vacuum;
pub mod versions;
pub mod work_progress;
