//! Packing on the way: the bytes are cut into pieces of a MiB, and some of these are packed at once, each into a member of
//! its own.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::anew::Source;
use crate::{
    archive::{Codec, CodecError, Packer},
    model::failure::{Failure, Kind},
};

/// Plain bytes of a member.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces that are packed at once.
const AT_ONCE: usize = 3;

/// A member, and the packer for the next.
type Packed = Result<(Packer, Vec<u8>), CodecError>;

pub(super) struct Packing {
    codec: Codec,
    /// The pieces that are being packed, in order.
    pieces: VecDeque<JoinHandle<Packed>>,
    idle: Vec<Packer>,
    has_begun: bool,
    has_ended: bool,
}

impl Packing {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            pieces: VecDeque::with_capacity(AT_ONCE),
            idle: Vec::new(),
            has_begun: false,
            has_ended: false,
        }
    }

    /// The next member; none at the end.
    pub(super) async fn next(&mut self, source: &mut Source) -> Result<Option<Bytes>, Failure> {
        while self.pieces.len() < AT_ONCE && !self.has_ended {
            let piece = self.piece(source).await?;
            // What is empty as a whole is a member of nothing.
            if piece.is_empty() && self.has_begun {
                break;
            }
            self.has_begun = true;
            let mut packer = match self.idle.pop() {
                Some(packer) => packer,
                None => Packer::new(self.codec)?,
            };
            self.pieces.push_back(spawn_blocking(move || {
                let member = packer.pack(&piece)?;
                Ok((packer, member))
            }));
        }
        let Some(piece) = self.pieces.pop_front() else {
            return Ok(None);
        };
        let (packer, member) = piece.await.map_err(|error| {
            Failure::new(
                Kind::Internal,
                "COMPRESSION_FAILED",
                format!("the compressing thread ended early: {error}"),
            )
        })??;
        self.idle.push(packer);
        Ok(Some(member.into()))
    }

    async fn piece(&mut self, source: &mut Source) -> Result<Vec<u8>, Failure> {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while piece.len() < PIECE_BYTES {
            let Some(bytes) = source.next().await? else {
                self.has_ended = true;
                break;
            };
            piece.extend_from_slice(&bytes);
        }
        Ok(piece)
    }
}
