//! Ownership of the control store: where two logins are configured, one owns the tables and applies our revisions, and the
//! daemon works as the other, which may do to each table what its work needs and cannot touch the audit log's records.
//!
//! What the working role may is granted by the owner at each start, so that it covers the tables of later revisions.

use super::ControlStore;
use crate::{
    model::failure::{Classified, Failure, Kind},
    postgres::{error::PostgresError, quote, session::Session},
};

/// Why the control store's logins cannot be used as they are.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// The tables are there and belong to another role.
    #[error("the control store's tables belong to {owners}, not to {owner:?}")]
    OtherOwner {
        /// The role of the owner's login.
        owner: String,
        /// The roles that own something in it.
        owners: String,
    },
    /// The working role could change the log.
    #[error("the role {role:?} of control.url could change the audit log: {}", weaknesses.join("; "))]
    TooPowerful {
        /// The role.
        role: String,
        /// What lets it.
        weaknesses: Vec<String>,
    },
}

impl Classified for OwnershipError {
    fn kind(&self) -> Kind {
        Kind::FailedPrecondition
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::OtherOwner { .. } => "CONTROL_STORE_OF_OTHER_OWNER",
            Self::TooPowerful { .. } => "CONTROL_ROLE_TOO_POWERFUL",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OtherOwner { owner, owners } => format!(
                "in that database, as a superuser: REASSIGN OWNED BY {owners} TO {}",
                quote::identifier(owner)
            ),
            Self::TooPowerful { .. } => "let control.owner_url name the role that owns the control store's database \
                                         and tables, and control.url one that owns nothing, is a member of no other \
                                         role and has no attributes but LOGIN"
                .to_owned(),
        })
    }
}

impl ControlStore {
    /// A connection of the login that owns the tables.
    pub(super) async fn owner_session(
        &self,
        application_name: &str,
    ) -> Result<Session, PostgresError> {
        let login = self.owner.as_ref().unwrap_or(&self.login);
        Session::connect(login, application_name, self.settings.connect_timeout).await
    }

    /// Whether the tables have an owner other than the role that the daemon works as.
    pub fn has_owner(&self) -> bool {
        self.owner.is_some()
    }

    /// Refuses tables of another owner than the one that is configured: it could neither change them nor grant anything.
    pub(super) async fn check_ownership(&self, session: &Session) -> Result<(), Failure> {
        if self.owner.is_none() {
            return Ok(());
        }
        let row = session
            .query_one(
                "SELECT current_user::text, string_agg(DISTINCT quote_ident(pg_get_userbyid(relowner)), ', ')
                 FROM pg_class
                 WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                   AND NOT pg_has_role(relowner, 'USAGE')
                   AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')",
                &[],
            )
            .await
            .map_err(PostgresError::query("look at who owns the control store"))?;
        match row.get(1) {
            None => Ok(()),
            Some(owners) => Err(OwnershipError::OtherOwner {
                owner: row.get(0),
                owners,
            }
            .into()),
        }
    }

    /// Grants the working role what it needs of each table, and takes what it does not.
    pub(super) async fn grant(&self, session: &Session) -> Result<(), Failure> {
        let (Some(_), Some(role)) = (&self.owner, self.login.get_user()) else {
            return Ok(());
        };
        let statements: Vec<String> = session
            .query_one(STATEMENTS, &[&role])
            .await
            .map_err(PostgresError::query(
                "look at what the control store's role needs",
            ))?
            .get(0);
        // One batch is one transaction: other daemons work meanwhile.
        session
            .batch_execute(&statements.join(";\n"))
            .await
            .map_err(PostgresError::query(
                "grant the control store's role what it needs",
            ))?;
        Ok(())
    }

    /// Refuses a working role that could change the audit log although another owns it, and warns of one that owns it.
    pub async fn check_protection(&self) -> Result<(), Failure> {
        let protection = self.audit_protection().await?;
        if !protection.gaps.is_empty() {
            tracing::error!(
                gaps = protection.gaps.join("; "),
                "the audit log's guards were tampered with; VerifyAudit says what became of it"
            );
        }
        if protection.weaknesses.is_empty() {
            return Ok(());
        }
        let (role, weaknesses) = (protection.role, protection.weaknesses);
        if self.has_owner() {
            return Err(OwnershipError::TooPowerful { role, weaknesses }.into());
        }
        tracing::warn!(
            role,
            weaknesses = weaknesses.join("; "),
            "the control role could change the audit log; configure control.owner_url, so that another role owns it"
        );
        Ok(())
    }
}

/// The statements that give role $1 what it needs, and no more. Tables with the trigger `append_only` can be added to and
/// read; the audit log can be read, and is added to by its function; views and the version table can be read.
const STATEMENTS: &str = "
SELECT array_agg(statement ORDER BY place) FROM (
    SELECT 0 AS place, format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), $1::text) AS statement
    WHERE NOT has_database_privilege($1, current_database(), 'CONNECT')
    UNION ALL
    SELECT 1, format('REVOKE CREATE ON SCHEMA public FROM PUBLIC, %I', $1)
    UNION ALL
    SELECT 2, format('GRANT USAGE ON SCHEMA public TO %I', $1)
    UNION ALL
    SELECT 3, format('REVOKE ALL ON %I.%I FROM PUBLIC, %I', nspname, relname, $1)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'S') AND pg_has_role(relowner, 'USAGE')
    UNION ALL
    SELECT 4, format('GRANT %s ON %I.%I TO %I', CASE
               WHEN relkind = 'S' THEN 'USAGE, SELECT'
               WHEN relkind = 'v' OR relname IN ('audit_records', 'alembic_version') THEN 'SELECT'
               WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname = 'append_only')
                   THEN 'SELECT, INSERT'
               ELSE 'SELECT, INSERT, UPDATE, DELETE'
           END, nspname, relname, $1)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v', 'S') AND pg_has_role(relowner, 'USAGE')
    UNION ALL
    SELECT 5, format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE')
    UNION ALL
    SELECT 6, format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, $1)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_has_role(proowner, 'USAGE')
) AS statements";
