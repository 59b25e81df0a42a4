//! What a review says: one finding per danger and object.

use serde::{Deserialize, Serialize};

use crate::model::migration::Direction;

/// How much a finding weighs. Later ones weigh more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; nothing is in danger.
    Note,
    /// It may hurt a database that is in use, or fail on one that holds rows.
    Warning,
    /// Data is gone afterwards.
    Error,
}

/// What kind of danger it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Removes objects or rows together with their data.
    Destructive,
    /// Overwrites or may shorten values that stay.
    DataLoss,
    /// Keeps others from reading or writing while it works.
    Blocking,
    /// Writes a whole table anew under an exclusive lock.
    Rewrite,
    /// Cannot be taken back.
    NonReversible,
    /// Waits for locks without a limit.
    MissingLockTimeout,
    /// Breaks programs that still use the schema as it was.
    Compatibility,
    /// Cannot be judged by its text.
    Opaque,
    /// Likely not what was meant, without danger.
    Style,
}

impl Severity {
    /// The name as it stands in messages and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Category {
    /// The name as it stands in messages and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Destructive => "destructive",
            Self::DataLoss => "data_loss",
            Self::Blocking => "blocking",
            Self::Rewrite => "rewrite",
            Self::NonReversible => "non_reversible",
            Self::MissingLockTimeout => "missing_lock_timeout",
            Self::Compatibility => "compatibility",
            Self::Opaque => "opaque",
            Self::Style => "style",
        }
    }

    /// True when there is no such danger on a table that the same script has made: it has no rows and no readers.
    pub(super) fn needs_rows_or_readers(self) -> bool {
        matches!(self, Self::Blocking | Self::Rewrite | Self::Compatibility)
    }
}

/// One danger in one section of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it, e.g. `drop-column`.
    pub rule: String,
    /// What kind of danger it is.
    pub category: Category,
    /// How much it weighs.
    pub severity: Severity,
    /// The script's revision.
    pub revision: String,
    /// The section.
    pub direction: Direction,
    /// The line of the file, from 1.
    pub line: usize,
    /// The first line of the statement, cut when it is long.
    pub statement: String,
    /// What would happen.
    pub message: String,
    /// What to do instead.
    pub safe_way: String,
    /// What it happens to, as written but with unquoted names in lower case, e.g. `orders.total`. `None` where the
    /// statement does not name it.
    pub object: Option<String>,
    /// Size of the table that it is about, in the live database; 0 when not known.
    #[serde(default)]
    pub table_bytes: u64,
    /// Whether a rehearsal saw it happen, rather than the text saying so.
    #[serde(default)]
    pub rehearsed: bool,
}

impl Finding {
    /// The name by which a caller acknowledges it, e.g. `drop-column:orders.total`, or just the rule where no object is
    /// known. It stays when the script is laid out anew; two findings on the same object share it.
    pub fn name(&self) -> String {
        match &self.object {
            Some(object) => format!("{}:{object}", self.rule),
            None => self.rule.clone(),
        }
    }
}
