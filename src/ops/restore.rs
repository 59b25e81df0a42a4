//! RestoreService's methods.
//!
//! A restore builds a new database beside the live one, compares it with the backup's manifest, and swaps the two by
//! rename in one transaction. Whatever fails before that leaves the live database as it was. A drill is the same way
//! without the swap, and a restore into another database ends with giving it its name.

pub mod approve;
mod build;
pub mod drill;
mod drill_checks;
mod into;
pub mod plan;
mod rebuild;
pub mod replaced;
pub mod request;
pub mod restore_backup;
mod roles;
pub mod rollback;
mod swap;
mod tables;
