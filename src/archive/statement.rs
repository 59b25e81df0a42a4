//! The statements that rows leave a table by and come back by.
//!
//! They are sent, and stand in the archive, in the database's own encoding. In UTF-8 names are written as they are, and in
//! SQL_ASCII, which knows no characters; elsewhere as Unicode escapes in ASCII, which the server converts.

use std::{fmt::Write as _, ops::Range};

use crate::model::backup::TableContents;

/// Blocks of a table's heap: all of them, or a part of a large table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageRange {
    /// The whole table.
    All,
    /// The pages from the first on, up to the second; without a second, up to the table's end.
    Part(u32, Option<u32>),
}

/// Writes statements for a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statements {
    escapes: bool,
}

impl Statements {
    /// For a database of this encoding, by PostgreSQL's name for it.
    pub fn in_encoding(encoding: &str) -> Self {
        Self {
            escapes: !matches!(encoding, "UTF8" | "SQL_ASCII"),
        }
    }

    fn identifier(self, name: &str) -> String {
        if self.escapes && !name.is_ascii() {
            escaped(name)
        } else {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    }

    /// A text as a literal.
    pub fn literal(self, text: &str) -> String {
        let quoted = text.replace('\'', "''");
        if !self.escapes || text.is_ascii() {
            return if text.contains('\\') {
                format!("E'{}'", quoted.replace('\\', "\\\\"))
            } else {
                format!("'{quoted}'")
            };
        }
        format!("U&'{}'", escaped_characters(&quoted))
    }

    /// A table's full name.
    pub fn name(self, schema: &str, table: &str) -> String {
        format!("{}.{}", self.identifier(schema), self.identifier(table))
    }

    fn columns(self, table: &TableContents) -> String {
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|name| self.identifier(name))
            .collect();
        names.join(", ")
    }

    /// The statement that gives a table's rows in the text format, as pg_dump would ask for them: of the table itself,
    /// without its children's.
    pub fn copy_to(self, table: &TableContents, pages: &PageRange) -> String {
        let name = self.name(&table.schema, &table.table);
        let columns = self.columns(table);
        if *pages == PageRange::All && table.condition.is_empty() {
            return if columns.is_empty() {
                format!("COPY {name} TO STDOUT")
            } else {
                format!("COPY {name} ({columns}) TO STDOUT")
            };
        }
        let condition = match pages {
            PageRange::All => table.condition.clone(),
            PageRange::Part(from, None) => format!("WHERE ctid >= '({from},0)'"),
            PageRange::Part(from, Some(to)) => {
                format!("WHERE ctid >= '({from},0)' AND ctid < '({to},0)'")
            }
        };
        format!("COPY (SELECT {columns} FROM ONLY {name} {condition}) TO STDOUT")
    }

    /// The statement that takes a table's rows, without its end: psql wants a semicolon.
    pub fn copy_from(self, table: &TableContents) -> String {
        let name = match &table.load_into {
            Some((schema, root)) => self.name(schema, root),
            None => self.name(&table.schema, &table.table),
        };
        let columns = self.columns(table);
        if columns.is_empty() {
            format!("COPY {name} FROM stdin")
        } else {
            format!("COPY {name} ({columns}) FROM stdin")
        }
    }
}

fn escaped(name: &str) -> String {
    format!("U&\"{}\"", escaped_characters(&name.replace('"', "\"\"")))
}

/// What stands between the quotes of `U&"…"` and `U&'…'`.
fn escaped_characters(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            _ if character.is_ascii() => escaped.push(character),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\+{:06x}", u32::from(character));
            }
        }
    }
    escaped
}

/// The statement that writes a page of a large object, on a line of its own. Pages may be written in any order.
pub fn large_object_page(oid: u32, offset: u64, data: &[u8], line: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    line.extend_from_slice(format!("SELECT pg_catalog.lo_put({oid}, {offset}, '\\x").as_bytes());
    for byte in data {
        line.push(DIGITS[usize::from(byte >> 4)]);
        line.push(DIGITS[usize::from(byte & 15)]);
    }
    line.extend_from_slice(b"');\n");
}

impl PageRange {
    /// Parts of about the same size of a heap of so many pages; the last is open, for pages that are added meanwhile.
    pub fn split(pages: u32, parts: u32) -> Vec<Self> {
        let parts = parts.min(pages).max(1);
        if parts == 1 {
            return vec![Self::All];
        }
        let bound = |part: u32| {
            u32::try_from(u64::from(pages) * u64::from(part) / u64::from(parts)).unwrap_or(pages)
        };
        let ranges = (0..parts).map(|part| Range {
            start: bound(part),
            end: bound(part + 1),
        });
        ranges
            .map(|range| {
                let is_last = range.end == pages;
                Self::Part(range.start, (!is_last).then_some(range.end))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(columns: &[&str]) -> TableContents {
        TableContents {
            schema: "sales".to_owned(),
            table: "or\"ders".to_owned(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            ..TableContents::default()
        }
    }

    fn plain() -> Statements {
        Statements::in_encoding("UTF8")
    }

    #[test]
    fn names_are_quoted_and_escaped_where_the_encoding_may_not_have_them_as_they_are() {
        assert_eq!(plain().identifier("bø\"\\"), "\"bø\"\"\\\"");
        let latin = Statements::in_encoding("LATIN1");
        assert_eq!(latin.identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(latin.identifier("bø\\\"x"), "U&\"b\\+0000f8\\\\\"\"x\"");
    }

    #[test]
    fn a_table_without_columns_of_its_own_has_no_list_of_them() {
        assert_eq!(
            plain().copy_to(&table(&[]), &PageRange::All),
            "COPY \"sales\".\"or\"\"ders\" TO STDOUT"
        );
        assert_eq!(
            plain().copy_from(&table(&[])),
            "COPY \"sales\".\"or\"\"ders\" FROM stdin"
        );
    }

    #[test]
    fn a_part_of_a_table_leaves_its_children_out() {
        assert_eq!(
            plain().copy_to(&table(&["id"]), &PageRange::Part(4, Some(8))),
            "COPY (SELECT \"id\" FROM ONLY \"sales\".\"or\"\"ders\" WHERE ctid >= '(4,0)' AND ctid < '(8,0)') TO STDOUT"
        );
    }

    #[test]
    fn rows_of_a_partition_may_be_loaded_through_the_root() {
        let mut partition = table(&["id"]);
        partition.load_into = Some(("sales".to_owned(), "orders".to_owned()));
        assert_eq!(
            plain().copy_from(&partition),
            "COPY \"sales\".\"orders\" (\"id\") FROM stdin"
        );
    }

    proptest! {
        #[test]
        fn the_parts_of_a_heap_follow_one_another_and_leave_no_page_out(pages in 0_u32.., parts in 0_u32..200) {
            let split = PageRange::split(pages, parts);
            let mut next = 0;
            for (position, part) in split.iter().enumerate() {
                let is_last = position + 1 == split.len();
                match part {
                    PageRange::All => prop_assert!(split.len() == 1),
                    PageRange::Part(from, to) => {
                        prop_assert_eq!(*from, next);
                        prop_assert_eq!(to.is_none(), is_last);
                        next = to.unwrap_or(pages);
                        prop_assert!(next > *from);
                    }
                }
            }
        }
    }
}
