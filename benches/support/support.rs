//! What the benchmarks have in common: a PostgreSQL cluster of their own, databases with a role for each purpose, the daemon
//! as its users run it, and the janitor that leaves nothing behind.

pub(crate) mod cluster;
pub(crate) mod daemon;
pub(crate) mod database;
pub(crate) mod memory;
pub(crate) mod process;
