//! What is sent instead of the archive: read part by part, decrypted and unpacked by a thread of [`OpenArchive`]'s, and
//! packed again where that is asked for. Nothing runs ahead of the receiver by more than a few MiB; dropped, it ends the
//! threads and closes the file.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{CHUNK_BYTES, damaged, packing::Packing, plan::Recipe};
use crate::{
    archive::Packer,
    model::{backup::Manifest, failure::Failure},
    ops::{
        backup::open::{OpenArchive, Part},
        daemon::Daemon,
    },
    storage::Store,
};

/// The bytes of a download that is made anew.
pub struct Anew {
    source: Source,
    packing: Option<Packing>,
    /// What is left of bytes that are more than a chunk.
    rest: Bytes,
}

impl Anew {
    pub(super) async fn open(
        daemon: &Daemon,
        store: &Store,
        manifest: &Manifest,
        recipe: Recipe,
    ) -> Result<Self, Failure> {
        let archive = OpenArchive::open(daemon, store, manifest).await?;
        // One that was cut between two members would unpack without an error.
        let name = &manifest.filename;
        if archive.stored_bytes() != manifest.size_bytes {
            return Err(damaged(name, "it has another size than its manifest says"));
        }
        let is_packed = recipe.keeps_packing;
        let mut steps = VecDeque::new();
        match recipe.rows {
            None => steps.push_back(Step::Archive {
                part: None,
                is_packed,
            }),
            Some(rows) => {
                let mut settings = rows.settings.into_bytes();
                if let (true, Some(codec)) = (is_packed, recipe.codec) {
                    settings = Packer::new(codec)?.pack(&settings)?;
                }
                steps.push_back(Step::Bytes(settings.into()));
                steps.extend(rows.ranges.into_iter().map(|range| Step::Archive {
                    part: Some(range),
                    is_packed,
                }));
            }
        }
        Ok(Self {
            source: Source {
                state: State::Between(archive),
                steps,
            },
            packing: recipe.codec.filter(|_| !is_packed).map(Packing::new),
            rest: Bytes::new(),
        })
    }

    /// The next bytes, at most a chunk; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.rest.is_empty() {
            let next = match &mut self.packing {
                None => self.source.next().await?,
                Some(packing) => packing.next(&mut self.source).await?,
            };
            let Some(bytes) = next else {
                return Ok(None);
            };
            self.rest = bytes;
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        Ok(Some(self.rest.split_to(length)))
    }
}

/// What comes next.
enum Step {
    /// These bytes.
    Bytes(Bytes),
    /// A part of the archive, or all of it, packed or unpacked.
    Archive {
        part: Option<(u64, u64)>,
        is_packed: bool,
    },
}

enum State {
    Between(OpenArchive),
    Reading(Part),
    /// It failed, or is being changed.
    Gone,
}

/// The bytes that are sent or packed, step by step.
pub(super) struct Source {
    state: State,
    steps: VecDeque<Step>,
}

impl Source {
    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match std::mem::replace(&mut self.state, State::Gone) {
                State::Reading(mut part) => {
                    if let Some(bytes) = part.next().await {
                        self.state = State::Reading(part);
                        return Ok(Some(bytes));
                    }
                    self.state = State::Between(part.finish().await?);
                }
                State::Between(archive) => match self.steps.pop_front() {
                    None => return Ok(None),
                    Some(Step::Bytes(bytes)) => {
                        self.state = State::Between(archive);
                        return Ok(Some(bytes));
                    }
                    Some(Step::Archive { part, is_packed }) => {
                        self.state = State::Reading(match (part, is_packed) {
                            (Some(range), true) => archive.packed_part(range),
                            (Some(range), false) => archive.part(range),
                            (None, true) => archive.packed_whole(),
                            (None, false) => archive.whole(),
                        });
                    }
                },
                State::Gone => return Ok(None),
            }
        }
    }
}
