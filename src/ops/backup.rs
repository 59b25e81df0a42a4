//! BackupService's methods: make, list, read, receive, check and remove backups.

pub mod copy;
pub mod create;
pub mod delete;
pub mod download;
pub mod dump;
pub mod list;
pub mod retention;
pub mod upload;
pub mod verify;
