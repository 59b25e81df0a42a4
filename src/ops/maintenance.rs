//! MaintenanceService's methods: maintenance mode, and the work that keeps a database fit.

mod crew;
pub mod mode;
pub mod optimize;
mod watch;
