//! The header of a script: its `-- key: value` lines.

use chrono::{DateTime, Utc};

use super::{
    identifier::{IdentifierError, check_label, check_revision},
    script::ScriptProblem,
    sections::Problem,
};

/// What stands in the place of parents when there are none.
pub(super) const NO_PARENT: &str = "base";

/// The values of the header.
pub(super) struct Header {
    pub(super) revision: (usize, String),
    pub(super) down_revisions: Vec<String>,
    pub(super) branch_labels: Vec<String>,
    pub(super) depends_on: Vec<String>,
    pub(super) message: String,
    pub(super) created: DateTime<Utc>,
    pub(super) transactional: bool,
}

/// The header's keys in the order in which they are written.
const KEYS: [&str; 7] = [
    "revision",
    "down_revision",
    "branch_label",
    "depends_on",
    "message",
    "created",
    "transactional",
];

impl Header {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut values: [Option<(usize, &str)>; KEYS.len()] = [None; KEYS.len()];
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if line.trim().is_empty() {
                continue;
            }
            let (key, value) = line
                .strip_prefix("--")
                .and_then(|comment| comment.split_once(':'))
                .map(|(key, value)| (key.trim(), value.trim()))
                .ok_or((number, ScriptProblem::NotAHeader))?;
            let Some(known) = KEYS.iter().position(|known| *known == key) else {
                return Err((number, ScriptProblem::UnknownKey(key.to_owned())));
            };
            if values[known].replace((number, value)).is_some() {
                return Err((number, ScriptProblem::DuplicateKey(KEYS[known])));
            }
        }
        // A missing key is reported at the end of the header, where it could still be written.
        let end = text.lines().count().max(1);
        let [
            revision,
            down_revision,
            branch_label,
            depends_on,
            message,
            created,
            transactional,
        ] = values;
        let (revision_line, revision) =
            revision.ok_or((end, ScriptProblem::MissingKey("revision")))?;
        check_revision(revision).map_err(|error| {
            (
                revision_line,
                ScriptProblem::Identifier {
                    key: "revision",
                    error,
                },
            )
        })?;
        let down_revision =
            down_revision.ok_or((end, ScriptProblem::MissingKey("down_revision")))?;
        let down_revisions = if down_revision.1 == NO_PARENT {
            Vec::new()
        } else {
            names("down_revision", down_revision, check_revision)?
        };
        let (_, message) = message.ok_or((end, ScriptProblem::MissingKey("message")))?;
        let (created_line, created) = created.ok_or((end, ScriptProblem::MissingKey("created")))?;
        let created = DateTime::parse_from_rfc3339(created)
            .map_err(|_| (created_line, ScriptProblem::Time(created.to_owned())))?;
        let transactional = match transactional {
            None | Some((_, "true")) => true,
            Some((_, "false")) => false,
            Some((line, other)) => return Err((line, ScriptProblem::Bool(other.to_owned()))),
        };
        Ok(Self {
            revision: (revision_line, revision.to_owned()),
            down_revisions,
            branch_labels: optional_names("branch_label", branch_label, check_label)?,
            // A dependency may be named by its branch's label.
            depends_on: optional_names("depends_on", depends_on, check_label)?,
            message: message.to_owned(),
            created: created.to_utc(),
            transactional,
        })
    }
}

/// A rule for names.
pub(super) type Check = fn(&str) -> Result<(), IdentifierError>;

fn optional_names(
    key: &'static str,
    value: Option<(usize, &str)>,
    check: Check,
) -> Result<Vec<String>, Problem> {
    value.map_or(Ok(Vec::new()), |value| names(key, value, check))
}

/// Reads a comma-separated list of names.
fn names(
    key: &'static str,
    (line, value): (usize, &str),
    check: Check,
) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = Vec::new();
    for name in value.split(',').map(str::trim) {
        check(name).map_err(|error| (line, ScriptProblem::Identifier { key, error }))?;
        if names.iter().any(|known| known == name) {
            let name = name.to_owned();
            return Err((line, ScriptProblem::DuplicateName { key, name }));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}
