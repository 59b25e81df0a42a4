//! Blocks: a stream of rows, cut into complete COPY statements, and taken apart again.

use memchr::memrchr;

/// What ends the rows of a COPY statement, with the empty line that pg_dump leaves behind it.
const END: &[u8] = b"\\.\n\n";

/// Plain bytes that become one member.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// All of it, statement and end included.
    pub plain: Vec<u8>,
    /// Where in `plain` the rows are.
    pub rows: std::ops::Range<usize>,
    /// Whether the block ends with it. Where not, the next piece goes on inside a row, and must lie right behind.
    pub ends_block: bool,
}

/// Cuts rows into blocks. It holds at most a block and what is pushed at once, whatever the size of a row.
#[derive(Debug)]
pub struct BlockCutter {
    header: Vec<u8>,
    limit: usize,
    buffer: Vec<u8>,
    /// Where the rows begin in the buffer; 0 inside a block that goes on.
    rows_start: usize,
}

impl BlockCutter {
    /// Blocks of about `limit` bytes, each headed by the statement; `statement` has no semicolon. Without a statement a
    /// block is its rows alone, each a statement of its own.
    pub fn new(statement: Option<&str>, limit: usize) -> Self {
        let header = statement.map_or_else(Vec::new, |text| format!("{text};\n").into_bytes());
        let mut cutter = Self {
            header,
            limit,
            buffer: Vec::new(),
            rows_start: 0,
        };
        cutter.begin(&[]);
        cutter
    }

    /// Begins a new block that has these bytes of rows already.
    fn begin(&mut self, rows: &[u8]) {
        let mut buffer = Vec::with_capacity(self.limit + self.limit / 4);
        buffer.extend_from_slice(&self.header);
        buffer.extend_from_slice(rows);
        self.buffer = buffer;
        self.rows_start = self.header.len();
    }

    /// Takes the next bytes of rows, cut anywhere; gives a piece when there is enough for one.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Piece> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < self.limit {
            return None;
        }
        if let Some(end) = memrchr(b'\n', &self.buffer[self.rows_start..]) {
            let rest = self.buffer.split_off(self.rows_start + end + 1);
            let piece = self.end_block();
            self.begin(&rest);
            return Some(piece);
        }
        // A row that is larger than a block.
        let rows = self.rows_start..self.buffer.len();
        let plain = std::mem::take(&mut self.buffer);
        self.rows_start = 0;
        Some(Piece {
            plain,
            rows,
            ends_block: false,
        })
    }

    /// The last piece, if there are rows that were in none.
    pub fn finish(mut self) -> Option<Piece> {
        let has_begun = self.rows_start == 0 && !self.header.is_empty();
        (has_begun || self.buffer.len() > self.rows_start).then(|| self.end_block())
    }

    fn end_block(&mut self) -> Piece {
        let mut plain = std::mem::take(&mut self.buffer);
        let rows = self.rows_start..plain.len();
        if !self.header.is_empty() {
            plain.extend_from_slice(END);
        }
        Piece {
            plain,
            rows,
            ends_block: true,
        }
    }
}

/// A block that is not what its table's statement makes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlockError {
    /// It begins with another statement.
    #[error("a block does not begin with the statement of its table")]
    Statement,
    /// It ends before its rows do, or goes on behind them.
    #[error("a block does not end where its rows do")]
    End,
}

/// Takes a block's plain bytes apart: checks the statement at its beginning and the mark at its end, and gives the rows in
/// between. Bytes may be cut anywhere.
#[derive(Debug)]
pub struct BlockReader {
    header: Vec<u8>,
    /// Bytes of the header that were met.
    met: usize,
    /// The last bytes, which are the end mark if nothing follows.
    held: Vec<u8>,
    /// Whether the last byte of rows that was given ended a row, or none was given.
    at_row_start: bool,
}

impl BlockReader {
    /// A reader for blocks of this statement, as [`BlockCutter::new`] takes it.
    pub fn new(statement: Option<&str>) -> Self {
        Self {
            header: statement.map_or_else(Vec::new, |text| format!("{text};\n").into_bytes()),
            met: 0,
            held: Vec::new(),
            at_row_start: true,
        }
    }

    /// Takes the next plain bytes and gives the rows that are certain to be rows.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, BlockError> {
        if self.met < self.header.len() {
            let wanted = &self.header[self.met..];
            let length = wanted.len().min(bytes.len());
            if wanted[..length] != bytes[..length] {
                return Err(BlockError::Statement);
            }
            self.met += length;
            bytes = &bytes[length..];
        }
        let mut rows = std::mem::take(&mut self.held);
        rows.extend_from_slice(bytes);
        if !self.header.is_empty() {
            let certain = rows.len().saturating_sub(END.len());
            self.held = rows.split_off(certain);
        }
        if let Some(last) = rows.last() {
            self.at_row_start = *last == b'\n';
        }
        Ok(rows)
    }

    /// Whether the block ended as it should.
    pub fn finish(self) -> Result<(), BlockError> {
        let end: &[u8] = if self.header.is_empty() { &[] } else { END };
        if self.met == self.header.len() && self.held == end && self.at_row_start {
            Ok(())
        } else {
            Err(BlockError::End)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const STATEMENT: &str = "COPY \"public\".\"we\nird\" FROM stdin";

    fn cut(text: &[u8], limit: usize, step: usize, statement: Option<&str>) -> Vec<Piece> {
        let mut cutter = BlockCutter::new(statement, limit);
        let mut pieces: Vec<Piece> = text
            .chunks(step)
            .filter_map(|chunk| cutter.push(chunk))
            .collect();
        pieces.extend(cutter.finish());
        pieces
    }

    #[test]
    fn a_table_without_rows_has_no_block() {
        assert_eq!(cut(b"", 10, 1, Some(STATEMENT)), []);
    }

    #[test]
    fn each_block_is_a_statement_of_its_own() {
        let pieces = cut(b"1\n22\n333\n", 40, 1, Some(STATEMENT));
        let texts: Vec<&str> = pieces
            .iter()
            .map(|piece| std::str::from_utf8(&piece.plain).unwrap())
            .collect();
        assert_eq!(
            texts.concat().matches(";\n").count(),
            texts.concat().matches("\\.\n\n").count()
        );
        assert!(texts[0].starts_with(STATEMENT) && texts[0].ends_with("\n\\.\n\n"));
    }

    #[test]
    fn blocks_that_are_not_whole_are_refused() {
        let block = format!("{STATEMENT};\n1\n2\n\\.\n\n").into_bytes();
        let read = |bytes: &[u8]| {
            let mut reader = BlockReader::new(Some(STATEMENT));
            reader.push(bytes).and_then(|_| reader.finish())
        };
        assert_eq!(read(&block), Ok(()));
        assert_eq!(
            read(b"COPY \"public\".\"other\" FROM stdin;\n"),
            Err(BlockError::Statement)
        );
        for length in 0..block.len() {
            assert_eq!(read(&block[..length]), Err(BlockError::End), "{length}");
        }
    }

    proptest! {
        #[test]
        fn blocks_give_back_the_rows_that_they_were_cut_from(
            rows in prop::collection::vec("[a-z\\\\\\\\.]{0,60}", 0..30),
            limit in 1_usize..200,
            step in 1_usize..50,
            read_step in 1_usize..50,
            has_statement in any::<bool>(),
        ) {
            let statement = has_statement.then_some(STATEMENT);
            let text = rows.iter().fold(String::new(), |text, row| text + row + "\n").into_bytes();
            let mut found = Vec::new();
            let mut block = Vec::new();
            for piece in cut(&text, limit, step, statement) {
                prop_assert!(piece.rows.len() <= limit + 2 * step);
                block.extend_from_slice(&piece.plain);
                if piece.ends_block {
                    let mut reader = BlockReader::new(statement);
                    let mut of_block = Vec::new();
                    for chunk in block.chunks(read_step) {
                        of_block.extend(reader.push(chunk).unwrap());
                    }
                    reader.finish().unwrap();
                    prop_assert!(of_block.ends_with(b"\n"));
                    found.extend(of_block);
                    block.clear();
                }
            }
            prop_assert!(block.is_empty());
            prop_assert_eq!(found, text);
        }
    }
}
