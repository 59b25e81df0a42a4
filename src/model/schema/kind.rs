//! The kinds of object that make up a schema, named as PostgreSQL names them in its statements.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Declares the enum, its names and the list of all kinds at one place.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A kind of object, in the order in which differences are listed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ObjectKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl ObjectKind {
            /// All kinds, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in lower case, e.g. `materialized view`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A schema: its owner and privileges.
    Schema = "schema",
    /// An extension. What belongs to it is not listed.
    Extension = "extension",
    /// A procedural language.
    Language = "language",
    /// A collation.
    Collation = "collation",
    /// An enumerated type.
    Enum = "enum",
    /// A domain. Its constraints are objects of their own.
    Domain = "domain",
    /// A composite type that was created as such.
    CompositeType = "composite type",
    /// A range type, with its multirange type.
    Range = "range",
    /// A base type, or a shell of one.
    BaseType = "base type",
    /// A function, procedure, aggregate or window function.
    Function = "function",
    /// A sequence, also one that serves an identity column.
    Sequence = "sequence",
    /// A table, also a partitioned one or a partition.
    Table = "table",
    /// A foreign table.
    ForeignTable = "foreign table",
    /// A view.
    View = "view",
    /// A materialized view.
    MaterializedView = "materialized view",
    /// A column of a table or view.
    Column = "column",
    /// A constraint of a table or domain, with the index that serves it.
    Constraint = "constraint",
    /// An index that serves no constraint.
    Index = "index",
    /// An extended statistics object.
    Statistics = "statistics object",
    /// A trigger.
    Trigger = "trigger",
    /// A rewrite rule, save those that make views.
    Rule = "rule",
    /// A row security policy.
    Policy = "policy",
    /// An event trigger.
    EventTrigger = "event trigger",
    /// A cast.
    Cast = "cast",
    /// An operator.
    Operator = "operator",
    /// An operator class.
    OperatorClass = "operator class",
    /// An operator family; a built-in one where members were added to it.
    OperatorFamily = "operator family",
    /// A conversion between encodings.
    Conversion = "conversion",
    /// A transform of a type for a language.
    Transform = "transform",
    /// An access method.
    AccessMethod = "access method",
    /// A text search configuration.
    TextSearchConfiguration = "text search configuration",
    /// A text search dictionary.
    TextSearchDictionary = "text search dictionary",
    /// A text search parser.
    TextSearchParser = "text search parser",
    /// A text search template.
    TextSearchTemplate = "text search template",
    /// A foreign-data wrapper.
    ForeignDataWrapper = "foreign-data wrapper",
    /// A foreign server.
    ForeignServer = "foreign server",
    /// A user mapping: only that it exists, since its options hold passwords.
    UserMapping = "user mapping",
    /// A publication.
    Publication = "publication",
    /// A subscription of this database.
    Subscription = "subscription",
    /// Default privileges.
    DefaultPrivileges = "default privileges",
    /// Something that this version of pgsteward has no name for: its existence is all that can be compared.
    Unknown = "unknown object",
}

/// A text that names no kind of object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of object")]
pub struct UnknownKind(pub String);

impl FromStr for ObjectKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let mut kinds = Self::ALL.iter().copied();
        kinds
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl ObjectKind {
    /// The name of several such objects, e.g. `policies`.
    pub fn plural(self) -> String {
        let name = self.name();
        match name.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None if name.ends_with('x') => format!("{name}es"),
            None if name.ends_with('s') => name.to_owned(),
            None => format!("{name}s"),
        }
    }

    /// Whether other objects can hang on such an object, and go when it goes.
    pub fn carries_others(self) -> bool {
        matches!(
            self,
            Self::Table
                | Self::ForeignTable
                | Self::View
                | Self::MaterializedView
                | Self::Domain
                | Self::CompositeType
        )
    }
}
