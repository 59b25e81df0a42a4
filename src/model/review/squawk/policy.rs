//! What each of squawk's rules means here: its category, its weight, and what to do instead; or that it is off, and why.
//!
//! The match names every rule, so that a version of the crate that brings a new one does not compile until somebody has
//! decided. The crate is pinned for that reason.

use squawk_linter::Rule;

use crate::model::review::finding::{Category, Severity};

/// What a rule means here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) category: Category,
    pub(super) severity: Severity,
    /// What to do instead.
    pub(super) safe_way: &'static str,
}

const LATER: &str = "keep the old one until no client uses it, and change it in a later revision";
const NEW_NAME: &str = "add the new name beside the old one (a view, or a column that a trigger keeps equal), move the clients over, then drop the old one";

/// The meaning of a rule; `None` for a rule that is off.
#[allow(clippy::match_same_arms)] // Each group of rules that is off has a reason of its own.
pub(super) fn policy(rule: Rule) -> Option<Policy> {
    let (category, severity, safe_way) = match rule {
        Rule::RequireConcurrentIndexCreation => blocking(
            "CREATE INDEX CONCURRENTLY in a revision of its own with `-- transactional: false`",
        ),
        Rule::RequireConcurrentIndexDeletion => blocking(
            "DROP INDEX CONCURRENTLY in a revision of its own with `-- transactional: false`",
        ),
        Rule::RequireConcurrentReindex => {
            blocking("REINDEX … CONCURRENTLY, with `-- transactional: false`")
        }
        Rule::RequireConcurrentPartitionDetach => {
            blocking("DETACH PARTITION … CONCURRENTLY, with `-- transactional: false`")
        }
        Rule::ConstraintMissingNotValid => blocking(
            "add the constraint NOT VALID, and VALIDATE CONSTRAINT in the next revision: that one lets others read and write",
        ),
        Rule::AddingForeignKeyConstraint => blocking(
            "add the column without it, then the foreign key NOT VALID, and VALIDATE CONSTRAINT in the next revision",
        ),
        Rule::AddingNotNullableField => blocking(
            "add CHECK (… IS NOT NULL) NOT VALID, validate it in the next revision, then SET NOT NULL, which needs no scan any more, and drop the check",
        ),
        Rule::AddingSerialPrimaryKeyField => blocking(
            "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD PRIMARY KEY USING INDEX on columns that are NOT NULL",
        ),
        Rule::DisallowedUniqueConstraint => blocking(
            "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … UNIQUE USING INDEX",
        ),
        Rule::BanAlterDomainWithAddConstraint => blocking(
            "add the constraint NOT VALID and validate it in the next revision, or check the columns instead",
        ),
        Rule::AddingFieldWithDefault => (
            Category::Rewrite,
            Severity::Warning,
            "add the column without it, SET DEFAULT for rows to come, and fill the present ones in batches",
        ),
        Rule::AddingRequiredField => (
            Category::Compatibility,
            Severity::Warning,
            "give it a constant DEFAULT, or add it nullable, fill it, and make it NOT NULL in a later revision: as it stands it fails on a table with rows",
        ),
        Rule::RenamingColumn | Rule::RenamingTable | Rule::RenamingObject => {
            (Category::Compatibility, Severity::Warning, NEW_NAME)
        }
        Rule::BanSetSchema => (
            Category::Compatibility,
            Severity::Warning,
            "leave a view of the old name behind until clients use the new schema",
        ),
        Rule::BanDropNotNull => compatible("let clients cope with NULL first"),
        Rule::BanDropDefault => compatible("let clients give the value first"),
        Rule::BanDropConstraint | Rule::BanDropGeneratedExpression | Rule::BanAlterIdentity => {
            compatible(LATER)
        }
        Rule::PreferTimestampTz => style(
            "use timestamptz: without a time zone the same instant reads differently to different sessions",
        ),
        Rule::BanCharField => style("use text, with a CHECK on its length where one is needed"),
        Rule::BanCreateDomainWithConstraint => {
            style("put the CHECK on the columns: a domain's constraint can hardly be changed later")
        }
        Rule::RequireEnumValueOrdering => {
            style("say BEFORE or AFTER which value, so that the order is not left to chance")
        }
        Rule::IdentifierTooLong => {
            style("choose a name of at most 63 bytes: PostgreSQL cuts longer ones")
        }

        // Our own rules find these with their objects, also where squawk cannot parse: drops, rows, tables, locks.
        Rule::BanDropColumn
        | Rule::BanDropTable
        | Rule::BanDropDatabase
        | Rule::BanDropSchema
        | Rule::BanDropSequence
        | Rule::BanDropExtension
        | Rule::BanDropView
        | Rule::BanDropFunction
        | Rule::BanDropType
        | Rule::BanDropDomain
        | Rule::BanTruncateCascade
        | Rule::ChangingColumnType
        | Rule::PreferRepack => return None,
        // The daemon sets both limits itself before each section.
        Rule::RequireTimeoutSettings | Rule::RequireLockTimeout | Rule::RequireStatementTimeout => {
            return None;
        }
        // A script with transaction control, or with CONCURRENTLY in a transaction, is refused by its statement check.
        Rule::TransactionNesting
        | Rule::BanUncommittedTransaction
        | Rule::BanConcurrentIndexCreationInTransaction => return None,
        // IF NOT EXISTS takes the invalid index that a failed build left behind for a good one; the version table knows
        // what ran.
        Rule::PreferRobustStmts => return None,
        // Taste: neither dangerous now nor costly to change later.
        Rule::PreferBigintOverInt
        | Rule::PreferBigintOverSmallint
        | Rule::PreferIdentity
        | Rule::PreferTextField => return None,
        // PostgreSQL refuses it in plain words.
        Rule::BanDuplicateColumnAssignments => return None,
        // It speaks of comments, and those are not shown to squawk.
        Rule::UnusedIgnore => return None,
        // A trigger holds no data; whether dropping it matters, only its author knows.
        Rule::BanDropTrigger => return None,
        // Off in squawk unless asked for, since it forbids what most migrations are made of.
        Rule::RequireTableSchema
        | Rule::BanAlterGeneratedExpression
        | Rule::BanDropIndex
        | Rule::BanSetDefault
        | Rule::BanDisableTrigger
        | Rule::BanReplicaIdentity
        | Rule::BanDropPolicy
        | Rule::BanRevoke
        | Rule::BanReplaceViewFunction
        | Rule::BanAlterPolicyCondition
        | Rule::BanAlterPolicyRoles
        | Rule::BanCreatePolicy
        | Rule::BanAlterFunctionOptions
        | Rule::BanAlterViewOptions
        | Rule::BanAlterRoleOptions
        | Rule::BanAlterDatabaseOptions
        | Rule::BanAlterRowLevelSecurity
        | Rule::BanNewWriteRestriction
        | Rule::BanAddEnumValue
        | Rule::BanAddCompositeAttribute
        | Rule::BanAddColumn
        | Rule::BanDetachInheritance
        | Rule::BanAlterSequenceValues
        | Rule::BanAlterSystemOptions
        | Rule::BanAlterExtension => return None,
    };
    Some(Policy {
        category,
        severity,
        safe_way,
    })
}

type Meaning = (Category, Severity, &'static str);

fn blocking(safe_way: &'static str) -> Meaning {
    (Category::Blocking, Severity::Warning, safe_way)
}

fn compatible(safe_way: &'static str) -> Meaning {
    (Category::Compatibility, Severity::Note, safe_way)
}

fn style(safe_way: &'static str) -> Meaning {
    (Category::Style, Severity::Note, safe_way)
}
