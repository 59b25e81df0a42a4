//! BackupService's methods: make, list, read, receive, check, label and remove backups.

pub mod content;
pub mod copy;
pub mod create;
pub mod delete;
pub mod download;
pub mod dump;
pub mod list;
pub mod open;
pub mod remove;
pub mod retention;
pub mod update;
pub mod upload;
pub mod verify;
