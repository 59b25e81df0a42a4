//! The DDL guard of one database: event triggers that refuse the DDL of sessions that are not the daemon's.
//!
//! PostgreSQL lets only superusers make event triggers. `ops::migration::guard` decides whether the guard is to stand,
//! and asks this file what stands, to write it and to remove it.
//!
//! A command is judged by what it did, when it ends: only then is it known whether its objects are temporary. It is
//! refused before it begins where its end is too late or says too little (see `JUDGE`).

use tokio_postgres::Client;

use super::{
    error::PostgresError,
    quote::{identifier, literal},
};

/// The schema of the guard's function. Drift checks leave it out.
const SCHEMA: &str = "pgsteward";
/// The guard's one function; it serves all three event triggers.
const FUNCTION: &str = "pgsteward.refuse_ddl()";
/// What the names of the guard's event triggers begin with.
const PREFIX: &str = "pgsteward_guard_";
/// The guard's event triggers, and the event of each.
const NAMES: [&str; 3] = [
    "pgsteward_guard_drop",
    "pgsteward_guard_end",
    "pgsteward_guard_start",
];
const EVENTS: [&str; 3] = ["sql_drop", "ddl_command_end", "ddl_command_start"];

/// What follows the list of roles in the function.
///
/// What commits before it ends, reaches another server or does not report all that it changes is judged at its start.
/// Rules of temporary views, and in some versions triggers and policies of temporary tables, are not said to be
/// temporary, but the first part of their address is. Large objects are data. What depends on a dropped object and is
/// neither named nor reached by CASCADE goes with it, and is not looked at.
const JUDGE: &str = r#"::name[]) THEN
        RETURN;
    END IF;
    IF tg_event = 'ddl_command_start' THEN
        -- No text is known of a background worker's command: it may be concurrent.
        text_of_command := coalesce(current_query(), 'detach concurrently');
        IF tg_tag IN ('DROP OWNED', 'REASSIGN OWNED', 'CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION', 'DROP SUBSCRIPTION')
           OR (tg_tag IN ('CREATE INDEX', 'DROP INDEX') AND text_of_command ~* '\mconcurrently\M')
           OR (tg_tag = 'ALTER TABLE' AND text_of_command ~* '\mdetach\M' AND text_of_command ~* '\mconcurrently\M')
        THEN
            refused := tg_tag;
        END IF;
    ELSIF tg_event = 'sql_drop' THEN
        SELECT format('%s of %s %s', tg_tag, object_type, object_identity) INTO refused
        FROM pg_event_trigger_dropped_objects()
        WHERE (original OR normal) AND NOT is_temporary
          AND NOT coalesce(object_type IN ('trigger', 'rule', 'policy', 'default value')
                           AND address_names[1] = 'pg_temp', false)
        LIMIT 1;
    ELSIF tg_tag NOT IN ('REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
        SELECT concat_ws(' ', command_tag, 'of', lower(object_type), object_identity) INTO refused
        FROM pg_event_trigger_ddl_commands()
        WHERE schema_name IS DISTINCT FROM 'pg_temp'
          AND lower(object_type) IS DISTINCT FROM 'large object'
          AND CASE WHEN object_type IN ('trigger', 'rule', 'policy')
                   THEN (pg_identify_object_as_address(classid, objid, objsubid)).object_names[1]
                        IS DISTINCT FROM 'pg_temp'
                   ELSE true END
        LIMIT 1;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'PGS01',
            MESSAGE = format('DDL is closed to role "%s": schema changes go through pgsteward revisions', session_user),
            DETAIL = format('Refused: %s.', refused),
            HINT = 'pgsteward migrate revision -m "...", review, upgrade; see "Changing the schema" in the README.';
    END IF;
END
"#;

/// The function's body for a list of roles that it lets through.
fn body(roles: &[String]) -> String {
    let roles: Vec<String> = roles.iter().map(|role| literal(role)).collect();
    format!(
        "
-- Written by pgsteward, which writes it anew when it is changed: see migrations.ddl_guard and ddl_guard_roles in its
-- configuration. session_user is who logged in: SET ROLE and SECURITY DEFINER do not change it.
DECLARE
    text_of_command text;
    refused text;
BEGIN
    IF session_user = ANY (ARRAY[{}]{}",
        roles.join(", "),
        JUDGE
    )
}

/// What stands of the guard in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The role that asked.
    pub role: String,
    /// Whether that role may change it.
    pub superuser: bool,
    /// Whether anything of it is there.
    pub present: bool,
    /// Whether any of its event triggers fires.
    pub enabled: bool,
    /// What it lacks to be the guard that was asked for; nothing when it is in force. Each is a clause, e.g.
    /// `event trigger pgsteward_guard_end is disabled`.
    pub lacking: Vec<String>,
}

/// Compares what stands in the session's database with the guard that lets `roles` through.
pub async fn read(client: &Client, roles: &[String]) -> Result<Standing, PostgresError> {
    let row = client
        .query_one(
            "WITH guard AS (
                 SELECT function.oid, function.prosrc = $1 AND function.proconfig = '{\"search_path=pg_catalog, pg_temp\"}'
                     AND language.lanname = 'plpgsql' AND NOT function.prosecdef AS written,
                     owner.rolsuper AND schema_owner.rolsuper AS owned
                 FROM pg_proc AS function
                 JOIN pg_namespace AS schema ON schema.oid = function.pronamespace
                 JOIN pg_language AS language ON language.oid = function.prolang
                 JOIN pg_roles AS owner ON owner.oid = function.proowner
                 JOIN pg_roles AS schema_owner ON schema_owner.oid = schema.nspowner
                 WHERE schema.nspname || '.' || function.proname || '()' = $2 AND function.pronargs = 0
             ), trigger AS (
                 SELECT evtname::text AS name, evtevent::text AS event, evtenabled <> 'D' AS enabled,
                     evtenabled = 'A' AND evttags IS NULL AND evtfoid = ANY (SELECT oid FROM guard) AS written
                 FROM pg_event_trigger WHERE starts_with(evtname::text, $3)
             ), lacking (what) AS (
                 SELECT 'function ' || $2 || CASE
                     WHEN guard.oid IS NULL THEN ' is missing'
                     WHEN NOT guard.written THEN ' is not the one that this configuration makes'
                     ELSE ' or its schema is not owned by a superuser' END
                 FROM (SELECT) AS one LEFT JOIN guard ON true
                 WHERE (guard.written AND guard.owned) IS NOT TRUE
                 UNION ALL
                 SELECT 'event trigger ' || coalesce(wanted.name, trigger.name) || CASE
                     WHEN trigger.name IS NULL THEN ' is missing'
                     WHEN NOT trigger.enabled THEN ' is disabled'
                     ELSE ' is not the one that this version makes' END
                 FROM unnest($4::text[], $5::text[]) AS wanted (name, event) FULL JOIN trigger USING (name, event)
                 WHERE (wanted.name IS NOT NULL AND trigger.written) IS NOT TRUE
             )
             SELECT role.rolname::text, role.rolsuper,
                    EXISTS (SELECT FROM guard) OR EXISTS (SELECT FROM trigger),
                    EXISTS (SELECT FROM trigger WHERE enabled),
                    ARRAY(SELECT what FROM lacking ORDER BY what)
             FROM pg_roles AS role WHERE role.rolname = current_user",
            &[
                &body(roles),
                &FUNCTION,
                &PREFIX,
                &NAMES.as_slice(),
                &EVENTS.as_slice(),
            ],
        )
        .await
        .map_err(PostgresError::query("look for the DDL guard"))?;
    Ok(Standing {
        role: row.get(0),
        superuser: row.get(1),
        present: row.get(2),
        enabled: row.get(3),
        lacking: row.get(4),
    })
}

/// Writes the guard that lets `roles` through, whatever stood before. The session's role must be a superuser.
pub async fn install(client: &mut Client, roles: &[String]) -> Result<(), PostgresError> {
    // ALWAYS: `session_replication_role` is no way around it.
    let triggers = NAMES.iter().zip(EVENTS).map(|(name, event)| {
        format!(
            "CREATE EVENT TRIGGER {name} ON {event} EXECUTE FUNCTION {FUNCTION};
             ALTER EVENT TRIGGER {name} ENABLE ALWAYS;"
        )
    });
    let triggers = triggers.collect::<Vec<String>>().join("\n");
    let statements = format!(
        "CREATE SCHEMA IF NOT EXISTS {SCHEMA};
         ALTER SCHEMA {SCHEMA} OWNER TO CURRENT_USER;
         CREATE OR REPLACE FUNCTION {FUNCTION} RETURNS event_trigger LANGUAGE plpgsql
             SET search_path = pg_catalog, pg_temp AS {};
         ALTER FUNCTION {FUNCTION} OWNER TO CURRENT_USER;
         REVOKE ALL ON FUNCTION {FUNCTION} FROM PUBLIC;
         {triggers}",
        literal(&body(roles))
    );
    replace(client, &statements, "install the DDL guard").await
}

/// Removes the guard; its schema, too, when nothing else is in it. The session's role must be a superuser.
pub async fn remove(client: &mut Client) -> Result<(), PostgresError> {
    let what = || PostgresError::query("remove the DDL guard");
    let statements = format!("DROP FUNCTION IF EXISTS {FUNCTION}");
    replace(client, &statements, "remove the DDL guard").await?;
    let empty: bool = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_namespace AS schema WHERE nspname = $1 AND NOT EXISTS (
                 SELECT FROM pg_depend
                 WHERE refclassid = 'pg_namespace'::regclass AND refobjid = schema.oid))",
            &[&SCHEMA],
        )
        .await
        .map_err(what())?
        .get(0);
    if empty {
        client
            .batch_execute(&format!("DROP SCHEMA {SCHEMA}"))
            .await
            .map_err(what())?;
    }
    Ok(())
}

/// Drops the guard's event triggers and runs the statements, in one transaction. The event triggers go first: those of
/// a database that came from elsewhere may refuse the daemon itself, but event triggers do not see their own dropping.
async fn replace(client: &mut Client, statements: &str, what: &str) -> Result<(), PostgresError> {
    let transaction = client
        .transaction()
        .await
        .map_err(PostgresError::query(what))?;
    let standing = transaction
        .query(
            "SELECT evtname::text FROM pg_event_trigger WHERE starts_with(evtname::text, $1)",
            &[&PREFIX],
        )
        .await
        .map_err(PostgresError::query(what))?;
    let drops = standing
        .iter()
        .map(|row| format!("DROP EVENT TRIGGER {};", identifier(row.get(0))));
    let drops = drops.collect::<Vec<String>>().join(" ");
    // Nothing of this waits for anything but another who changes the guard, which would be a person.
    let statements = format!(
        "SET LOCAL lock_timeout = '5s'; SET LOCAL search_path = pg_catalog; {drops} {statements}"
    );
    transaction
        .batch_execute(&statements)
        .await
        .map_err(PostgresError::query(what))?;
    transaction
        .commit()
        .await
        .map_err(PostgresError::query(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_in_the_list_stays_a_value_whatever_its_name() {
        let text = body(&["app".to_owned(), "o'brien\\".to_owned()]);
        assert!(
            text.contains(r"session_user = ANY (ARRAY[E'app', E'o''brien\\']::name[]) THEN"),
            "{text}"
        );
    }
}
