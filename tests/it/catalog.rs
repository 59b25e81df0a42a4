//! The reading of a database's schema, against every kind of object that PostgreSQL has.

pub(crate) mod kinds;

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
    time::Instant,
};

use pgsteward::{
    model::{
        failure::chain,
        schema::{Change, ObjectKind, Schema},
    },
    postgres::{
        catalog::{self, Scope},
        error::PostgresError,
        versions::VersionTable,
    },
};
use tokio_postgres::{Client, GenericClient};

use self::kinds::{GROUND, SAMPLES, Sample};
use crate::support::{
    cluster::{PASSWORD, SUPERUSER, binaries, cluster},
    database::{Databases, connect, run, value},
};

/// The scope of most tests: what a daemon without further configuration has.
fn scope() -> Scope {
    Scope {
        version_table: VersionTable {
            schema: "public".to_owned(),
            name: "alembic_version".to_owned(),
        },
        ignore: Vec::new(),
    }
}

fn given(read: Result<Schema, PostgresError>) -> Schema {
    read.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

async fn read(client: &Client) -> Schema {
    given(catalog::read_in_snapshot(client, &scope()).await)
}

/// The schema as an open transaction sees it.
async fn read_within(client: &impl GenericClient) -> Schema {
    given(catalog::read(client, &scope()).await)
}

fn lines(before: &Schema, after: &Schema) -> Vec<String> {
    let differences = before.differences(after);
    differences.iter().map(ToString::to_string).collect()
}

/// A database of its own beside the managed one, with what the samples stand on.
async fn new_database(databases: &Databases, name: &str) -> Client {
    let server = databases.superuser_in("postgres").await;
    let name = databases.role(name);
    run(
        &server,
        &format!("CREATE DATABASE {name} TEMPLATE template0"),
    )
    .await;
    connect(SUPERUSER, &name).await.unwrap()
}

/// A sample's statements with the test's own roles.
fn with_roles(databases: &Databases, statements: &str) -> String {
    statements
        .replace("$app", &databases.role("app"))
        .replace("$other", &databases.role("backup"))
}

/// What is wrong with how a sample's coming, changing and going is seen.
async fn wrong(
    databases: &Databases,
    client: &Client,
    without: &Schema,
    sample: &Sample,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = format!("{} {}", sample.kind, sample.identity);
    let run = async |statements: &str| run(client, &with_roles(databases, statements)).await;
    run(sample.create).await;
    let with = read(client).await;
    if without.fingerprint() == with.fingerprint() {
        wrong.push(format!("{name}: the fingerprint does not change"));
    }
    if !with.objects.keys().any(|key| key.to_string() == name) {
        wrong.push(format!("{name} is not among {:?}", lines(without, &with)));
    }
    for (change, undo, property) in sample.changes {
        run(change).await;
        let changed = read(client).await;
        let is_named = with.differences(&changed).iter().any(|difference| {
            let Change::Changed(properties) = &difference.change else {
                return false;
            };
            difference.key.to_string() == name
                && properties.iter().any(|found| found.name == *property)
        });
        if !is_named || with.fingerprint() == changed.fingerprint() {
            wrong.push(format!(
                "{name}: {change}: no {property} among {:?}",
                lines(&with, &changed)
            ));
        }
        run(undo).await;
        if serde_json::to_string(&changed).unwrap().contains("hush") {
            wrong.push(format!("{name}: a password is shown"));
        }
    }
    let undone = read(client).await;
    if undone.fingerprint() != with.fingerprint() {
        wrong.push(format!("{name}: {:?} is left", lines(&with, &undone)));
    }
    run(sample.drop).await;
    let dropped = read(client).await;
    if dropped.fingerprint() != without.fingerprint() {
        wrong.push(format!(
            "{name}: {}: {:?}",
            sample.drop,
            lines(without, &dropped)
        ));
    }
    wrong
}

#[tokio::test]
async fn every_kind_of_object_is_seen_to_come_change_and_go() {
    let databases = Databases::create().await;
    let client = new_database(&databases, "samples").await;
    run(&client, GROUND).await;
    let mut found = Vec::new();
    let without = read(&client).await;
    for sample in SAMPLES {
        found.extend(wrong(&databases, &client, &without, sample).await);
    }
    assert_eq!(found, [""; 0], "{}", found.join("\n"));

    let shown: BTreeSet<ObjectKind> = SAMPLES.iter().map(|sample| sample.kind).collect();
    let kinds = ObjectKind::ALL.iter().copied();
    let not_shown: Vec<ObjectKind> = kinds.filter(|kind| !shown.contains(kind)).collect();
    assert_eq!(not_shown, [ObjectKind::Unknown]);
}

/// All the samples at the same time, made in the order in which they are given.
async fn all_samples(
    databases: &Databases,
    client: &Client,
    samples: impl IntoIterator<Item = &Sample>,
) {
    run(client, GROUND).await;
    for sample in samples {
        run(client, &with_roles(databases, sample.create)).await;
    }
    // Something of everything that can be said of an object.
    for change in SAMPLES.iter().flat_map(|sample| sample.changes) {
        let (statement, ..) = change;
        let of_all = ["COMMENT ON", "GRANT", "REVOKE", "ALTER SERVER"];
        if of_all
            .iter()
            .any(|beginning| statement.starts_with(beginning))
        {
            run(client, &with_roles(databases, statement)).await;
        }
    }
}

#[tokio::test]
async fn the_order_of_independent_statements_leaves_no_trace() {
    let databases = Databases::create().await;
    let forwards = new_database(&databases, "forwards").await;
    let backwards = new_database(&databases, "backwards").await;
    // What is made after this has other privileges than what is made before it.
    let independent = |sample: &&Sample| !sample.identity.ends_with("on functions");
    all_samples(&databases, &forwards, SAMPLES.iter().filter(independent)).await;
    all_samples(
        &databases,
        &backwards,
        SAMPLES.iter().rev().filter(independent),
    )
    .await;
    let (forwards, backwards) = (read(&forwards).await, read(&backwards).await);
    assert_eq!(lines(&forwards, &backwards), [""; 0]);
    assert_eq!(forwards.fingerprint(), backwards.fingerprint());
}

fn tool(name: &str, database: &str) -> Command {
    let mut command = Command::new(binaries().path(name));
    command
        .env("PGPASSWORD", PASSWORD)
        .args(["-h", "127.0.0.1", "-U", SUPERUSER, "-d", database])
        .args(["-p", &cluster().port.to_string()]);
    command
}

#[tokio::test]
async fn a_copy_by_pg_dump_has_the_same_facts() {
    let databases = Databases::create().await;
    let original = new_database(&databases, "original").await;
    let copy = new_database(&databases, "copy").await;
    // What pg_dump does not write: members added to built-in families, versions of extensions, privileges on the types that
    // come with tables.
    let dumped = |sample: &&Sample| !sample.identity.starts_with("pg_catalog.");
    all_samples(&databases, &original, SAMPLES.iter().filter(dumped)).await;
    let other = "ALTER EXTENSION hstore UPDATE; REVOKE USAGE ON TYPE public.orders FROM $app";
    run(&original, &with_roles(&databases, other)).await;

    let dump = tool("pg_dump", &databases.role("original"))
        .arg("--schema-only")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&dump.stderr);
    assert!(dump.status.success(), "{said}");
    let mut psql = tool("psql", &databases.role("copy"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    psql.stdin.take().unwrap().write_all(&dump.stdout).unwrap();
    let restored = psql.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&restored.stderr);
    assert!(restored.status.success(), "{said}");

    let (original, copy) = (read(&original).await, read(&copy).await);
    assert_eq!(lines(&original, &copy), [""; 0]);
    assert_eq!(original.fingerprint(), copy.fingerprint());
}

#[tokio::test]
async fn a_role_without_any_privilege_reads_the_same() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    all_samples(&databases, &client, SAMPLES).await;
    let plain = databases.connect("app").await.unwrap();
    let privileged: bool = value(
        &plain,
        "SELECT rolsuper OR has_schema_privilege('other', 'USAGE') FROM pg_roles WHERE rolname = current_user",
    )
    .await;
    assert!(!privileged);
    let (all, seen) = (read(&client).await, read(&plain).await);
    assert_eq!(lines(&all, &seen), [""; 0]);
    assert!(!serde_json::to_string(&all).unwrap().contains("hush"));
}

#[tokio::test]
async fn what_has_no_name_here_is_not_passed_over() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let before = read(&client).await;
    // What a catalog of a later version of PostgreSQL looks like from here.
    run(
        &client,
        "SET allow_system_table_mods = on;
         CREATE TABLE pg_catalog.pg_novelty (oid oid, novname name);
         GRANT SELECT ON pg_catalog.pg_novelty TO PUBLIC;
         CREATE TABLE pg_catalog.pg_secret (oid oid);
         INSERT INTO pg_catalog.pg_novelty VALUES (20000, 'a'), (20001, 'b'), (1, 'built in')",
    )
    .await;
    let plain = databases.connect("app").await.unwrap();
    assert_eq!(
        lines(&before, &read(&plain).await),
        [
            "unknown object a in pg_novelty was added",
            "unknown object b in pg_novelty was added",
            "unknown object pg_secret, which may not be read was added",
        ]
    );
}

#[tokio::test]
async fn a_transaction_reads_what_it_did_and_keeps_its_settings() {
    let databases = Databases::create().await;
    let mut client = databases.superuser().await;
    let before = read(&client).await;
    let settings_query = "SELECT concat_ws('|', current_setting('search_path'), current_setting('DateStyle'),
        current_setting('TimeZone'), current_setting('IntervalStyle'), current_setting('quote_all_identifiers'),
        current_setting('jit'), current_setting('bytea_output'), current_setting('extra_float_digits'))";
    run(
        &client,
        "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET quote_all_identifiers = on; SET bytea_output = escape",
    )
    .await;

    let transaction = client.transaction().await.unwrap();
    transaction
        .batch_execute(
            r#"CREATE SCHEMA odd; SET search_path = odd, "$user", public; SET LOCAL extra_float_digits = -3;
               CREATE TABLE made (at timestamptz DEFAULT '2026-01-02 03:04:05+06', share float8 DEFAULT 0.1)"#,
        )
        .await
        .unwrap();
    let settings: String = transaction
        .query_one(settings_query, &[])
        .await
        .unwrap()
        .get(0);
    let during = read_within(&transaction).await;
    let found: String = transaction
        .query_one(settings_query, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(found, settings);
    assert!(found.contains("German"), "{found}");
    transaction
        .batch_execute("CREATE TABLE second ()")
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        value::<String>(&client, "SHOW search_path").await,
        r#""odd", "$user", "public""#
    );
    assert_eq!(
        value::<String>(&client, "SHOW DateStyle").await,
        "German, DMY"
    );
    assert_eq!(
        value::<String>(&client, "SHOW extra_float_digits").await,
        "1"
    );

    assert_eq!(
        lines(&before, &during),
        [
            "schema odd was added",
            "table odd.made was added with 2 columns"
        ]
    );
    let after = read(&client).await;
    assert_eq!(lines(&during, &after), ["table odd.second was added"]);
    // Neither how the session writes things nor who reads changes a fact.
    let other = read(&databases.superuser().await).await;
    assert_eq!(after, other);
    let facts = serde_json::to_string(&after).unwrap();
    assert!(
        facts.contains("'2026-01-01 21:04:05+00'::timestamp with time zone"),
        "{facts}"
    );
}

#[tokio::test]
async fn outside_a_transaction_reading_is_refused() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let error = catalog::read(&client, &scope()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "cannot read the schema: there is no open transaction"
    );
    // And a reading that fails within its own leaves none open.
    run(&client, "SET statement_timeout = 1").await;
    catalog::read_in_snapshot(&client, &scope())
        .await
        .unwrap_err();
    run(&client, "RESET statement_timeout").await;
    run(&client, "VACUUM pg_class").await;
}

#[tokio::test]
async fn accidents_of_storage_and_explicit_defaults_are_no_difference() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    run(
        &client,
        "CREATE TABLE public.t (id serial PRIMARY KEY, a text, b text);
         CREATE VIEW public.v AS SELECT id FROM public.t;
         CREATE MATERIALIZED VIEW public.m AS SELECT id FROM public.t WITH NO DATA;
         CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
         CREATE TYPE public.e AS ENUM ('x')",
    )
    .await;
    let before = read(&client).await;
    run(
        &client,
        "ALTER TABLE public.t DROP COLUMN a; ALTER TABLE public.t ADD COLUMN a text;
         INSERT INTO public.t (a) VALUES ('x'), ('y'); ANALYZE public.t;
         REFRESH MATERIALIZED VIEW public.m; TRUNCATE public.t; REINDEX TABLE public.t",
    )
    .await;
    run(&client, "VACUUM FULL public.t").await;
    // Each leaves an access list where there was none, and that means the same.
    let app = databases.role("app");
    for (object, privilege) in [
        ("TABLE public.t", "SELECT"),
        ("TABLE public.v", "SELECT"),
        ("SEQUENCE public.t_id_seq", "USAGE"),
        ("FUNCTION public.f()", "EXECUTE"),
        ("TYPE public.e", "USAGE"),
        ("SCHEMA public", "USAGE"),
    ] {
        run(
            &client,
            &format!(
                "GRANT {privilege} ON {object} TO {app}; REVOKE {privilege} ON {object} FROM {app}"
            ),
        )
        .await;
    }
    run(
        &client,
        &format!("GRANT SELECT (b) ON public.t TO {app}; REVOKE SELECT (b) ON public.t FROM {app}"),
    )
    .await;
    let listed: i64 = value(
        &client,
        "SELECT count(*) FROM pg_class WHERE relacl IS NOT NULL AND relname IN ('t', 'v')",
    )
    .await;
    assert_eq!(listed, 2);
    assert_eq!(lines(&before, &read(&client).await), [""; 0]);
}

#[tokio::test]
async fn the_scope_leaves_aside_what_is_not_the_schema() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let before = read(&client).await;
    run(
        &client,
        "CREATE TABLE public.alembic_version (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
           CREATE SCHEMA pgsteward;
           CREATE TABLE pgsteward.seen (id serial PRIMARY KEY);
           CREATE TYPE pgsteward.t AS (a integer);
           CREATE FUNCTION pgsteward.guard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
           CREATE EVENT TRIGGER pgsteward_guard ON ddl_command_start EXECUTE FUNCTION pgsteward.guard();
           CREATE TEMPORARY TABLE passing (id serial PRIMARY KEY);
           CREATE TEMPORARY VIEW pg_class AS SELECT 1 AS oid;
           CREATE TEMPORARY SEQUENCE passing_by;
           SELECT lo_create(0)",
    )
    .await;
    assert_eq!(lines(&before, &read(&client).await), [""; 0]);

    // All of its kinds of members: types, functions, operators, classes, families, casts.
    run(&client, "CREATE EXTENSION hstore; CREATE EXTENSION postgres_fdw; CREATE EXTENSION earthdistance CASCADE").await;
    let extended = read(&client).await;
    assert_eq!(
        lines(&before, &extended),
        ["cube", "earthdistance", "hstore", "postgres_fdw"]
            .map(|name| format!("extension {name} was added"))
    );

    run(
        &client,
        r#"CREATE TABLE public.events_2026 (id integer PRIMARY KEY);
           CREATE TRIGGER t BEFORE INSERT ON public.events_2026 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
           CREATE SCHEMA "Odd one"; CREATE TABLE "Odd one"."select" (id serial);
           CREATE DOMAIN public.d AS integer CHECK (VALUE > 0)"#,
    )
    .await;
    let mut narrow = scope();
    narrow.version_table = VersionTable {
        schema: "Odd one".to_owned(),
        name: "select".to_owned(),
    };
    narrow.ignore = [
        "table public.events_*",
        "domain public.d",
        "table public.alembic_version",
    ]
    .map(|pattern| pattern.parse().unwrap())
    .into();
    let live = given(catalog::read_in_snapshot(&client, &narrow).await);
    assert_eq!(lines(&extended, &live), [r#"schema "Odd one" was added"#]);
}

#[tokio::test]
async fn differences_are_said_as_a_person_would() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let app = databases.role("app");
    run(
        &client,
        "CREATE TABLE public.orders (id integer PRIMARY KEY, total integer);
         CREATE TABLE public.plain (id integer);
         CREATE INDEX orders_total ON public.orders (total)",
    )
    .await;
    let before = read(&client).await;
    run(
        &client,
        &format!(
            "ALTER TABLE public.orders ALTER total TYPE bigint;
             GRANT SELECT ON public.plain TO {app};
             DROP INDEX public.orders_total;
             CREATE TABLE public.items (
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"order\" integer REFERENCES public.orders);
             CREATE INDEX ON public.items (\"order\")"
        ),
    )
    .await;
    assert_eq!(
        lines(&before, &read(&client).await),
        [
            "table public.items was added with 1 sequence, 2 columns, 2 constraints, 1 index"
                .to_owned(),
            format!("table public.plain: acl gained {app}=r/postgres"),
            "column public.orders.total: type is bigint instead of integer".to_owned(),
            "index public.orders_total was dropped".to_owned(),
        ]
    );
}

#[tokio::test]
async fn the_tablespaces_of_tables_and_indexes_are_seen() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let space = databases.role("space");
    run(&client, "SET allow_in_place_tablespaces = on").await;
    run(&client, &format!("CREATE TABLESPACE {space} LOCATION ''")).await;
    run(
        &client,
        "CREATE TABLE public.t (id integer PRIMARY KEY); CREATE INDEX i ON public.t (id)",
    )
    .await;
    let before = read(&client).await;
    for object in ["TABLE public.t", "INDEX public.t_pkey", "INDEX public.i"] {
        run(&client, &format!("ALTER {object} SET TABLESPACE {space}")).await;
    }
    let moved = [
        "table public.t",
        "constraint t_pkey on public.t",
        "index public.i",
    ]
    .map(|object| format!("{object}: tablespace is {space} instead of none"));
    assert_eq!(lines(&before, &read(&client).await), moved);
}

#[tokio::test]
async fn partitions_bring_no_objects_that_nobody_made() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    run(
        &client,
        "CREATE TABLE public.people (id integer PRIMARY KEY) PARTITION BY HASH (id);
         CREATE TABLE public.people_0 PARTITION OF public.people FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    )
    .await;
    let before = read(&client).await;
    run(
        &client,
        "CREATE TABLE public.visits (person integer CONSTRAINT who REFERENCES public.people, at date) PARTITION BY RANGE (at);
         CREATE TABLE public.visits_all PARTITION OF public.visits DEFAULT;
         CREATE INDEX visits_at ON public.visits (at);
         CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER stamp BEFORE INSERT ON public.visits FOR EACH ROW EXECUTE FUNCTION public.stamp()",
    )
    .await;
    let after = read(&client).await;
    assert_eq!(
        lines(&before, &after),
        [
            "function public.stamp() was added",
            "table public.visits was added with 2 columns, 1 constraint, 1 index, 1 trigger",
            "table public.visits_all was added with 2 columns, 1 constraint, 1 index, 1 trigger",
        ]
    );
    let inherited: Vec<String> = after
        .objects
        .iter()
        .filter(|(_, properties)| {
            properties
                .get("origin")
                .is_some_and(|origin| origin == "inherited")
        })
        .map(|(key, _)| key.to_string())
        .collect();
    assert_eq!(
        inherited,
        [
            "column public.people_0.id",
            "column public.visits_all.at",
            "column public.visits_all.person",
            "constraint people_0_pkey on public.people_0",
            "constraint who on public.visits_all",
            "trigger stamp on public.visits_all",
        ]
    );
}

#[tokio::test]
async fn two_thousand_tables_are_read_in_a_few_seconds() {
    let databases = Databases::create().await;
    let client = databases.superuser().await;
    let small = Instant::now();
    let before = read(&client).await;
    let small = small.elapsed();
    run(
        &client,
        "DO $$ BEGIN FOR i IN 1..2000 LOOP
             EXECUTE format('CREATE TABLE public.t%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL,
                 b integer DEFAULT 5, c numeric(10, 2), d timestamptz DEFAULT now(), e jsonb, f text CHECK (f <> ''''))', i);
             EXECUTE format('CREATE INDEX ON public.t%s (a)', i);
             IF i % 200 = 0 THEN COMMIT; END IF;
         END LOOP; END $$",
    )
    .await;
    let large = Instant::now();
    let schema = read(&client).await;
    let large = large.elapsed();
    println!(
        "an empty schema took {small:?}, {} objects took {large:?}",
        schema.objects.len()
    );
    // A table, its sequence, columns, constraints and index.
    let each = 1 + 1 + 7 + 2 + 1;
    assert_eq!(schema.objects.len() - before.objects.len(), 2000 * each);
    // Far from what it takes: a query for each object would not be done by then.
    assert!(large.as_secs() < 30, "{large:?}");
}
