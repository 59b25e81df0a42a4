//! What is left when much is gone: a server without the database and its roles, a daemon with an empty control store, tables
//! that somebody emptied.

use pgsteward::proto::{Backup, RestoreRequest, RestoreResult, operation::Outcome};
use tonic::Code;

use crate::support::{self, Client, Site, client::failure_of, database::value, expect_reason};

fn request(backup: &Backup, confirm: &str) -> RestoreRequest {
    RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: confirm.to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    }
}

async fn restore(client: &Client, request: RestoreRequest) -> RestoreResult {
    let answer = client.restore().restore(request).await.unwrap();
    match client.outcome(answer.into_inner().operation).await {
        Outcome::Restore(result) => result,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_database_comes_back_from_the_store_alone_with_its_roles_and_properties() {
    let mut site = Site::new().await;
    let db = site.databases.clone();
    let (admin, owner, managed) = (db.role("admin"), db.role("owner"), db.managed());
    let (clerks, clerk) = (db.role("clerks"), db.role("clerk"));
    db.run_as_superuser(&format!(
        "CREATE ROLE {clerks}; CREATE ROLE {clerk} LOGIN CONNECTION LIMIT 7 BYPASSRLS;
         GRANT {clerks} TO {clerk} WITH ADMIN OPTION; ALTER ROLE {clerk} SET work_mem = '7MB';
         COMMENT ON ROLE {clerk} IS 'at the desk';
         GRANT {clerks}, {clerk} TO {admin};
         ALTER SCHEMA public OWNER TO {clerks};
         CREATE TABLE desks (n int); ALTER TABLE desks OWNER TO {clerks};
         INSERT INTO desks SELECT generate_series(1, 50);
         GRANT SELECT ON desks TO {clerk};
         ALTER DATABASE {managed} SET statement_timeout = '3min';
         ALTER ROLE {clerk} IN DATABASE {managed} SET work_mem = '8MB';
         ALTER DATABASE {managed} CONNECTION LIMIT 33;
         COMMENT ON DATABASE {managed} IS 'the desks';
         GRANT CONNECT ON DATABASE {managed} TO {clerk}"
    ))
    .await;
    let daemon = site.start().await;
    let backup = daemon.client().back_up().await;
    daemon.stop().await;

    // The server that is new: no database, no such roles, and a control store that has seen nothing.
    let server = db.superuser_in("postgres").await;
    server
        .batch_execute(&format!("DROP DATABASE {managed} WITH (FORCE)"))
        .await
        .unwrap();
    server
        .batch_execute(&format!(
            "DROP ROLE {clerk}, {clerks}; ALTER ROLE {admin} CREATEROLE"
        ))
        .await
        .unwrap();
    let fresh = db.role("fresh");
    server
        .batch_execute(&format!("CREATE DATABASE {fresh} OWNER {owner}"))
        .await
        .unwrap();
    site.set("control.url", &db.url("control", &fresh));
    site.set("control.owner_url", &db.url("owner", &fresh));
    let daemon = site.start().await;
    let client = daemon.client();
    let wanted = RestoreRequest {
        into_database: managed.clone(),
        ..request(&backup, &managed)
    };
    let refused = client.restore().restore(wanted.clone()).await;
    expect_reason(refused, Code::FailedPrecondition, "MISSING_ROLES");

    let result = restore(
        client,
        RestoreRequest {
            create_roles: true,
            ..wanted
        },
    )
    .await;

    assert_eq!(result.created_roles, [clerk.clone(), clerks.clone()]);
    // Only a superuser gives BYPASSRLS, and only a superuser or CREATEROLE another role's settings.
    assert!(
        result
            .warnings
            .iter()
            .any(|text| text.contains("BYPASSRLS")),
        "{:?}",
        result.warnings
    );
    assert_eq!(result.verified_rows, 50);
    let superuser = db.superuser().await;
    let owner = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'desks'";
    assert_eq!(value::<String>(&superuser, owner).await, clerks);
    let about = format!(
        "SELECT concat_ws('; ', datconnlimit, shobj_description(oid, 'pg_database'), pg_get_userbyid(datdba),
                has_database_privilege('{clerk}', oid, 'CONNECT'), has_database_privilege('public', oid, 'CONNECT'),
                (SELECT string_agg(array_to_string(setconfig, ','), ',' ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid))
         FROM pg_database AS d WHERE datname = '{managed}'"
    );
    assert_eq!(
        value::<String>(&superuser, &about).await,
        format!("33; the desks; {admin}; t; f; statement_timeout=3min,work_mem=8MB")
    );
    let about = format!(
        "SELECT concat_ws('; ', rolcanlogin, rolconnlimit, rolbypassrls, rolconfig[1], shobj_description(oid, 'pg_authid'),
                (SELECT admin_option FROM pg_auth_members WHERE member = r.oid AND roleid = '{clerks}'::regrole))
         FROM pg_roles AS r WHERE rolname = '{clerk}'"
    );
    assert_eq!(
        value::<String>(&superuser, &about).await,
        "t; 7; f; work_mem=7MB; at the desk; t"
    );
    // The daemon goes on with it.
    let again = client.back_up().await;
    assert_eq!(again.row_count, 50);
    daemon.stop().await;
}

#[tokio::test]
async fn tables_come_back_beside_the_live_ones_with_their_rows_alone() {
    let (site, daemon) = support::start().await;
    let (client, db) = (daemon.client(), &site.databases);
    db.run(
        "CREATE TYPE mood AS ENUM ('sad', 'fine');
         CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"what\"\"s\" text COLLATE \"C\" NOT NULL,
                              mood mood DEFAULT 'fine', twice bigint GENERATED ALWAYS AS (id * 2) STORED);
         INSERT INTO orders (\"what\"\"s\") SELECT 'order ' || n FROM generate_series(1, 300) n;
         CREATE TABLE others (n int REFERENCES orders (id) ); INSERT INTO others VALUES (1), (2)",
    )
    .await;
    let backup = client.back_up().await;
    db.run("DELETE FROM others; DELETE FROM orders WHERE id > 10")
        .await;
    let wanted = RestoreRequest {
        tables: vec!["public.orders".to_owned(), "public.others".to_owned()],
        into_schema: "rescue".to_owned(),
        ..request(&backup, "app")
    };

    let result = restore(client, wanted.clone()).await;

    assert_eq!((result.verified_tables, result.verified_rows), (2, 302));
    assert_eq!(db.rows("rescue.orders").await, 300);
    assert_eq!(db.rows("rescue.others").await, 2);
    assert_eq!(db.rows("orders").await, 10);
    let columns = "SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), (SELECT collname FROM pg_collation WHERE oid = attcollation AND collname <> 'default')), ', ' ORDER BY attnum)
                   FROM pg_attribute WHERE attrelid = 'rescue.orders'::regclass AND attnum > 0";
    assert_eq!(
        db.value::<String>(columns).await,
        "id bigint, what\"s text C, mood mood"
    );
    assert_eq!(
        db.value::<i64>(
            "SELECT count(*) FROM (SELECT id, \"what\"\"s\", mood FROM rescue.orders WHERE id <= 10
                         EXCEPT SELECT id, \"what\"\"s\", mood FROM orders) AS other"
        )
        .await,
        0
    );
    assert_eq!(db.scratch_databases().await, [""; 0]);

    // Nothing is written over, and what fails leaves nothing.
    let answer = client.restore().restore(wanted.clone()).await.unwrap();
    let operation = client.wait(answer.into_inner().operation).await;
    assert!(
        failure_of(operation).message.contains("already exists"),
        "a schema was written over"
    );
    let unknown = RestoreRequest {
        tables: vec!["public.orders".to_owned(), "public.nowhere".to_owned()],
        into_schema: "other".to_owned(),
        ..wanted
    };
    let answer = client.restore().restore(unknown).await.unwrap();
    let operation = client.wait(answer.into_inner().operation).await;
    assert_eq!(failure_of(operation).reason, "TABLE_NOT_IN_BACKUP");
    let there = "SELECT count(*) FROM pg_namespace WHERE nspname = 'other'";
    assert_eq!(db.value::<i64>(there).await, 0);
    daemon.stop().await;
}
