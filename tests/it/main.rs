//! The integration suite: one binary, a file per service or part, each against a real PostgreSQL.

mod embedded;
