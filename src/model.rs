//! Plain values and pure rules. Nothing here does input or output, and nothing here knows gRPC or PostgreSQL's protocol.

pub mod alert;
pub mod audit;
pub mod autogenerate;
pub mod backup;
pub mod drift;
pub mod drill;
pub mod failure;
pub mod health;
pub mod labels;
pub mod maintenance;
pub mod method;
pub mod migration;
pub mod operation;
pub mod page;
pub mod rehearsal;
pub mod restore;
pub mod retention;
pub mod review;
pub mod revision;
pub mod schedule;
pub mod schema;
pub mod schema_dump;
pub mod table_name;
