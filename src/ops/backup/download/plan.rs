//! What a download is to be: the archive as it is, or something made of it. Decided from the request and the manifest alone.

use crate::{
    archive::{BEFORE_ROWS, Codec},
    model::{
        backup::{ArchiveFormat, Block, Contents, Manifest},
        failure::{Failure, Kind},
        table_name::TableName,
    },
    ops::{
        backup::{download::DownloadRequest, open},
        daemon::Daemon,
    },
};

/// Fast and small enough for what is packed once and sent.
const GZIP_LEVEL: u32 = 6;
/// The same of zstd.
const ZSTD_LEVEL: u32 = 3;

/// What is sent.
#[derive(Debug)]
pub(super) enum Plan {
    /// The archive as it lies in the store.
    AsItIs,
    /// Something made of it.
    Anew(Recipe),
}

/// How it is made.
#[derive(Debug)]
pub(super) struct Recipe {
    /// What it is called.
    pub(super) filename: String,
    /// What it is packed with; nothing where it is plain.
    pub(super) codec: Option<Codec>,
    /// Whether packed bytes are sent as they lie in the archive; where not, they are unpacked, and packed by the codec.
    pub(super) keeps_packing: bool,
    /// What of the archive is sent; everything where it is none.
    pub(super) rows: Option<Rows>,
}

/// The rows of some tables.
#[derive(Debug)]
pub(super) struct Rows {
    /// The statements that come before them.
    pub(super) settings: String,
    /// Where they lie, in the order in which they are sent.
    pub(super) ranges: Vec<(u64, u64)>,
}

/// Decides.
pub(super) fn plan(
    daemon: &Daemon,
    request: &DownloadRequest,
    manifest: &Manifest,
) -> Result<Plan, Failure> {
    let asks = request.decrypt || !request.compression.is_empty() || !request.tables.is_empty();
    if asks && request.offset > 0 {
        return Err(Failure::invalid_field(
            "offset",
            "must be 0 where the archive is decrypted, compressed otherwise, or sent in part",
        ));
    }
    let name = &manifest.filename;
    let format = wanted_format(&request.compression, name.format())?;
    let keeps_packing = format == name.format();
    if keeps_packing && request.tables.is_empty() && !(request.decrypt && name.is_encrypted()) {
        return Ok(Plan::AsItIs);
    }
    if name.format() == ArchiveFormat::Custom && !keeps_packing {
        return Err(Failure::invalid_field(
            "compression",
            format!("{name} is in pg_dump's own format, which compresses inside"),
        ));
    }
    if name.is_encrypted() && !request.decrypt {
        return Err(Failure::invalid_field(
            "decrypt",
            format!("must be true: {name} is encrypted, and cannot be changed unless decrypted"),
        ));
    }
    let rows = if request.tables.is_empty() {
        None
    } else {
        let contents = open::contents(daemon, manifest)?.ok_or_else(|| {
            Failure::new(
                Kind::FailedPrecondition,
                "CONTENTS_UNKNOWN",
                format!("{name} was not made by pgsteward: where its tables lie is not known"),
            )
            .with_hint("download all of it")
        })?;
        Some(rows(&contents, &request.tables, manifest)?)
    };
    Ok(Plan::Anew(Recipe {
        filename: name.repacked(format),
        codec: codec(format),
        keeps_packing,
        rows,
    }))
}

fn wanted_format(compression: &str, format: ArchiveFormat) -> Result<ArchiveFormat, Failure> {
    if compression.is_empty() || compression == format.compression() {
        return Ok(format);
    }
    match compression {
        "gzip" => Ok(ArchiveFormat::Gzip),
        "zstd" => Ok(ArchiveFormat::Zstd),
        "none" => Ok(ArchiveFormat::Sql),
        _ => Err(Failure::invalid_field(
            "compression",
            "must be `gzip`, `zstd`, `none` or empty",
        )),
    }
}

fn codec(format: ArchiveFormat) -> Option<Codec> {
    match format {
        ArchiveFormat::Gzip => Some(Codec::Gzip { level: GZIP_LEVEL }),
        ArchiveFormat::Zstd => Some(Codec::Zstd { level: ZSTD_LEVEL }),
        ArchiveFormat::Sql | ArchiveFormat::Custom => None,
    }
}

/// Where the rows of these tables lie, in the order of the request: so whoever asks decides which rows are there before
/// those that refer to them.
fn rows(contents: &Contents, names: &[String], manifest: &Manifest) -> Result<Rows, Failure> {
    let mut chosen: Vec<usize> = Vec::new();
    for text in names {
        let name = TableName::parse(text).ok_or_else(|| {
            let expected = format!("{text:?} is not schema.table as SQL writes it");
            Failure::invalid_field("tables", expected)
        })?;
        let mut tables = contents.tables.iter();
        let place = tables
            .position(|table| table.schema == name.schema && table.table == name.table)
            .ok_or_else(|| {
                Failure::new(
                    Kind::NotFound,
                    "TABLE_NOT_FOUND",
                    format!("{} has no rows of a table {name}", manifest.filename),
                )
                .with_hint(
                    "GetBackup names its tables; rows of a partitioned table are its partitions'",
                )
            })?;
        if !chosen.contains(&place) {
            chosen.push(place);
        }
    }
    let mut ranges = Vec::new();
    for table in chosen {
        let mut blocks: Vec<&Block> = contents
            .blocks
            .iter()
            .filter(|block| block.table == Some(table))
            .collect();
        blocks.sort_by_key(|block| block.offset);
        for block in blocks {
            extend(&mut ranges, (block.offset, block.length));
        }
    }
    let encoding = &contents.database.encoding;
    Ok(Rows {
        settings: format!(
            "SET client_encoding = '{}';\nSET standard_conforming_strings = on;\n{BEFORE_ROWS}",
            encoding.replace('\'', "''")
        ),
        ranges,
    })
}

/// Adds a range; one that lies right behind the last is read with it.
fn extend(ranges: &mut Vec<(u64, u64)>, (offset, length): (u64, u64)) {
    match ranges.last_mut() {
        Some(last) if last.0 + last.1 == offset => last.1 += length,
        _ => ranges.push((offset, length)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ranges_that_lie_side_by_side_are_one() {
        let mut ranges = Vec::new();
        for range in [(0, 5), (5, 2), (9, 1), (10, 4)] {
            extend(&mut ranges, range);
        }
        assert_eq!(ranges, [(0, 7), (9, 5)]);
    }

    #[test]
    fn a_compression_is_one_that_there_is() {
        let gzip = ArchiveFormat::Gzip;
        assert_eq!(wanted_format("", gzip).unwrap(), gzip);
        assert_eq!(wanted_format("none", gzip).unwrap(), ArchiveFormat::Sql);
        let custom = ArchiveFormat::Custom;
        assert_eq!(wanted_format("none", custom).unwrap(), custom);
        assert_eq!(
            wanted_format("lz4", gzip).unwrap_err().fields[0].field,
            "compression"
        );
    }
}
