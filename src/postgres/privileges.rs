//! What the catalogs say of roles and of who may do what in one database, for the audit of privileges, and the running of
//! what mends it.
//!
//! Everything is read with the catalogs alone, which are open to everyone; so any of the daemon's roles may ask. The
//! session's search path must hold no schema of a user's: names of functions and types come with their schemas then.

use std::collections::BTreeMap;

use tokio_postgres::{GenericClient, Row, error::SqlState};

use super::{error::PostgresError, server::version_num};
use crate::model::privileges::{
    Facts, PurposeRoles,
    facts::{
        DefaultAcl, DefaultKind, DefinerFunction, Grant, Membership, OwnedObject, RelationFacts,
        RelationKind, RoleFacts, SchemaFacts,
    },
    purpose::{Attribute, MEMBERSHIP_OPTIONS_SINCE},
};

const WHAT: &str = "read who may do what";

/// The schemas that are looked at.
const OF_USERS: &str = "namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'";

/// The columns of a grant, from an `aclexplode` named `entry`.
const GRANT: &str =
    "pg_get_userbyid(entry.grantor), entry.grantee = 0, pg_get_userbyid(entry.grantee),
                     entry.privilege_type, entry.is_grantable";

/// Everything that the audit looks at, in the database of the client.
pub async fn read(
    client: &impl GenericClient,
    roles: &PurposeRoles,
) -> Result<Facts, PostgresError> {
    let mut facts = read_roles(client, roles).await?;
    let head = one(
        client,
        "SELECT pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = current_database()",
    )
    .await?;
    facts.database_owner = head.get(0);
    facts.database_grants = database_grants(client).await?;
    facts.schemas = schemas(client).await?;
    facts.relations = relations(client).await?;
    facts.others = others(client, &roles.migrator).await?;
    facts.definers = definers(client).await?;
    facts.large_object_owners = one(
        client,
        "SELECT ARRAY(SELECT DISTINCT pg_get_userbyid(lomowner)::text FROM pg_catalog.pg_largeobject_metadata ORDER BY 1)",
    )
    .await?
    .get(0);
    facts.defaults = defaults(client).await?;
    facts.connected = one(
        client,
        "SELECT ARRAY(SELECT DISTINCT usename::text FROM pg_catalog.pg_stat_activity
                      WHERE datname = current_database() AND usename IS NOT NULL ORDER BY 1)",
    )
    .await?
    .get(0);
    Ok(facts)
}

/// What the server says of its roles alone; the database is taken to be a new one of the admin role's.
pub async fn read_roles(
    client: &impl GenericClient,
    roles: &PurposeRoles,
) -> Result<Facts, PostgresError> {
    let version = version_num(client).await?;
    let mut facts = Facts::fresh(roles, version);
    facts.roles = all_roles(client).await?;
    facts.memberships = memberships(client, version).await?;
    let row = client
        .query_one(
            "SELECT (SELECT rolname::text FROM pg_catalog.pg_roles WHERE oid = 10),
                    coalesce((SELECT pg_catalog.has_database_privilege(role.oid, database.oid, 'CONNECT')
                              FROM pg_catalog.pg_roles AS role, pg_catalog.pg_database AS database
                              WHERE role.rolname = $1 AND database.datname = $2), false)",
            &[&roles.admin, &roles.server_database],
        )
        .await
        .map_err(PostgresError::query(WHAT))?;
    facts.bootstrap = row.get::<_, Option<String>>(0).unwrap_or_default();
    facts.admin_reaches_server = row.get(1);
    Ok(facts)
}

async fn one(client: &impl GenericClient, query: &str) -> Result<Row, PostgresError> {
    client
        .query_one(query, &[])
        .await
        .map_err(PostgresError::query(WHAT))
}

async fn all(client: &impl GenericClient, query: &str) -> Result<Vec<Row>, PostgresError> {
    client
        .query(query, &[])
        .await
        .map_err(PostgresError::query(WHAT))
}

async fn all_roles(
    client: &impl GenericClient,
) -> Result<BTreeMap<String, RoleFacts>, PostgresError> {
    let rows = all(
        client,
        "SELECT role.rolname::text, role.rolcanlogin, role.rolsuper, role.rolcreaterole, role.rolcreatedb,
                role.rolreplication, role.rolbypassrls,
                ARRAY(SELECT unnest(setting.setconfig) FROM pg_catalog.pg_db_role_setting AS setting
                      LEFT JOIN pg_catalog.pg_database AS database ON database.oid = setting.setdatabase
                      WHERE setting.setrole = role.oid
                        AND (setting.setdatabase = 0 OR database.datname = current_database())
                      ORDER BY setting.setdatabase)
         FROM pg_catalog.pg_roles AS role",
    )
    .await?;
    let attributes = [
        Attribute::Login,
        Attribute::Superuser,
        Attribute::CreateRole,
        Attribute::CreateDatabase,
        Attribute::Replication,
        Attribute::BypassRowSecurity,
    ];
    let role = |row: &Row| {
        let held = attributes.into_iter().enumerate();
        let held = held.filter(|(place, _)| row.get::<_, bool>(place + 1));
        let settings: Vec<String> = row.get(7);
        let facts = RoleFacts {
            attributes: held.map(|(_, attribute)| attribute).collect(),
            settings: settings
                .iter()
                .filter_map(|setting| setting.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        (row.get(0), facts)
    };
    Ok(rows.iter().map(role).collect())
}

async fn memberships(
    client: &impl GenericClient,
    version: u32,
) -> Result<Vec<Membership>, PostgresError> {
    let options = if version >= MEMBERSHIP_OPTIONS_SINCE {
        "membership.inherit_option, membership.set_option"
    } else {
        "member.rolinherit, true"
    };
    let query = format!(
        "SELECT member.rolname::text, role.rolname::text, pg_get_userbyid(membership.grantor)::text, {options}
         FROM pg_catalog.pg_auth_members AS membership
         JOIN pg_catalog.pg_roles AS member ON member.oid = membership.member
         JOIN pg_catalog.pg_roles AS role ON role.oid = membership.roleid
         ORDER BY 1, 2, 3"
    );
    let rows = all(client, &query).await?;
    let membership = |row: &Row| Membership {
        member: row.get(0),
        role: row.get(1),
        grantor: row.get(2),
        inherits: row.get(3),
        sets: row.get(4),
    };
    Ok(rows.iter().map(membership).collect())
}

/// A grant from five columns, the first at `place`; none where the join found none.
fn grant(row: &Row, place: usize) -> Option<Grant> {
    let grantor: Option<String> = row.get(place);
    let everyone: Option<bool> = row.get(place + 1);
    Some(Grant {
        grantor: grantor?,
        grantee: (!everyone?).then(|| row.get(place + 2)),
        privilege: row.get(place + 3),
        grantable: row.get(place + 4),
        of_columns: false,
    })
}

async fn database_grants(client: &impl GenericClient) -> Result<Vec<Grant>, PostgresError> {
    let query = format!(
        "SELECT {GRANT}
         FROM pg_catalog.pg_database AS database,
              aclexplode(coalesce(database.datacl, acldefault('d', database.datdba))) AS entry
         WHERE database.datname = current_database() AND entry.grantee <> database.datdba"
    );
    let rows = all(client, &query).await?;
    Ok(rows.iter().filter_map(|row| grant(row, 0)).collect())
}

async fn schemas(client: &impl GenericClient) -> Result<Vec<SchemaFacts>, PostgresError> {
    let query = format!(
        "SELECT namespace.nspname::text, pg_get_userbyid(namespace.nspowner)::text, {GRANT}
         FROM pg_catalog.pg_namespace AS namespace
         LEFT JOIN LATERAL aclexplode(coalesce(namespace.nspacl, acldefault('n', namespace.nspowner))) AS entry
                ON entry.grantee <> namespace.nspowner
         WHERE {OF_USERS} AND {}
         ORDER BY namespace.nspname",
        no_extensions("pg_namespace", "namespace.oid")
    );
    let rows = all(client, &query).await?;
    let mut schemas: Vec<SchemaFacts> = Vec::new();
    for row in &rows {
        let name: String = row.get(0);
        if schemas.last().is_none_or(|last| last.name != name) {
            schemas.push(SchemaFacts {
                name,
                owner: row.get(1),
                grants: Vec::new(),
            });
        }
        if let Some(last) = schemas.last_mut() {
            last.grants.extend(grant(row, 2));
        }
    }
    Ok(schemas)
}

/// That an object is no member of an extension: those are the extension's business.
fn no_extensions(catalog: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS extension
                     WHERE extension.classid = 'pg_catalog.{catalog}'::regclass AND extension.objid = {oid}
                       AND extension.deptype = 'e')"
    )
}

async fn relations(client: &impl GenericClient) -> Result<Vec<RelationFacts>, PostgresError> {
    let query = format!(
        "SELECT relation.oid, namespace.nspname::text, relation.relname::text, relation.relkind::text,
                pg_get_userbyid(relation.relowner)::text,
                relation.relkind = 'S' AND EXISTS (
                    SELECT FROM pg_catalog.pg_depend AS owning
                    WHERE owning.classid = 'pg_catalog.pg_class'::regclass AND owning.objid = relation.oid
                      AND owning.refclassid = 'pg_catalog.pg_class'::regclass AND owning.deptype IN ('a', 'i')),
                {GRANT}, entry.of_columns
         FROM pg_catalog.pg_class AS relation
         JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
         LEFT JOIN LATERAL (
             SELECT granted.*, false AS of_columns FROM aclexplode(relation.relacl) AS granted
             UNION ALL
             SELECT granted.*, true FROM pg_catalog.pg_attribute AS attribute, aclexplode(attribute.attacl) AS granted
             WHERE attribute.attrelid = relation.oid AND attribute.attacl IS NOT NULL AND NOT attribute.attisdropped
         ) AS entry ON entry.grantee <> relation.relowner
         WHERE {OF_USERS} AND relation.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {}
         ORDER BY namespace.nspname, relation.relname",
        no_extensions("pg_class", "relation.oid")
    );
    let rows = all(client, &query).await?;
    let mut relations: Vec<(u32, RelationFacts)> = Vec::new();
    for row in &rows {
        let oid: u32 = row.get(0);
        if relations.last().is_none_or(|(last, _)| *last != oid) {
            let kind: String = row.get(3);
            let facts = RelationFacts {
                schema: row.get(1),
                name: row.get(2),
                kind: match kind.as_str() {
                    "v" => RelationKind::View,
                    "m" => RelationKind::MaterializedView,
                    "f" => RelationKind::ForeignTable,
                    "S" => RelationKind::Sequence,
                    _ => RelationKind::Table,
                },
                owner: row.get(4),
                of_column: row.get(5),
                grants: Vec::new(),
            };
            relations.push((oid, facts));
        }
        if let (Some((_, last)), Some(granted)) = (relations.last_mut(), grant(row, 6)) {
            let of_columns = row.get::<_, Option<bool>>(11).unwrap_or_default();
            last.grants.push(Grant {
                of_columns,
                ..granted
            });
        }
    }
    Ok(relations.into_iter().map(|(_, facts)| facts).collect())
}

/// Routines, types and what else can have the migrator for an owner, where it has another.
async fn others(
    client: &impl GenericClient,
    migrator: &str,
) -> Result<Vec<OwnedObject>, PostgresError> {
    let query = format!(
        "SELECT object.keyword, object.identity, object.schema, owner.rolname::text
         FROM (SELECT 'ROUTINE' AS keyword, routine.oid::regprocedure::text AS identity,
                      namespace.nspname::text AS schema, routine.proowner AS owner
               FROM pg_catalog.pg_proc AS routine
               JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = routine.pronamespace
               WHERE {OF_USERS} AND {no_routine}
               UNION ALL
               SELECT CASE type.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, type.oid::regtype::text,
                      namespace.nspname::text, type.typowner
               FROM pg_catalog.pg_type AS type
               JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = type.typnamespace
               LEFT JOIN pg_catalog.pg_class AS composite ON composite.oid = type.typrelid
               WHERE {OF_USERS} AND {no_type} AND type.typtype IN ('b', 'c', 'd', 'e', 'r')
                 AND (type.typtype <> 'c' OR composite.relkind = 'c')
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS element WHERE element.typarray = type.oid)
               UNION ALL
               SELECT CASE named.type WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(named.type) END,
                      named.identity, coalesce(named.schema, ''), owning.refobjid
               FROM pg_catalog.pg_shdepend AS owning
               JOIN pg_catalog.pg_database AS database ON database.oid = owning.dbid
               CROSS JOIN LATERAL pg_identify_object(owning.classid, owning.objid, owning.objsubid) AS named
               WHERE database.datname = current_database() AND owning.deptype = 'o'
                 AND owning.classid IN (
                     'pg_catalog.pg_collation'::regclass, 'pg_catalog.pg_conversion'::regclass,
                     'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_opclass'::regclass,
                     'pg_catalog.pg_opfamily'::regclass, 'pg_catalog.pg_statistic_ext'::regclass,
                     'pg_catalog.pg_ts_dict'::regclass, 'pg_catalog.pg_ts_config'::regclass,
                     'pg_catalog.pg_foreign_server'::regclass)
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS extension
                                 WHERE extension.classid = owning.classid AND extension.objid = owning.objid
                                   AND extension.deptype = 'e')
              ) AS object (keyword, identity, schema, owner)
         JOIN pg_catalog.pg_roles AS owner ON owner.oid = object.owner
         WHERE owner.rolname <> $1
         ORDER BY 1, 2",
        no_routine = no_extensions("pg_proc", "routine.oid"),
        no_type = no_extensions("pg_type", "type.oid"),
    );
    let rows = client
        .query(&query, &[&migrator])
        .await
        .map_err(PostgresError::query(WHAT))?;
    let object = |row: &Row| OwnedObject {
        keyword: row.get(0),
        identity: row.get(1),
        schema: row.get(2),
        owner: row.get(3),
    };
    Ok(rows.iter().map(object).collect())
}

async fn definers(client: &impl GenericClient) -> Result<Vec<DefinerFunction>, PostgresError> {
    let query = format!(
        "SELECT routine.oid::regprocedure::text, namespace.nspname::text, pg_get_userbyid(routine.proowner)::text,
                EXISTS (SELECT FROM unnest(routine.proconfig) AS setting WHERE setting LIKE 'search_path=%'),
                EXISTS (SELECT FROM aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) AS entry
                        WHERE entry.grantee = 0)
         FROM pg_catalog.pg_proc AS routine
         JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = routine.pronamespace
         WHERE routine.prosecdef AND {OF_USERS} AND {}
         ORDER BY 1",
        no_extensions("pg_proc", "routine.oid")
    );
    let rows = all(client, &query).await?;
    let function = |row: &Row| DefinerFunction {
        identity: row.get(0),
        schema: row.get(1),
        owner: row.get(2),
        fixed_path: row.get(3),
        public: row.get(4),
    };
    Ok(rows.iter().map(function).collect())
}

async fn defaults(client: &impl GenericClient) -> Result<Vec<DefaultAcl>, PostgresError> {
    let query = format!(
        "SELECT defaults.oid, pg_get_userbyid(defaults.defaclrole)::text, namespace.nspname::text,
                defaults.defaclobjtype::text, {GRANT}
         FROM pg_catalog.pg_default_acl AS defaults
         LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = defaults.defaclnamespace
         LEFT JOIN LATERAL aclexplode(defaults.defaclacl) AS entry ON entry.grantee <> defaults.defaclrole
         ORDER BY defaults.oid"
    );
    let rows = all(client, &query).await?;
    let mut defaults: Vec<(u32, DefaultAcl)> = Vec::new();
    for row in &rows {
        let oid: u32 = row.get(0);
        let kind: String = row.get(3);
        let kind = match kind.as_str() {
            "r" => DefaultKind::Tables,
            "S" => DefaultKind::Sequences,
            "f" => DefaultKind::Functions,
            "T" => DefaultKind::Types,
            "n" => DefaultKind::Schemas,
            // Large objects, from PostgreSQL 18 on: rows rather than schema.
            _ => continue,
        };
        if defaults.last().is_none_or(|(last, _)| *last != oid) {
            let facts = DefaultAcl {
                owner: row.get(1),
                schema: row.get(2),
                kind,
                grants: Vec::new(),
            };
            defaults.push((oid, facts));
        }
        if let Some((_, last)) = defaults.last_mut() {
            last.grants.extend(grant(row, 4));
        }
    }
    Ok(defaults.into_iter().map(|(_, facts)| facts).collect())
}

/// What became of a statement that was tried.
#[derive(Debug)]
pub enum Tried {
    /// It ran.
    Ran,
    /// The session's role may not, as the server said.
    Refused(String),
    /// It failed otherwise.
    Failed(PostgresError),
}

/// Runs a statement within a transaction. One that the role may not run leaves the transaction as it was.
pub async fn attempt(
    transaction: &mut tokio_postgres::Transaction<'_>,
    statement: &str,
    shown: &str,
) -> Result<Tried, PostgresError> {
    let what = || PostgresError::query(format!("run {shown}"));
    let inner = transaction.savepoint("attempt").await.map_err(what())?;
    match inner.batch_execute(statement).await {
        Ok(()) => {
            inner.commit().await.map_err(what())?;
            Ok(Tried::Ran)
        }
        Err(error) => {
            // On a lost connection this says so.
            inner.rollback().await.map_err(what())?;
            let refused = error
                .as_db_error()
                .filter(|said| *said.code() == SqlState::INSUFFICIENT_PRIVILEGE)
                .map(|said| said.message().to_owned());
            Ok(match refused {
                Some(said) => Tried::Refused(said),
                None => Tried::Failed(what()(error)),
            })
        }
    }
}
