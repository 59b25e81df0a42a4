//! The parts of a run. Each one measures the tools and the daemon in turns, so that whatever changes on the machine while it
//! runs hits all of them.

pub(crate) mod backup;
pub(crate) mod download;
pub(crate) mod health;
pub(crate) mod optimize;
pub(crate) mod restore;
pub(crate) mod scaling;
