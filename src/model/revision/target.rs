//! Targets: what a caller writes to say where to, and which revisions that means.
//!
//! A target is `[<branch>@][<place>][+N | -N]`; the place is `head`, `heads`, `base`, an id, the unique beginning of an
//! id, or a label. Without a place, the steps count from what the database has. A branch is everything above and below
//! the revision that its name stands for, dependencies not followed.

use thiserror::Error;

use crate::model::failure::{Classified, FieldViolation, Kind};

/// Shorter ids are never found by their beginning.
pub(super) const SHORTEST_PREFIX_MATCH: usize = 4;

/// Why a target means nothing, or nothing that can be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// The text is not of a target's form.
    #[error("`{target}` is not a target")]
    Malformed {
        /// The text.
        target: String,
    },
    /// No id begins like this, and no label.
    #[error("no revision and no branch is called `{name}`")]
    NotFound {
        /// The id, beginning or label.
        name: String,
        /// The heads of the scripts.
        heads: Vec<String>,
    },
    /// Several ids or labels begin like this.
    #[error("`{prefix}` is the beginning of several names: {}", candidates.join(", "))]
    AmbiguousPrefix {
        /// The beginning.
        prefix: String,
        /// All that begin with it, sorted.
        candidates: Vec<String>,
    },
    /// The revision exists, elsewhere than on the branch.
    #[error("revision {revision} is not on branch `{branch}`")]
    NotOnBranch {
        /// The revision.
        revision: String,
        /// The branch as it was written.
        branch: String,
    },
    /// One head is meant and there are several.
    #[error("`{target}` means one revision, and there are several: {}", heads.join(", "))]
    MultipleHeads {
        /// The target.
        target: String,
        /// All that it may mean, sorted.
        heads: Vec<String>,
    },
    /// Steps are counted from the database's revision and it has several.
    #[error("`{target}` counts from one revision, and the database has several: {}", candidates.join(", "))]
    MultipleCurrent {
        /// The target.
        target: String,
        /// The revisions from which it could count, sorted.
        candidates: Vec<String>,
    },
    /// The walk comes to a fork, or downwards to a merge.
    #[error("`{target}` is not clear: after {after} it may go on to {}", candidates.join(", "))]
    AmbiguousWalk {
        /// The target.
        target: String,
        /// Where the ways part: an id or `base`.
        after: String,
        /// The ways, sorted.
        candidates: Vec<String>,
    },
    /// The walk ends before all steps are gone.
    #[error("`{target}` goes further than the revisions do: {after} is the last")]
    OutOfRange {
        /// The target.
        target: String,
        /// Where the walk ended: an id or `base`.
        after: String,
    },
    /// A downgrade to what is not below the database's revisions.
    #[error("`{target}` is not below what the database has ({})", list(current))]
    NotBelowCurrent {
        /// The target.
        target: String,
        /// The rows of the version table, sorted.
        current: Vec<String>,
    },
    /// A stamp to a place that is counted from another one.
    #[error("`{target}` counts steps, and a stamp names revisions")]
    RelativeStamp {
        /// The target.
        target: String,
    },
    /// The targets of a stamp do not go together.
    #[error("revision {revision} cannot be stamped beside the other targets")]
    OverlappingTargets {
        /// The revision that is in the way of another target, or the other way round.
        revision: String,
    },
    /// The version table names revisions that no script has.
    #[error("the database is at revisions that no script has: {}", revisions.join(", "))]
    UnknownDatabaseRevisions {
        /// Those revisions, sorted.
        revisions: Vec<String>,
    },
}

pub(super) fn list(revisions: &[String]) -> String {
    if revisions.is_empty() {
        "base".to_owned()
    } else {
        revisions.join(", ")
    }
}

impl Classified for TargetError {
    fn kind(&self) -> Kind {
        match self {
            Self::Malformed { .. }
            | Self::AmbiguousPrefix { .. }
            | Self::NotOnBranch { .. }
            | Self::AmbiguousWalk { .. }
            | Self::RelativeStamp { .. }
            | Self::OverlappingTargets { .. } => Kind::InvalidArgument,
            Self::NotFound { .. } => Kind::NotFound,
            Self::OutOfRange { .. } => Kind::OutOfRange,
            Self::MultipleHeads { .. }
            | Self::MultipleCurrent { .. }
            | Self::NotBelowCurrent { .. }
            | Self::UnknownDatabaseRevisions { .. } => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::RelativeStamp { .. } => "INVALID_TARGET",
            Self::NotFound { .. } => "REVISION_NOT_FOUND",
            Self::AmbiguousPrefix { .. } => "AMBIGUOUS_REVISION",
            Self::NotOnBranch { .. } => "REVISION_NOT_ON_BRANCH",
            Self::MultipleHeads { .. } => "MULTIPLE_HEADS",
            Self::MultipleCurrent { .. } => "MULTIPLE_DATABASE_HEADS",
            Self::AmbiguousWalk { .. } => "AMBIGUOUS_TARGET",
            Self::OutOfRange { .. } => "TARGET_OUT_OF_RANGE",
            Self::NotBelowCurrent { .. } => "TARGET_NOT_BELOW_CURRENT",
            Self::OverlappingTargets { .. } => "OVERLAPPING_TARGETS",
            Self::UnknownDatabaseRevisions { .. } => "UNKNOWN_DATABASE_REVISION",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => Some(
                "write head, heads, base, an id, +N, -N, <id>+N, <branch>@head, <branch>@+N or <branch>@base"
                    .to_owned(),
            ),
            Self::NotFound { name, heads } => Some(if name.chars().count() < SHORTEST_PREFIX_MATCH {
                "give at least four characters of an id".to_owned()
            } else {
                format!("the heads are: {}", list(heads))
            }),
            Self::AmbiguousPrefix { .. } => Some("write more of the id".to_owned()),
            Self::MultipleHeads { .. } => Some(
                "name one of them, <branch>@head, or heads for all; or join them by a merge revision"
                    .to_owned(),
            ),
            Self::MultipleCurrent { .. } | Self::AmbiguousWalk { .. } => {
                Some("name the revision to go to, or the branch as in <branch>@-1".to_owned())
            }
            Self::RelativeStamp { .. } => Some(
                "write head, heads, base, an id, <branch>@head or <branch>@base".to_owned(),
            ),
            Self::OverlappingTargets { .. } => Some(
                "name only the highest revision of each branch; to give up what the version table has, purge it with the stamp"
                    .to_owned(),
            ),
            Self::UnknownDatabaseRevisions { .. } => Some(
                "the scripts may be older than the database; bring the revisions directory up to date"
                    .to_owned(),
            ),
            Self::NotOnBranch { .. } | Self::OutOfRange { .. } | Self::NotBelowCurrent { .. } => None,
        }
    }

    fn fields(&self) -> Vec<FieldViolation> {
        if self.kind() != Kind::InvalidArgument {
            return Vec::new();
        }
        vec![FieldViolation {
            field: "target".to_owned(),
            description: self.to_string(),
        }]
    }
}

/// A target's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) text: &'a str,
    pub(super) branch: Option<&'a str>,
    pub(super) symbol: Option<Symbol<'a>>,
    /// Steps up, or down when negative.
    pub(super) steps: Option<isize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol<'a> {
    Head,
    Heads,
    Base,
    Name(&'a str),
}

impl<'a> Target<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed {
            target: text.to_owned(),
        };
        let (branch, rest) = match text.split_once('@') {
            Some((branch, rest)) if !branch.is_empty() => (Some(branch), rest),
            Some(_) => return Err(malformed()),
            None => (None, text),
        };
        let (name, steps) = split_steps(rest);
        let symbol = match name {
            "" => None,
            "head" => Some(Symbol::Head),
            "heads" => Some(Symbol::Heads),
            "base" => Some(Symbol::Base),
            name if name.contains(['@', '+', ':']) || name.contains(char::is_whitespace) => {
                return Err(malformed());
            }
            name => Some(Symbol::Name(name)),
        };
        if symbol.is_none() && steps.is_none() {
            return Err(malformed());
        }
        Ok(Self {
            text,
            branch,
            symbol,
            steps,
        })
    }
}

/// Splits `+N` or `-N` off the end. A dash without digits after it belongs to a label. More steps than a number holds
/// are more than any graph has.
fn split_steps(text: &str) -> (&str, Option<isize>) {
    let name = text.trim_end_matches(|character: char| character.is_ascii_digit());
    let digits = &text[name.len()..];
    let count = digits.parse().unwrap_or(isize::MAX);
    match (name.strip_suffix('+'), name.strip_suffix('-')) {
        (Some(name), _) if !digits.is_empty() => (name, Some(count)),
        (_, Some(name)) if !digits.is_empty() => (name, Some(-count)),
        _ => (text, None),
    }
}
