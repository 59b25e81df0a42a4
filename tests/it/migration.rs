//! MigrationService through the wire.

use crate::support;

#[tokio::test]
async fn upgrading_to_head_runs_every_script_and_says_so() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let first = client
        .revision(
            "CREATE TABLE customers (id bigint PRIMARY KEY);",
            "DROP TABLE customers;",
        )
        .await;

    let result = client.upgrade("head").await;

    assert_eq!(result.to_heads, [first.revision]);
    assert_eq!(site.databases.rows("customers").await, 0);
    daemon.stop().await;
}
