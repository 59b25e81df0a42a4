//! Plain values and pure rules. Nothing here does input or output, and nothing here knows gRPC or PostgreSQL's protocol.

pub mod failure;
