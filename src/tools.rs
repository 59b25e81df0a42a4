//! The programs that pgsteward runs as child processes, and where they are found.
//!
//! `ops` and `postgres` call this folder; it knows PostgreSQL's programs but nothing of operations or gRPC.

pub mod binaries;
pub mod pg_dump;
pub mod pg_restore;
pub mod process;
pub mod psql;
mod scratch_file;
