//! What of a database a dump holds besides its schema: which tables' rows, sequences, large objects, and what it needs around
//! it. The rules are pg_dump's (its `selectDumpableTable`, `processExtensionTables` and their like), so that what its schema
//! makes and what is loaded into it fit.

use tokio_postgres::{Client, Row};

use super::{error::PostgresError, quote::qualified, server};
use crate::model::backup::{Extension, Membership, RoleDefinition, TableContents};

/// Schemas that are the system's own.
const OF_THE_SYSTEM: &str =
    "(namespace.nspname LIKE 'pg\\_%' OR namespace.nspname = 'information_schema')";

/// Relations of a kind that are dumped: not temporary, not the system's, and either in no extension, or among those whose
/// contents the extension says are the user's. `{kind}` is `r` or `S`.
fn relations(kind: char) -> String {
    format!(
        "FROM pg_catalog.pg_class AS class
         JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
         LEFT JOIN (SELECT pg_catalog.unnest(extconfig) AS oid, pg_catalog.unnest(extcondition) AS condition
                    FROM pg_catalog.pg_extension) AS configuration ON configuration.oid = class.oid
         WHERE class.relkind = '{kind}' AND class.relpersistence <> 't'
           AND (configuration.oid IS NOT NULL
                OR NOT {OF_THE_SYSTEM}
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS dependency
                                   WHERE dependency.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                     AND dependency.objid = class.oid AND dependency.deptype = 'e'))"
    )
}

/// A table whose rows are dumped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
}

/// The tables whose rows are dumped: partitions and unlogged ones too, foreign ones not.
pub async fn table_names(client: &Client) -> Result<Vec<TableName>, PostgresError> {
    let query = format!(
        "SELECT class.oid, namespace.nspname, class.relname {} ORDER BY 1",
        relations('r')
    );
    let rows = client
        .query(&query, &[])
        .await
        .map_err(PostgresError::query("list the tables"))?;
    Ok(rows
        .iter()
        .map(|row| TableName {
            oid: row.get(0),
            schema: row.get(1),
            table: row.get(2),
        })
        .collect())
}

/// Tables that one statement locks: a statement has a length, too.
const LOCKED_AT_ONCE: usize = 500;

/// Locks tables as pg_dump does, for as long as the transaction lasts: against changes of their schema, TRUNCATE and
/// rewrites, and against nothing that an application does every day.
pub async fn lock(client: &Client, tables: &[TableName]) -> Result<(), PostgresError> {
    for some in tables.chunks(LOCKED_AT_ONCE) {
        let names: Vec<String> = some
            .iter()
            .map(|table| format!("ONLY {}", qualified(&table.schema, &table.table)))
            .collect();
        let of = match names.as_slice() {
            [one] => one.clone(),
            [first, .., last] => format!("the tables from {first} to {last}"),
            [] => return Ok(()),
        };
        client
            .batch_execute(&format!(
                "LOCK TABLE {} IN ACCESS SHARE MODE",
                names.join(", ")
            ))
            .await
            .map_err(PostgresError::query(format!("lock {of} for the backup")))?;
    }
    Ok(())
}

/// A table whose rows are dumped, with what the dump needs to know of it.
#[derive(Clone, Debug)]
pub struct DumpedTable {
    /// Its OID.
    pub oid: u32,
    /// As the manifest has it, with nothing counted yet.
    pub contents: TableContents,
    /// Bytes on disk, TOAST included.
    pub size_bytes: u64,
    /// Pages of its heap.
    pub pages: u32,
    /// Whether a range of its pages can be read without reading all of it.
    pub can_be_split: bool,
}

/// Hash partitions of enums: an enum's hash goes by its OIDs, so that the same row may belong elsewhere after a restore.
const HASHED_ENUM: &str = "
    SELECT FROM pg_catalog.pg_partition_ancestors(class.oid) AS ancestor (oid)
    JOIN pg_catalog.pg_partitioned_table AS partitioned ON partitioned.partrelid = ancestor.oid
    WHERE (SELECT opclass.oid FROM pg_catalog.pg_opclass AS opclass
           JOIN pg_catalog.pg_am AS method ON method.oid = opclass.opcmethod
           WHERE opclass.opcname = 'enum_ops' AND method.amname = 'hash'
             AND opclass.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace) = ANY (partitioned.partclass)";

/// All that a dump needs to know of the tables whose rows it holds. They must be locked.
pub async fn tables(client: &Client) -> Result<Vec<DumpedTable>, PostgresError> {
    // Ranges of pages are read on their own from PostgreSQL 14 on.
    let has_ranges = server::version_num(client).await? >= 140_000;
    let query = format!(
        "SELECT class.oid, namespace.nspname, class.relname,
                ARRAY(SELECT attribute.attname::text FROM pg_catalog.pg_attribute AS attribute
                      WHERE attribute.attrelid = class.oid AND attribute.attnum > 0
                        AND NOT attribute.attisdropped AND attribute.attgenerated = ''
                      ORDER BY attribute.attnum),
                coalesce(configuration.condition, ''),
                root.nspname, root.relname,
                pg_catalog.pg_table_size(class.oid),
                pg_catalog.pg_relation_size(class.oid) / pg_catalog.current_setting('block_size')::bigint,
                coalesce((SELECT amname = 'heap' FROM pg_catalog.pg_am WHERE oid = class.relam), false)
         FROM (SELECT class.*, namespace.nspname, configuration.condition {}) AS class
         CROSS JOIN LATERAL (SELECT class.nspname) AS namespace
         CROSS JOIN LATERAL (SELECT class.condition) AS configuration
         LEFT JOIN LATERAL (
             SELECT root_schema.nspname, root.relname
             FROM pg_catalog.pg_class AS root
             JOIN pg_catalog.pg_namespace AS root_schema ON root_schema.oid = root.relnamespace
             WHERE class.relispartition AND root.oid = pg_catalog.pg_partition_root(class.oid)
               AND EXISTS ({HASHED_ENUM})) AS root ON true
         ORDER BY namespace.nspname, class.relname",
        relations('r')
    );
    let rows = client
        .query(&query, &[])
        .await
        .map_err(PostgresError::query("describe the tables"))?;
    Ok(rows
        .iter()
        .map(|row| dumped_table(row, has_ranges))
        .collect())
}

fn dumped_table(row: &Row, has_ranges: bool) -> DumpedTable {
    let root: (Option<String>, Option<String>) = (row.get(5), row.get(6));
    let condition: String = row.get(4);
    let number = |index: usize| row.get::<_, Option<i64>>(index).unwrap_or_default();
    DumpedTable {
        oid: row.get(0),
        size_bytes: number(7).unsigned_abs(),
        pages: u32::try_from(number(8)).unwrap_or(u32::MAX),
        can_be_split: has_ranges && condition.is_empty() && row.get::<_, bool>(9),
        contents: TableContents {
            schema: row.get(1),
            table: row.get(2),
            columns: row.get(3),
            load_into: root.0.zip(root.1),
            condition,
            ..TableContents::default()
        },
    }
}

/// Where a sequence stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceState {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub sequence: String,
    /// The last value, or the first if it was never called.
    pub last_value: i64,
    /// Whether the value was given out.
    pub is_called: bool,
}

/// Sequences that one query asks.
const ASKED_AT_ONCE: usize = 200;

/// Where each dumped sequence stands; those of serial and identity columns too.
pub async fn sequences(client: &Client) -> Result<Vec<SequenceState>, PostgresError> {
    let query = format!(
        "SELECT namespace.nspname, class.relname {} ORDER BY 1, 2",
        relations('S')
    );
    let names: Vec<(String, String)> = client
        .query(&query, &[])
        .await
        .map_err(PostgresError::query("list the sequences"))?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let mut states = Vec::with_capacity(names.len());
    for some in names.chunks(ASKED_AT_ONCE) {
        let selects: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(place, (schema, name))| {
                let name = qualified(schema, name);
                format!("SELECT {place}, last_value, is_called FROM {name}")
            })
            .collect();
        let query = format!("{} ORDER BY 1", selects.join(" UNION ALL "));
        let rows = client
            .query(&query, &[])
            .await
            .map_err(PostgresError::query("read the sequences"))?;
        states.extend(
            rows.iter()
                .zip(some)
                .map(|(row, (schema, sequence))| SequenceState {
                    schema: schema.clone(),
                    sequence: sequence.clone(),
                    last_value: row.get(1),
                    is_called: row.get(2),
                }),
        );
    }
    Ok(states)
}

/// The OIDs of all large objects.
pub async fn large_objects(client: &Client) -> Result<Vec<u32>, PostgresError> {
    let rows = client
        .query(
            "SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the large objects"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A part of a large object; shorter than `length` only at its end.
pub async fn large_object_part(
    client: &Client,
    oid: u32,
    offset: i64,
    length: i32,
) -> Result<Vec<u8>, PostgresError> {
    client
        .query_one(
            "SELECT pg_catalog.lo_get($1, $2, $3)",
            &[&oid, &offset, &length],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!("read large object {oid}")))
}

/// The installed extensions, with their versions. `plpgsql` is in every database.
pub async fn extensions(client: &Client) -> Result<Vec<Extension>, PostgresError> {
    let rows = client
        .query(
            "SELECT extname, extversion FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the extensions"))?;
    Ok(rows
        .iter()
        .map(|row| Extension {
            name: row.get(0),
            version: row.get(1),
        })
        .collect())
}

/// The roles that the database refers to: owners, those who were granted something, those with settings in it, and all that
/// these are members of. Without the predefined ones, which every server has.
const REFERRED_ROLES: &str = "
    WITH RECURSIVE database AS (
        SELECT oid, datdba, datacl FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
    ), named (oid) AS (
        SELECT refobjid FROM pg_catalog.pg_shdepend AS dependency, database
        WHERE dependency.dbid = database.oid AND dependency.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
        UNION SELECT datdba FROM database
        UNION SELECT entry.grantee FROM database, pg_catalog.aclexplode(datacl) AS entry
        UNION SELECT setrole FROM pg_catalog.pg_db_role_setting AS setting, database
              WHERE setting.setdatabase = database.oid
    ), all_of_them (oid) AS (
        SELECT oid FROM named WHERE oid <> 0
        UNION SELECT member.roleid FROM pg_catalog.pg_auth_members AS member JOIN all_of_them ON all_of_them.oid = member.member
    )";

/// The roles that the database refers to. Their passwords' verifiers only when asked for, which needs a superuser.
pub async fn roles(
    client: &Client,
    with_passwords: bool,
) -> Result<Vec<RoleDefinition>, PostgresError> {
    let password = if with_passwords {
        "(SELECT rolpassword FROM pg_catalog.pg_authid AS authid WHERE authid.oid = role.oid)"
    } else {
        "NULL::text"
    };
    let query = format!(
        "{REFERRED_ROLES}
         SELECT role.rolname,
                pg_catalog.array_remove(ARRAY[
                    CASE WHEN role.rolsuper THEN 'SUPERUSER' END,
                    CASE WHEN role.rolcreatedb THEN 'CREATEDB' END,
                    CASE WHEN role.rolcreaterole THEN 'CREATEROLE' END,
                    CASE WHEN role.rolcanlogin THEN 'LOGIN' END,
                    CASE WHEN role.rolreplication THEN 'REPLICATION' END,
                    CASE WHEN role.rolbypassrls THEN 'BYPASSRLS' END,
                    CASE WHEN NOT role.rolinherit THEN 'NOINHERIT' END,
                    CASE WHEN role.rolconnlimit >= 0 THEN 'CONNECTION LIMIT ' || role.rolconnlimit END], NULL),
                ARRAY(SELECT parent.rolname::text FROM pg_catalog.pg_auth_members AS member
                      JOIN pg_catalog.pg_roles AS parent ON parent.oid = member.roleid
                      WHERE member.member = role.oid ORDER BY 1),
                ARRAY(SELECT member.admin_option FROM pg_catalog.pg_auth_members AS member
                      JOIN pg_catalog.pg_roles AS parent ON parent.oid = member.roleid
                      WHERE member.member = role.oid ORDER BY parent.rolname),
                ARRAY(SELECT pg_catalog.unnest(setconfig) FROM pg_catalog.pg_db_role_setting
                      WHERE setrole = role.oid AND setdatabase = 0),
                pg_catalog.shobj_description(role.oid, 'pg_authid'),
                {password}
         FROM pg_catalog.pg_roles AS role
         WHERE role.oid IN (SELECT oid FROM all_of_them) AND role.rolname NOT LIKE 'pg\\_%'
         ORDER BY role.rolname"
    );
    let rows = client
        .query(&query, &[])
        .await
        .map_err(PostgresError::query(
            "list the roles that the database refers to",
        ))?;
    Ok(rows.iter().map(role).collect())
}

fn role(row: &Row) -> RoleDefinition {
    let parents: Vec<String> = row.get(2);
    let admin: Vec<bool> = row.get(3);
    let settings: Vec<String> = row.get(4);
    RoleDefinition {
        name: row.get(0),
        attributes: row.get(1),
        member_of: parents
            .into_iter()
            .zip(admin)
            .map(|(role, admin)| Membership { role, admin })
            .collect(),
        settings: settings
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        comment: row.get(5),
        password: row.get(6),
    }
}
