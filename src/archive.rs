//! The archive format: plain SQL when decompressed, many independent compressed members inside. Pure work on bytes; nothing
//! here knows a store or a connection.
//!
//! In the order of the file: pre-data SQL, blocks of rows, sequences, post-data SQL. A block is one complete statement
//! `COPY … FROM stdin;` with its rows and `\.`, in one gzip member or zstd frame; only where a single row is larger than a
//! block may be, the block is several members that follow one another. So the file can be written and read by many at
//! once, blocks of many tables may interleave, and `gunzip -c` of the whole is what psql runs.
//!
//! - `statement`: the COPY statements of a table.
//! - `block`: cuts a stream of rows into blocks ([`BlockCutter`]), and takes blocks apart again ([`BlockReader`]).
//! - `codec`: packs a piece into a member ([`Packer`]), and unpacks members.
//! - `sections`: the SQL around the rows.

mod block;
mod codec;
mod sections;
mod statement;

pub use block::{BlockCutter, BlockError, BlockReader, Piece};
pub use codec::{Codec, CodecError, Packer, decoder};
pub use sections::{AFTER_ROWS, BEFORE_ROWS, Sections};
pub use statement::{PageRange, Statements, large_object_page};
