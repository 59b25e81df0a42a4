//! The way of one piece of work's rows: cut into blocks, hashed and packed on a thread for such things, written in order.
//! While one block is packed, the rows of the next come in; no more than that is held.

use std::sync::{Arc, atomic::Ordering};

use tokio::{
    sync::OwnedMutexGuard,
    task::{JoinHandle, spawn_blocking},
};

use super::{archive::ArchiveWriter, rows::Shared};
use crate::{
    archive::{BlockCutter, CodecError, Packer, Piece},
    model::{
        backup::{Block, RowHasher, RowSum},
        failure::{Failure, Kind},
    },
};

pub(super) struct Stream {
    shared: Arc<Shared>,
    table: Option<usize>,
    cutter: BlockCutter,
    /// Lent to the thread that packs.
    worker: Option<Worker>,
    packing: Option<JoinHandle<Result<Packed, CodecError>>>,
    /// A block whose row is larger than a block: nobody else writes until it ends.
    begun: Option<Begun>,
    rows_before: u64,
}

struct Worker {
    packer: Packer,
    hasher: RowHasher,
}

struct Packed {
    worker: Worker,
    member: Vec<u8>,
    plain_bytes: usize,
    ends_block: bool,
}

struct Begun {
    writer: OwnedMutexGuard<ArchiveWriter>,
    offset: u64,
    length: u64,
}

impl Stream {
    /// For a table's rows, or for large objects' pages.
    pub(super) fn new(
        shared: &Arc<Shared>,
        table: Option<usize>,
        statement: Option<&str>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            shared: Arc::clone(shared),
            table,
            cutter: BlockCutter::new(statement, shared.block_bytes),
            worker: Some(Worker {
                packer: Packer::new(shared.codec)?,
                hasher: RowHasher::default(),
            }),
            packing: None,
            begun: None,
            rows_before: 0,
        })
    }

    /// Takes the next bytes of rows.
    pub(super) async fn push(&mut self, rows: &[u8]) -> Result<(), Failure> {
        self.shared
            .bytes
            .fetch_add(rows.len() as u64, Ordering::Relaxed);
        if let Some(piece) = self.cutter.push(rows) {
            self.pack(piece).await?;
        }
        Ok(())
    }

    /// Writes what is left; gives the sum of all rows.
    pub(super) async fn finish(mut self) -> Result<RowSum, Failure> {
        let cutter = std::mem::replace(&mut self.cutter, BlockCutter::new(None, 1));
        if let Some(piece) = cutter.finish() {
            self.pack(piece).await?;
        }
        self.write_packed().await?;
        match &self.worker {
            Some(worker) if !worker.hasher.is_inside_row() => Ok(worker.hasher.sum()),
            _ => Err(Failure::new(
                Kind::Internal,
                "ROW_CUT",
                "the server ended its rows in the middle of one",
            )),
        }
    }

    async fn pack(&mut self, piece: Piece) -> Result<(), Failure> {
        self.write_packed().await?;
        if let Some(mut worker) = self.worker.take() {
            self.packing = Some(spawn_blocking(move || {
                worker.hasher.update(&piece.plain[piece.rows.clone()]);
                let member = worker.packer.pack(&piece.plain)?;
                Ok(Packed {
                    worker,
                    member,
                    plain_bytes: piece.plain.len(),
                    ends_block: piece.ends_block,
                })
            }));
        }
        Ok(())
    }

    /// Waits for the piece that is being packed, and writes it.
    async fn write_packed(&mut self) -> Result<(), Failure> {
        let Some(packing) = self.packing.take() else {
            return Ok(());
        };
        let packed = packing.await.map_err(|error| {
            Failure::new(
                Kind::Internal,
                "COMPRESSION_FAILED",
                format!("the compressing thread ended early: {error}"),
            )
        })??;
        let rows = packed.worker.hasher.sum().rows;
        self.worker = Some(packed.worker);
        let length = packed.member.len() as u64;
        let mut begun = match self.begun.take() {
            Some(begun) => begun,
            None => Begun {
                writer: Arc::clone(&self.shared.writer).lock_owned().await,
                offset: 0,
                length: 0,
            },
        };
        let offset = begun
            .writer
            .append(packed.member, packed.plain_bytes)
            .await?;
        if begun.length == 0 {
            begun.offset = offset;
        }
        begun.length += length;
        if packed.ends_block {
            self.shared.note(Block {
                table: self.table,
                offset: begun.offset,
                length: begun.length,
                rows: rows - self.rows_before,
            });
            self.rows_before = rows;
        } else {
            self.begun = Some(begun);
        }
        Ok(())
    }
}
