//! MaintenanceService's methods: maintenance mode, and the work that keeps a database fit.

mod crew;
pub mod mode;
pub mod optimize;
pub mod privileges;
pub mod provision;
pub mod reindex;
pub mod stats;
mod watch;
