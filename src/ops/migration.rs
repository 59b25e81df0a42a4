//! MigrationService's methods: revision scripts on disk, the version table in the database, and the way between them.

pub mod create;
pub mod list;
pub mod run;
mod scripts;
pub mod version;
