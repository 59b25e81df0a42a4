//! Who could change the audit log: the role that the daemon works as must not be one of them.

use crate::{postgres::error::PostgresError, state::ControlStore};

/// What would let a role change the log, or take it away, each with the condition under which it does.
const WEAKNESSES: &[(&str, &str)] = &[
    ("it is a superuser", "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"),
    (
        "it may make itself a member of other roles (CREATEROLE)",
        "(SELECT rolcreaterole AND NOT rolsuper FROM pg_roles WHERE rolname = current_user)",
    ),
    (
        "it may write the server's files or run programs there",
        "EXISTS (SELECT FROM pg_roles WHERE rolname IN ('pg_write_server_files', 'pg_execute_server_program')
                 AND pg_has_role(current_user, oid, 'MEMBER')
                 AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))",
    ),
    (
        "it owns the database of the control store",
        "(SELECT pg_has_role(current_user, datdba, 'MEMBER') FROM pg_database WHERE datname = current_database())",
    ),
    (
        "it owns the schema public",
        "(SELECT pg_has_role(current_user, nspowner, 'MEMBER') FROM pg_namespace WHERE nspname = 'public')",
    ),
    (
        "it owns the table audit_records",
        "(SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class
          WHERE oid = 'public.audit_records'::regclass)",
    ),
    (
        "it owns a function that the log is written with",
        "EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                 AND proname IN ('append_audit', 'audit_hash', 'refuse_change')
                 AND pg_has_role(current_user, proowner, 'MEMBER'))",
    ),
    (
        "it may insert into, update, delete from or truncate audit_records, or put triggers on it",
        "has_table_privilege('public.audit_records', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
         OR has_any_column_privilege('public.audit_records', 'INSERT, UPDATE')",
    ),
];

/// What the log's own guards lack, whoever the role is.
const GAPS: &[(&str, &str)] = &[
    (
        "the trigger append_only of audit_records does not stand",
        "NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.audit_records'::regclass
                     AND tgname = 'append_only' AND tgenabled IN ('O', 'A') AND tgtype = 58
                     AND tgfoid = 'refuse_change'::regproc)",
    ),
    (
        "audit_records has a trigger or rule that is not pgsteward's",
        "EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.audit_records'::regclass
                 AND tgname <> 'append_only' AND NOT tgisinternal)
         OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = 'public.audit_records'::regclass)",
    ),
];

/// How well the log is protected from the role that the daemon works as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The role.
    pub role: String,
    /// What would let the role change the log; empty where nothing does.
    pub weaknesses: Vec<String>,
    /// What the log's own guards lack; empty where they stand.
    pub gaps: Vec<String>,
}

impl ControlStore {
    /// Looks at what the daemon's own role could do to the log.
    pub async fn audit_protection(&self) -> Result<Protection, PostgresError> {
        let all = || WEAKNESSES.iter().chain(GAPS);
        let conditions: Vec<String> = all()
            .map(|(_, condition)| format!("coalesce({condition}, false)"))
            .collect();
        let query = format!(
            "SELECT current_user::text, ARRAY[{}]",
            conditions.join(",\n")
        );
        let client = self.client().await?;
        let row = client
            .query_one(&query, &[])
            .await
            .map_err(PostgresError::query(
                "look at who could change the audit log",
            ))?;
        let holds: Vec<bool> = row.get(1);
        let (of_role, of_guards) = holds.split_at(WEAKNESSES.len().min(holds.len()));
        let named = |list: &[(&str, &str)], holds: &[bool]| {
            let both = list.iter().zip(holds);
            both.filter(|(_, holds)| **holds)
                .map(|((text, _), _)| (*text).to_owned())
                .collect()
        };
        Ok(Protection {
            role: row.get(0),
            weaknesses: named(WEAKNESSES, of_role),
            gaps: named(GAPS, of_guards),
        })
    }
}
