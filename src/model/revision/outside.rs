//! What a statement does that PostgreSQL runs outside of transaction blocks, as far as someone must know who finds it
//! begun and does not know how it ended. Its transaction cannot be asked, since it has several; the catalog can.

use squawk_lexer::TokenKind;

use super::{
    statements::{Class, Statement, StatementProblem},
    tokens::{Lexeme, lexemes},
};

/// A statement of class [`Class::OutsideTransaction`]. Names are as written, quotes included, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// `CREATE INDEX CONCURRENTLY`. A failed one leaves an invalid index.
    CreateIndex {
        /// The index's name as the catalog has it: it stands in the table's schema.
        index: String,
        /// The table.
        table: String,
    },
    /// `DROP INDEX CONCURRENTLY`. A failed one leaves an invalid index.
    DropIndex {
        /// The index.
        index: String,
    },
    /// `REINDEX … CONCURRENTLY`. A failed one leaves invalid indexes named `…_ccnew` or `…_ccold`.
    Reindex,
    /// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`. A failed one leaves a detach that is pending.
    DetachPartition {
        /// The partitioned table.
        table: String,
        /// The partition.
        partition: String,
    },
    /// Anything else, e.g. `VACUUM`: it can be run again.
    Other,
}

impl Statement {
    /// What it does; `None` for a statement that runs in transactions. An index that is built concurrently without a
    /// name is refused: what a failed build of it leaves could not be told from other indexes.
    pub fn outside(&self) -> Result<Option<Outside>, StatementProblem> {
        if self.class != Class::OutsideTransaction {
            return Ok(None);
        }
        let mut words = Words(
            lexemes(&self.sql)
                .filter(|lexeme| !lexeme.is_blank())
                .peekable(),
        );
        let outside = if words.take(&["CREATE"]) {
            words.create_index()?
        } else if words.take(&["DROP", "INDEX", "CONCURRENTLY"]) {
            words.take(&["IF", "EXISTS"]);
            words.name().map(|index| Outside::DropIndex { index })
        } else if words.take(&["REINDEX"]) {
            Some(Outside::Reindex)
        } else if words.take(&["ALTER", "TABLE"]) {
            words.detach_partition()
        } else {
            None
        };
        Ok(Some(outside.unwrap_or(Outside::Other)))
    }
}

/// The tokens of a statement that are left to read.
struct Words<'a, I: Iterator<Item = Lexeme<'a>>>(std::iter::Peekable<I>);

impl<'a, I: Iterator<Item = Lexeme<'a>>> Words<'a, I> {
    fn create_index(&mut self) -> Result<Option<Outside>, StatementProblem> {
        self.take(&["UNIQUE"]);
        if !self.take(&["INDEX", "CONCURRENTLY"]) {
            return Ok(None);
        }
        self.take(&["IF", "NOT", "EXISTS"]);
        if self.take(&["ON"]) {
            return Err(StatementProblem::UnnamedConcurrentIndex);
        }
        let index = self.identifier();
        if !self.take(&["ON"]) {
            return Ok(None);
        }
        self.take(&["ONLY"]);
        let table = self.name();
        Ok(index
            .zip(table)
            .map(|(index, table)| Outside::CreateIndex { index, table }))
    }

    fn detach_partition(&mut self) -> Option<Outside> {
        self.take(&["IF", "EXISTS"]);
        let table = self.name()?;
        if !self.take(&["DETACH", "PARTITION"]) {
            return None;
        }
        let partition = self.name()?;
        Some(Outside::DetachPartition { table, partition })
    }

    /// Passes the keywords if the first of them comes next; whether all of them came.
    fn take(&mut self, keywords: &[&str]) -> bool {
        keywords.iter().all(|keyword| {
            let is_next = |lexeme: &Lexeme<'_>| {
                lexeme.kind == TokenKind::Ident && lexeme.text.eq_ignore_ascii_case(keyword)
            };
            self.0.next_if(is_next).is_some()
        })
    }

    /// A name with its schema, if it has one, as written.
    fn name(&mut self) -> Option<String> {
        let mut name = self.part()?.to_owned();
        while self.0.next_if(|next| next.kind == TokenKind::Dot).is_some() {
            name.push('.');
            name.push_str(self.part()?);
        }
        Some(name)
    }

    /// A name as the catalog has it: folded to lower case unless it is quoted.
    fn identifier(&mut self) -> Option<String> {
        let part = self.part()?;
        let quoted = part
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        Some(match quoted {
            Some(inner) => inner.replace("\"\"", "\""),
            None => part.to_ascii_lowercase(),
        })
    }

    fn part(&mut self) -> Option<&'a str> {
        let is_name = |lexeme: &Lexeme<'_>| {
            matches!(
                lexeme.kind,
                TokenKind::Ident | TokenKind::QuotedIdent { .. }
            )
        };
        self.0.next_if(is_name).map(|lexeme| lexeme.text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::statements::statements;
    use super::*;

    fn outside(sql: &str) -> Result<Option<Outside>, StatementProblem> {
        statements(sql).unwrap().remove(0).outside()
    }

    #[test]
    fn a_concurrent_build_is_known_by_its_index_and_table() {
        let expected = |index: &str, table: &str| {
            Ok(Some(Outside::CreateIndex {
                index: index.to_owned(),
                table: table.to_owned(),
            }))
        };
        assert_eq!(
            outside("create index concurrently Orders_At on public.orders (at)"),
            expected("orders_at", "public.orders")
        );
        assert_eq!(
            outside(
                "CREATE UNIQUE INDEX CONCURRENTLY /* c */ IF NOT EXISTS \"A \"\"b\"\"\" ON ONLY \"S x\" . t USING btree (a)"
            ),
            expected("A \"b\"", "\"S x\".t")
        );
    }

    #[test]
    fn a_concurrent_build_without_a_name_is_refused() {
        for sql in [
            "CREATE INDEX CONCURRENTLY ON orders (at)",
            "CREATE UNIQUE INDEX CONCURRENTLY ON orders (at)",
        ] {
            assert_eq!(outside(sql), Err(StatementProblem::UnnamedConcurrentIndex));
        }
    }

    #[test]
    fn drops_rebuilds_and_detaches_are_told_apart() {
        assert_eq!(
            outside("DROP INDEX CONCURRENTLY IF EXISTS s.\"I\" CASCADE"),
            Ok(Some(Outside::DropIndex {
                index: "s.\"I\"".to_owned()
            }))
        );
        assert_eq!(
            outside("REINDEX (VERBOSE) TABLE CONCURRENTLY t"),
            Ok(Some(Outside::Reindex))
        );
        assert_eq!(
            outside("ALTER TABLE IF EXISTS s.t DETACH PARTITION s.p CONCURRENTLY"),
            Ok(Some(Outside::DetachPartition {
                table: "s.t".to_owned(),
                partition: "s.p".to_owned()
            }))
        );
        assert_eq!(outside("VACUUM t"), Ok(Some(Outside::Other)));
        assert_eq!(outside("CREATE DATABASE d"), Ok(Some(Outside::Other)));
        assert_eq!(outside("CREATE INDEX i ON t (a)"), Ok(None));
    }
}
