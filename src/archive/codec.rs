//! Compression: a piece of plain bytes becomes one gzip member or one zstd frame, each with a checksum of its own.
//!
//! Members are packed whole, by libdeflate or libzstd, the fastest sound encoders that there are; what is read is decoded
//! as a stream, so that a member of any size takes some hundred KiB.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use libdeflater::{CompressionLvl, Compressor};

use crate::model::backup::ArchiveFormat;

/// How members are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// gzip members, at a level of 1 to 12.
    Gzip {
        /// 1 is fast, 12 is small; 6 is about what gzip's own 6 gives.
        level: u32,
    },
    /// zstd frames with a checksum, at a level of 1 to 19.
    Zstd {
        /// 1 is fast, 19 is small.
        level: u32,
    },
}

impl Codec {
    /// The format of an archive that is packed so.
    pub fn format(self) -> ArchiveFormat {
        match self {
            Self::Gzip { .. } => ArchiveFormat::Gzip,
            Self::Zstd { .. } => ArchiveFormat::Zstd,
        }
    }
}

/// A piece that could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The level is none, or memory ran out.
    #[error("cannot compress: {0}")]
    Compress(String),
}

/// Packs pieces. It keeps its working memory, so each thread that packs has one.
pub struct Packer(Kind);

enum Kind {
    Gzip(Compressor),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Packer {
    /// A packer for the codec.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        match codec {
            Codec::Gzip { level } => {
                let level = i32::try_from(level)
                    .ok()
                    .and_then(|level| CompressionLvl::new(level).ok())
                    .ok_or_else(|| CodecError::Compress(format!("gzip has no level {level}")))?;
                Ok(Self(Kind::Gzip(Compressor::new(level))))
            }
            Codec::Zstd { level } => {
                let failed = |error: io::Error| CodecError::Compress(error.to_string());
                let mut compressor =
                    zstd::bulk::Compressor::new(i32::try_from(level).unwrap_or(i32::MAX))
                        .map_err(failed)?;
                // A frame without it decodes flipped bits silently (lessons B2).
                compressor.include_checksum(true).map_err(failed)?;
                Ok(Self(Kind::Zstd(Box::new(compressor))))
            }
        }
    }

    /// The member that decompresses to `plain`.
    pub fn pack(&mut self, plain: &[u8]) -> Result<Vec<u8>, CodecError> {
        match &mut self.0 {
            Kind::Gzip(compressor) => {
                let mut member = vec![0; compressor.gzip_compress_bound(plain.len())];
                let size = compressor
                    .gzip_compress(plain, &mut member)
                    .map_err(|error| CodecError::Compress(error.to_string()))?;
                member.truncate(size);
                // Much less than the bound, and it waits for its turn to be written.
                member.shrink_to_fit();
                Ok(member)
            }
            Kind::Zstd(compressor) => {
                let mut frame = compressor
                    .compress(plain)
                    .map_err(|error| CodecError::Compress(error.to_string()))?;
                frame.shrink_to_fit();
                Ok(frame)
            }
        }
    }
}

/// The plain bytes of an archive, or of a part that holds whole members: all of them after one another, to the end.
pub fn decoder<'a>(
    format: ArchiveFormat,
    packed: impl BufRead + Send + 'a,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match format {
        ArchiveFormat::Gzip => Box::new(MultiGzDecoder::new(packed)),
        ArchiveFormat::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
        ArchiveFormat::Sql | ArchiveFormat::Custom => Box::new(packed),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn unpacked(format: ArchiveFormat, packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        decoder(format, packed)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    fn codecs() -> impl Strategy<Value = Codec> {
        prop_oneof![
            (1_u32..=12).prop_map(|level| Codec::Gzip { level }),
            (1_u32..=5).prop_map(|level| Codec::Zstd { level }),
        ]
    }

    #[test]
    fn levels_that_do_not_exist_are_refused() {
        assert!(Packer::new(Codec::Gzip { level: 13 }).is_err());
    }

    proptest! {
        #[test]
        fn members_after_one_another_unpack_to_their_pieces_after_one_another(
            codec in codecs(),
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
        ) {
            let mut packer = Packer::new(codec).unwrap();
            let packed: Vec<u8> = pieces.iter().flat_map(|piece| packer.pack(piece).unwrap()).collect();
            prop_assert_eq!(unpacked(codec.format(), &packed).unwrap(), pieces.concat());
        }

        #[test]
        fn a_flipped_bit_or_a_cut_is_never_taken_for_the_piece(
            codec in codecs(),
            piece in prop::collection::vec(any::<u8>(), 1..300),
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let packed = Packer::new(codec).unwrap().pack(&piece).unwrap();
            let at = place.index(packed.len());
            let mut flipped = packed.clone();
            flipped[at] ^= 1 << bit;
            // A bit of a header that decides nothing may be another; what comes out then is still right.
            if let Ok(plain) = unpacked(codec.format(), &flipped) {
                prop_assert_eq!(plain, piece.clone());
            }
            if at > 0 {
                prop_assert!(unpacked(codec.format(), &packed[..at]).is_err());
            }
        }
    }
}
