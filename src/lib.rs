//! pgsteward: a gRPC control-plane daemon for PostgreSQL.
//!
//! A call goes `main -> app -> rpc -> ops -> { state, postgres, tools, storage } -> model`; `ARCHITECTURE.md` says what
//! each folder holds. The library exists for the binary, the tests and the benchmarks; it promises no stable interface.

pub mod app;
pub mod archive;
pub mod cli;
pub mod config;
pub mod demo;
pub mod json;
pub mod model;
pub mod ops;
pub mod postgres;
pub mod rpc;
pub mod shutdown;
pub mod state;
pub mod storage;
pub mod telemetry;
pub mod tools;

/// The generated messages, clients and servers of `pgsteward.v1`.
pub mod proto {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::pedantic,
        clippy::doc_markdown,
        rustdoc::all
    )]
    tonic::include_proto!("pgsteward.v1");

    /// The encoded `FileDescriptorSet` of all protos, for reflection and for JSON.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
