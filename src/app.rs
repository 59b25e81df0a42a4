//! The daemon from its start to its end: builds what `ops` works with from the configuration, starts what runs beside the
//! calls, serves, and stops all of it in order.

mod access;
mod build;
mod roles;
mod serve;

pub use build::BuildError;
pub use roles::roles_sql;
pub use serve::{Started, run, start};
