//! RestoreService's methods.
//!
//! A restore builds a new database beside the live one, compares it with the backup's manifest, and swaps the two by
//! rename in one transaction. Whatever fails before that leaves the live database as it was.

pub mod plan;
mod rebuild;
pub mod replaced;
pub mod restore_backup;
pub mod rollback;
mod swap;
