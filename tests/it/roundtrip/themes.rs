//! One database for each theme, restored as the daemon's roles usually do: none of them is a superuser.

use super::{assert_round_trip, fill};
use crate::support;

/// Made by the migrator, who owns it.
async fn by_the_migrator(sql: &str) {
    let (site, daemon) = support::start().await;
    fill(&site, &site.databases.role("migrator"), sql);
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn sequences_of_every_kind_go_on_where_they_stood() {
    by_the_migrator(include_str!("sequences.sql")).await;
}
