//! Arguments that several commands share.

use clap::Args;

/// Which database is meant.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// The managed database; needed where more than one is managed
    #[arg(
        short = 'd',
        long = "database",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) name: String,
}

/// What every command takes that starts an operation.
#[derive(Args, Clone, Debug)]
pub struct Start {
    /// The same id twice gives the same operation, so that a call can be repeated safely; at most 64 characters
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(super) request_id: String,
    /// Print the operation's id and do not wait for its end
    #[arg(long)]
    pub(super) no_wait: bool,
}

/// How much of a list is shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct Limit {
    /// At most this many
    #[arg(
        long = "limit",
        value_name = "N",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    items: u32,
}

impl Limit {
    /// The number of items.
    pub(super) fn items(self) -> Option<usize> {
        usize::try_from(self.items).ok()
    }
}
