//! Rehearsals: what is seen of each statement is as PostgreSQL's documentation has it, the live database and the server
//! stay as they are, and no scratch database outlives its operation.

mod build;

use std::collections::BTreeSet;

use pgsteward::proto::{
    CancelOperationRequest, CreateRevisionRequest, MigrationResult, Operation, OperationError,
    OperationState, Rehearsal, RehearsedStatement, UpgradeRequest, operation::Outcome,
};
use tonic::Status;

use crate::support::{self, Client, Site, cluster::PASSWORD, gate::Gate, wait::until};

const SCHEMA: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name varchar(20));
CREATE TABLE orders (id int PRIMARY KEY, customer int, total numeric, state text);
CREATE INDEX orders_state ON orders (state);
CREATE TABLE events (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO customers VALUES (1, 'a');
INSERT INTO orders VALUES (1, 1, 10, 'new');
";

/// A daemon's database with a schema that a revision made.
async fn with_schema(client: &Client) {
    client.revision(SCHEMA, "").await;
    client.upgrade("head").await;
}

async fn create(client: &Client, sql: [&str; 2], non_transactional: bool) {
    let request = CreateRevisionRequest {
        message: "a change".to_owned(),
        upgrade_sql: sql[0].to_owned(),
        downgrade_sql: sql[1].to_owned(),
        non_transactional,
        ..CreateRevisionRequest::default()
    };
    client.migration().create_revision(request).await.unwrap();
}

async fn start(client: &Client) -> Result<Option<Operation>, Status> {
    let request = UpgradeRequest {
        rehearse: true,
        validate_only: true,
        ..UpgradeRequest::default()
    };
    let answer = client.migration().upgrade(request).await?;
    Ok(answer.into_inner().operation)
}

/// Rehearses all that is pending.
async fn rehearse(client: &Client) -> MigrationResult {
    match client.outcome(start(client).await.unwrap()).await {
        Outcome::Migration(result) => result,
        other => panic!("{other:?}"),
    }
}

async fn refused(client: &Client) -> OperationError {
    client.failure(start(client).await.unwrap()).await
}

/// The one rehearsal of the one pending revision.
async fn rehearsal(client: &Client, sql: [&str; 2], non_transactional: bool) -> Rehearsal {
    create(client, sql, non_transactional).await;
    let mut result = rehearse(client).await;
    assert_eq!(result.rehearsals.len(), 1);
    result.rehearsals.remove(0)
}

/// What each statement of a script does.
async fn observed(client: &Client, upgrade: &str) -> Vec<RehearsedStatement> {
    rehearsal(client, [upgrade, ""], false).await.statements
}

/// `orders AccessExclusiveLock`, for each lock.
fn locks(statement: &RehearsedStatement) -> Vec<String> {
    let locks = statement.locks.iter();
    locks
        .map(|lock| {
            let relation = lock.relation.strip_prefix("public.").unwrap();
            format!("{relation} {}", lock.mode)
        })
        .collect()
}

/// What must not change: the live schema and its rows, the roles, and which databases there are.
async fn fingerprint(site: &Site) -> (String, Vec<String>) {
    let text = site
        .databases
        .value(
            "SELECT md5(concat(
                 (SELECT string_agg(format('%s %s %s %s', oid, relname, relfilenode, relacl), ',' ORDER BY oid)
                  FROM pg_class WHERE relnamespace = 'public'::regnamespace),
                 (SELECT string_agg(format('%s %s %s', attrelid, attname, atttypid), ',' ORDER BY attrelid, attnum)
                  FROM pg_attribute WHERE attrelid >= 16384),
                 (SELECT string_agg(format('%s %s', oid, pg_get_constraintdef(oid)), ',' ORDER BY oid)
                  FROM pg_constraint),
                 (SELECT string_agg(version_num, ',') FROM alembic_version),
                 (SELECT string_agg(o::text, ',') FROM orders AS o)))",
        )
        .await;
    (text, site.databases.scratch_databases().await)
}

#[tokio::test]
async fn the_locks_of_statements_are_those_of_the_documentation() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;

    let seen = observed(
        client,
        "CREATE TABLE audits (id int);
         CREATE INDEX ON audits (id);
         CREATE INDEX orders_total ON orders (total);
         COMMENT ON TABLE customers IS 'who buys';
         ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers NOT VALID;
         UPDATE orders SET state = 'old';
         ALTER TABLE orders ADD COLUMN note text;
         DROP INDEX orders_state;
         SELECT count(*) FROM events;",
    )
    .await;

    let seen: Vec<Vec<String>> = seen.iter().map(locks).collect();
    let none: &[&str] = &[];
    assert_eq!(
        seen,
        [
            none,
            // What the script has made itself blocks nobody.
            none,
            &["orders ShareLock"],
            &["customers ShareUpdateExclusiveLock"],
            &[
                "customers ShareRowExclusiveLock",
                "orders ShareRowExclusiveLock"
            ],
            // ROW EXCLUSIVE goes with SHARE ROW EXCLUSIVE, which the transaction has already.
            none,
            &["orders AccessExclusiveLock"],
            none,
            &["events AccessShareLock", "events_2026 AccessShareLock"],
        ]
    );
    daemon.stop().await;
}

#[tokio::test]
async fn the_locks_of_statements_outside_of_transactions_are_seen_too() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let before = fingerprint(&site).await;

    let seen = rehearsal(
        client,
        [
            "CREATE INDEX CONCURRENTLY orders_total ON orders (total);
             DROP INDEX CONCURRENTLY orders_state;
             REINDEX TABLE CONCURRENTLY customers;
             ALTER TABLE events DETACH PARTITION events_2026 CONCURRENTLY;
             ALTER TABLE orders ADD COLUMN note text;
             VACUUM FULL orders;",
            "",
        ],
        true,
    )
    .await
    .statements;

    let locked: Vec<Vec<String>> = seen.iter().map(locks).collect();
    let expected: [&[&str]; 6] = [
        &["orders ShareUpdateExclusiveLock"],
        &["orders ShareUpdateExclusiveLock"],
        &["customers ShareUpdateExclusiveLock"],
        &[
            "events ShareUpdateExclusiveLock",
            "events_2026 AccessExclusiveLock",
        ],
        &["orders AccessExclusiveLock"],
        &["orders AccessExclusiveLock"],
    ];
    assert_eq!(locked, expected);
    let scanned: Vec<Vec<String>> = seen.iter().map(|one| one.scanned.clone()).collect();
    let nothing = Vec::new();
    let orders = vec!["public.orders".to_owned()];
    let customers = vec!["public.customers".to_owned()];
    assert_eq!(
        scanned[..3],
        [orders.clone(), nothing, customers],
        "{seen:?}"
    );
    assert_eq!(seen[0].changes, ["index public.orders_total was added"]);
    assert_eq!(seen[1].changes, ["index public.orders_state was dropped"]);
    assert_eq!(seen[5].rewritten, orders);
    assert_eq!(fingerprint(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_written_anew_and_what_is_read_is_told() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let sql = "
        ALTER TABLE orders ALTER id TYPE bigint;
        ALTER TABLE customers ALTER name TYPE varchar(40);
        ALTER TABLE customers ALTER name TYPE text;
        ALTER TABLE orders ADD COLUMN a int DEFAULT 1;
        ALTER TABLE orders ADD COLUMN b int DEFAULT random();
        TRUNCATE orders;
        ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID;
        ALTER TABLE orders VALIDATE CONSTRAINT positive;
        ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;
        ALTER TABLE orders ADD COLUMN other int REFERENCES customers;
        ALTER TABLE orders ADD CONSTRAINT known CHECK (state IS NOT NULL);
        ALTER TABLE orders ALTER state SET NOT NULL;
        ALTER TABLE orders ALTER total SET NOT NULL;
        ALTER TABLE customers ADD UNIQUE (name);
        CREATE INDEX ON events (id);
        CREATE TABLE events_2027 (LIKE events);
        ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')";

    let seen = observed(client, sql).await;

    let told = |tables: fn(&RehearsedStatement) -> &Vec<String>| -> Vec<String> {
        let statements = seen.iter().zip(sql.split(';'));
        statements
            .flat_map(|(one, text)| {
                let text = text.trim();
                tables(one)
                    .iter()
                    .map(move |table| format!("{text}: {table}"))
            })
            .collect()
    };
    assert_eq!(
        told(|one| &one.rewritten),
        [
            "ALTER TABLE orders ALTER id TYPE bigint: public.orders",
            "ALTER TABLE orders ADD COLUMN b int DEFAULT random(): public.orders",
        ]
    );
    assert_eq!(
        told(|one| &one.scanned),
        [
            "ALTER TABLE orders VALIDATE CONSTRAINT positive: public.orders",
            "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers: public.orders",
            "ALTER TABLE orders ADD CONSTRAINT known CHECK (state IS NOT NULL): public.orders",
            "ALTER TABLE orders ALTER total SET NOT NULL: public.orders",
            "ALTER TABLE customers ADD UNIQUE (name): public.customers",
            "CREATE INDEX ON events (id): public.events_2026",
        ]
    );
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_block_drops_is_seen_also_where_the_name_stands_again() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;

    let rehearsal = observed(
        client,
        "DO $$ BEGIN EXECUTE 'ALTER TABLE orders DROP COLUMN total'; END $$;
         DO $$ BEGIN DROP TABLE customers; CREATE TABLE customers (id int PRIMARY KEY, name varchar(20)); END $$;
         ALTER TABLE orders DROP COLUMN state, ADD COLUMN state text;
         ALTER TABLE orders RENAME TO sales;
         ALTER TABLE sales RENAME COLUMN customer TO buyer;",
    )
    .await;

    let changes: Vec<Vec<&str>> = rehearsal
        .iter()
        .map(|one| one.changes.iter().map(String::as_str).collect())
        .collect();
    let expected: [&[&str]; 5] = [
        &["column public.orders.total was dropped"],
        &[
            "table public.customers was dropped",
            "table public.customers was added",
        ],
        &[
            "column public.orders.state was dropped",
            "column public.orders.state was added",
            "index public.orders_state was dropped",
        ],
        &["table public.orders: name is public.sales instead of public.orders"],
        &[
            "column public.sales.customer: name is public.sales.buyer instead of public.sales.customer",
        ],
    ];
    assert_eq!(changes, expected);
    let plan = rehearse(client).await;
    let errors = plan.steps[0].findings.iter();
    let errors: BTreeSet<&str> = errors
        .filter(|finding| finding.rule.starts_with("drop-"))
        .map(|finding| finding.name.as_str())
        .collect();
    let expected = [
        "drop-column:orders.state",
        "drop-column:public.orders.total",
        "drop-table:public.customers",
    ];
    assert_eq!(errors, expected.into());
    daemon.stop().await;
}

#[tokio::test]
async fn a_downgrade_that_leaves_something_behind_is_named() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    create(
        client,
        [
            "CREATE TABLE a (id int); CREATE INDEX orders_total ON orders (total);",
            "DROP TABLE a;",
        ],
        false,
    )
    .await;
    create(
        client,
        [
            "ALTER TABLE orders ADD note text;",
            "ALTER TABLE orders DROP note;",
        ],
        false,
    )
    .await;

    let result = rehearse(client).await;

    let [first, second] = &result.rehearsals[..] else {
        panic!("{result:?}");
    };
    assert!(first.downgraded && second.downgraded);
    assert_eq!(second.downgrade_differences, [""; 0]);
    assert_eq!(
        first.downgrade_differences,
        ["index public.orders_total was added"]
    );
    assert_eq!(first.fingerprint_after, second.fingerprint_before);
    let rules = |step: usize| -> Vec<&str> {
        let findings = result.steps[step].findings.iter();
        findings
            .map(|finding| finding.rule.as_str())
            .filter(|rule| rule.starts_with("downgrade-"))
            .collect()
    };
    assert_eq!((rules(0), rules(1)), (vec!["downgrade-differs"], vec![]));
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);

    // A downgrade that cannot run ends the way back.
    create(client, ["CREATE TABLE b (id int);", "DROP TABLE c;"], false).await;
    let result = rehearse(client).await;
    let last = &result.rehearsals[2];
    assert!(
        last.downgrade_error.contains("table \"c\" does not exist"),
        "{last:?}"
    );
    assert!(!result.rehearsals[1].downgraded);
    daemon.stop().await;
}

#[tokio::test]
async fn a_plan_on_record_is_not_run_again_until_its_text_or_the_schema_changes() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    create(client, ["CREATE TABLE a (id int);", ""], false).await;
    create(client, ["ALTER TABLE a ADD b int;", ""], false).await;

    let times = |result: &MigrationResult| -> Vec<_> {
        let rehearsals = result.rehearsals.iter();
        rehearsals
            .map(|rehearsal| rehearsal.rehearse_time.unwrap())
            .map(|at| (at.seconds, at.nanos))
            .collect()
    };
    let first = rehearse(client).await;
    let second = rehearse(client).await;
    assert_eq!(times(&first), times(&second));
    assert_eq!(first.rehearsals, second.rehearsals);

    // One step further the rest is still on record.
    client.upgrade("+1").await;
    let rest = rehearse(client).await;
    assert_eq!(rest.rehearsals, first.rehearsals[1..]);

    site.databases.run("CREATE TABLE by_hand (id int)").await;
    let afresh = rehearse(client).await;
    assert_ne!(times(&afresh), times(&rest));
    daemon.stop().await;
}

#[tokio::test]
async fn a_statement_that_fails_fails_the_rehearsal_and_nothing_else() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let before = fingerprint(&site).await;
    create(
        client,
        [
            "CREATE TABLE a (id int);\n\nALTER TABLE orders DROP COLUMN nothing;",
            "",
        ],
        false,
    )
    .await;

    let error = refused(client).await;

    assert_eq!(error.reason, "REHEARSAL_FAILED");
    for part in [
        ".sql:9: ",
        "column \"nothing\" of relation \"orders\" does not exist",
        "not touched",
    ] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert_eq!(fingerprint(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn what_belongs_to_the_whole_server_is_not_changed_by_a_rehearsal() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let migrator = site.databases.role("migrator");
    let role = format!("{migrator}_made");
    site.databases
        .run_as_superuser(&format!("ALTER ROLE {migrator} CREATEROLE CREATEDB"))
        .await;
    let make_role = format!("CREATE TABLE a (id int);\nCREATE ROLE {role};");
    let make_database = format!("CREATE DATABASE {role};");
    for (sql, transactional) in [
        (&make_role, true),
        (&make_role, false),
        (&make_database, false),
    ] {
        create(client, [sql, ""], !transactional).await;

        let error = refused(client).await;

        assert_eq!(error.reason, "REHEARSAL_UNAVAILABLE", "{error:?}");
        for entry in std::fs::read_dir(site.revisions()).unwrap() {
            let path = entry.unwrap().path();
            if std::fs::read_to_string(&path).unwrap().contains(&role) {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    let made: bool = site
        .databases
        .value(&format!(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')
                 OR EXISTS (SELECT FROM pg_database WHERE datname = '{role}')"
        ))
        .await;
    assert!(!made);
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_cancelled_rehearsal_leaves_no_scratch_database() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let before = fingerprint(&site).await;
    create(client, ["SELECT pg_sleep(600);", ""], false).await;

    let operation = start(client).await.unwrap().unwrap();
    let sleeping = || async {
        let sleeping: bool = site
            .databases
            .value(
                "SELECT EXISTS (SELECT FROM pg_stat_activity
                                WHERE datname LIKE 'pgsteward\\_rehearsal\\_%' AND wait_event = 'PgSleep'
                                  AND pg_get_userbyid((SELECT datdba FROM pg_database AS d WHERE d.datname = pg_stat_activity.datname))
                                      = (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()))",
            )
            .await;
        sleeping.then_some(())
    };
    until("the rehearsal sleeps", sleeping).await;
    let request = CancelOperationRequest {
        id: operation.id.clone(),
    };
    client.operations().cancel_operation(request).await.unwrap();

    let operation = client.wait_for(&operation.id).await;
    assert_eq!(operation.state(), OperationState::Cancelled);
    assert_eq!(fingerprint(&site).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_that_dies_in_a_rehearsal_leaves_a_scratch_database_that_the_next_one_sweeps() {
    let mut site = Site::new().await;
    let gate = Gate::before(&mut site, "pg_dump");
    let daemon = site.start().await;
    with_schema(daemon.client()).await;
    create(daemon.client(), ["CREATE TABLE a (id int);", ""], false).await;
    start(daemon.client()).await.unwrap();
    gate.reached(&site).await;
    assert_eq!(site.databases.scratch_databases().await.len(), 1);

    daemon.kill9();
    site.real_tools();
    let daemon = site.start().await;

    until("the scratch database is swept", || async {
        site.databases
            .scratch_databases()
            .await
            .is_empty()
            .then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_copy_has_all_that_the_live_schema_has_but_what_only_a_superuser_makes() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    site.databases
        .run(&format!(
            "CREATE EXTENSION citext; CREATE SCHEMA app;
             CREATE TYPE app.mood AS ENUM ('well', 'ill');
             CREATE DOMAIN app.size AS int CHECK (value > 0);
             CREATE TABLE app.things (id int GENERATED ALWAYS AS IDENTITY, mood app.mood, size app.size, name citext);
             CREATE VIEW app.well AS SELECT * FROM app.things WHERE mood = 'well';
             CREATE FUNCTION app.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
             CREATE TRIGGER tell BEFORE UPDATE ON app.things FOR EACH ROW EXECUTE FUNCTION app.tell();
             ALTER TABLE app.things ENABLE ROW LEVEL SECURITY;
             CREATE POLICY all_of_it ON app.things USING (true);
             GRANT SELECT ON app.things TO {app}; COMMENT ON TABLE app.things IS 'it''s; all';
             ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO {app};
             CREATE PUBLICATION one FOR TABLE orders",
            app = site.databases.role("app")
        ))
        .await;
    let live = site.databases.managed();
    site.databases
        .run_as_superuser(&format!(
            "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
             CREATE EVENT TRIGGER {live}_watch ON ddl_command_end EXECUTE FUNCTION public.refuse();
             CREATE PUBLICATION every FOR ALL TABLES;
             CREATE EXTENSION pg_stat_statements;
             ALTER FUNCTION public.refuse() OWNER TO {migrator};
             ALTER DATABASE {live} SET search_path = app, public",
            migrator = site.databases.role("migrator")
        ))
        .await;
    // Its search_path is that of the live database: `things` is found.
    create(
        client,
        [
            "ALTER TABLE things ADD note text;",
            "ALTER TABLE things DROP note;",
        ],
        false,
    )
    .await;

    let result = rehearse(client).await;

    let seen = &result.rehearsals[0];
    assert_eq!(
        seen.statements[0].changes,
        ["column app.things.note was added"]
    );
    assert_eq!(seen.downgrade_differences, [""; 0]);
    // What the copy goes without is said, and it is nothing else.
    let lines = daemon.process.log_lines();
    let differences: BTreeSet<&str> = lines
        .iter()
        .filter(|line| line["message"] == "the scratch copy is not as the live schema")
        .map(|line| line["difference"].as_str().unwrap())
        .collect();
    let trigger = format!("event trigger {live}_watch was dropped");
    let expected = BTreeSet::from([
        trigger.as_str(),
        "extension pg_stat_statements was dropped",
        "publication every was dropped",
    ]);
    assert_eq!(differences, expected);
    // And so it is the live schema that the record goes by.
    let again = rehearse(client).await;
    assert_eq!(again.rehearsals, result.rehearsals);
    daemon.stop().await;
}

#[tokio::test]
async fn where_no_copy_can_be_made_the_reason_says_so() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let admin = site.databases.role("admin");
    site.databases
        .run_as_superuser(&format!("ALTER ROLE {admin} NOCREATEDB"))
        .await;
    create(client, ["CREATE TABLE a (id int);", ""], false).await;

    let error = refused(client).await;

    assert_eq!(error.reason, "REHEARSAL_UNAVAILABLE");
    assert!(
        error
            .message
            .contains("permission denied to create database"),
        "{error:?}"
    );
    assert!(
        error.hint.contains("migrations.rehearse = false"),
        "{error:?}"
    );

    // The same for what stands in the copy's way: a table of somebody whom the admin role is no member of.
    site.databases
        .run_as_superuser(&format!(
            "ALTER ROLE {admin} CREATEDB; CREATE TABLE foreign_to_us (id int)"
        ))
        .await;
    let error = refused(client).await;
    assert_eq!(error.reason, "REHEARSAL_UNAVAILABLE");
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_rehearsal_reaches_no_other_server() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    with_schema(client).await;
    let databases = &site.databases;
    let port: String = databases.value("SHOW port").await;
    databases
        .run_as_superuser(&format!(
            "ALTER ROLE {admin} SUPERUSER;
             CREATE TABLE far (id int); GRANT ALL ON far TO {app};
             CREATE EXTENSION postgres_fdw;
             CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw
                 OPTIONS (host '127.0.0.1', port '{port}', dbname '{live}');
             CREATE USER MAPPING FOR {migrator} SERVER elsewhere
                 OPTIONS (user '{app}', password '{password}');
             CREATE FOREIGN TABLE near (id int) SERVER elsewhere OPTIONS (table_name 'far');
             GRANT ALL ON near TO {migrator}",
            admin = site.databases.role("admin"),
            app = site.databases.role("app"),
            migrator = site.databases.role("migrator"),
            live = site.databases.managed(),
            password = PASSWORD.replace('\'', "''"),
        ))
        .await;
    // On the live database the statement would do it.
    databases.run("INSERT INTO near VALUES (1)").await;
    create(client, ["INSERT INTO near VALUES (2);", ""], false).await;

    let error = refused(client).await;

    assert_eq!(error.reason, "REHEARSAL_FAILED");
    assert!(
        error.message.contains("user mapping not found"),
        "{error:?}"
    );
    assert_eq!(databases.rows("far").await, 1);
    daemon.stop().await;
}
