//! Revisions: from the texts of a migrations directory to the exact steps of an upgrade or a downgrade.
//!
//! A file's text becomes a [`Script`]; all scripts of a directory become a [`Graph`]; the graph turns a target such as
//! `head` or `billing@-1`, and the rows of the version table, into [`Step`]s; a section of a script is cut into
//! [`Statement`]s. Whoever runs them lives elsewhere: nothing here reads a file or talks to a database.
//!
//! Words and meanings are Alembic's, so that both tools can work on one database. Its documentation is at
//! <https://alembic.sqlalchemy.org/en/latest/branches.html>; where we differ, the item says so.

mod build;
mod checksum;
mod graph;
mod header;
mod identifier;
mod order;
mod outside;
mod plan;
mod resolve;
mod script;
mod sections;
mod server_wide;
mod stamp;
mod statements;
mod target;
pub(in crate::model) mod tokens;

#[cfg(test)]
mod samples;

pub use build::GraphError;
pub use graph::Graph;
pub use identifier::{IdentifierError, fresh_revision, slug};
pub use outside::Outside;
pub use plan::Step;
pub use script::{Draft, Script, ScriptError, ScriptProblem};
pub use statements::{Class, Statement, StatementError, StatementProblem, check_class, statements};
pub use target::TargetError;
