//! How each message of the API reads as text. One file per kind of thing; each message puts itself on a page.

mod audit;
mod autogenerate;
mod backup;
mod database_stats;
mod drift;
mod drill;
mod health;
mod logs;
mod maintenance;
mod migration;
mod operation;
mod optimize;
mod privileges;
mod reindex;
mod restore;
mod review;
mod revision;

pub(super) use self::{
    operation::{approving, outcome, progress, stage},
    revision::sections,
};
