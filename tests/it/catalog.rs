//! x
use pgsteward::postgres::{catalog::{self, Scope}, versions::VersionTable};
use crate::support::database::{Databases};

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let scope = Scope { version_table: VersionTable { schema: "public".into(), name: "alembic_version".into() }, ignore: vec![] };
    match catalog::read_in_snapshot(&client, &scope).await {
        Ok(schema) => println!("{}", serde_json::to_string_pretty(&schema).unwrap()),
        Err(error) => panic!("{}", pgsteward::model::failure::chain(&error)),
    }
}
