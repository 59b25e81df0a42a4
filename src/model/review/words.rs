//! The words of a statement, and a cursor that reads them as PostgreSQL's grammar would: keywords, names, parentheses.
//!
//! Names are normalized to compare and to show them: unquoted ones in lower case, quoted ones without their quotes
//! where they would mean the same.

use squawk_lexer::TokenKind;

use crate::model::revision::{
    Statement,
    tokens::{Lexeme, lexemes},
};

/// One significant token.
#[derive(Debug)]
struct Word {
    kind: WordKind,
    /// A name or keyword normalized; anything else as it stands.
    text: String,
    /// The line, from 1 at the beginning of the section.
    line: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum WordKind {
    /// Without quotes: a keyword or a name.
    Plain,
    /// In double quotes: never a keyword.
    Quoted,
    /// A string, a number, a sign.
    Other,
}

/// All significant tokens of a statement.
#[derive(Debug)]
pub(super) struct Words(Vec<Word>);

impl Words {
    pub(super) fn of(statement: &Statement) -> Self {
        let lexemes = lexemes(&statement.sql).filter(|lexeme| !lexeme.is_blank());
        Self(
            lexemes
                .map(|lexeme| Word::of(&lexeme, statement.line))
                .collect(),
        )
    }

    /// A cursor at the first word.
    pub(super) fn start(&self) -> Cursor<'_> {
        Cursor {
            words: &self.0,
            at: 0,
        }
    }

    /// A cursor at each word, in order.
    pub(super) fn each(&self) -> impl Iterator<Item = Cursor<'_>> {
        (0..self.0.len()).map(|at| Cursor { words: &self.0, at })
    }

    /// The table, or whatever else it is, that an ALTER, CREATE, DROP or REINDEX is about; for an index to be created
    /// that is its table, of a list the first.
    pub(super) fn subject(&self) -> Option<String> {
        let mut cursor = self.start();
        if cursor.eat("create index") || cursor.eat("create unique index") {
            while !cursor.eat("on") {
                cursor.skip()?;
            }
        } else if cursor.eat("reindex") {
            cursor.skip_parentheses();
            cursor.skip()?;
        } else if cursor.eat("alter") || cursor.eat("create") || cursor.eat("drop") {
            cursor.eat("or replace");
            cursor.eat_any(&["local", "global"]);
            cursor.eat_any(&["temp", "temporary", "unlogged"]);
            // The last of these words is skipped with the kinds of one word.
            cursor.eat_any(&["materialized", "foreign data", "foreign", "access", "event"]);
            cursor.skip()?;
        } else {
            return None;
        }
        cursor.eat("concurrently");
        cursor.eat_if_exists();
        cursor.eat("only");
        cursor.name()
    }
}

impl Word {
    fn of(lexeme: &Lexeme<'_>, first_line: usize) -> Self {
        let (kind, text) = match lexeme.kind {
            TokenKind::Ident => (WordKind::Plain, lexeme.text.to_ascii_lowercase()),
            TokenKind::QuotedIdent { uescape, .. } => {
                (WordKind::Quoted, unquoted(lexeme.text, uescape))
            }
            _ => (WordKind::Other, lexeme.text.to_owned()),
        };
        Self {
            kind,
            text,
            line: first_line + lexeme.line - 1,
        }
    }
}

/// A quoted name without its quotes where it means the same without them. A name that is a keyword loses them too: this
/// text is shown and compared, never run.
fn unquoted(name: &str, uescape: bool) -> String {
    let inner = name.strip_prefix('"').and_then(|n| n.strip_suffix('"'));
    let is_plain = |inner: &&str| {
        let mut bytes = inner.bytes();
        bytes
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'$')
    };
    match inner.filter(is_plain) {
        Some(inner) if !uescape => inner.to_owned(),
        _ => name.to_owned(),
    }
}

/// A place among the words of a statement. Copies are cheap: a rule tries to read on and keeps the old place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    words: &'a [Word],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The line of the word here, or of the last one behind the end.
    pub(super) fn line(&self) -> usize {
        let word = self.words.get(self.at).or_else(|| self.words.last());
        word.map_or(1, |word| word.line)
    }

    /// The word here, normalized; `None` at the end.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.words.get(self.at).map(|word| word.text.as_str())
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.words.len()
    }

    /// Goes past these keywords, written in lower case and separated by blanks, if all of them stand here.
    pub(super) fn eat(&mut self, keywords: &str) -> bool {
        let mut at = self.at;
        for keyword in keywords.split(' ') {
            match self.words.get(at) {
                Some(word) if word.kind == WordKind::Plain && word.text == keyword => at += 1,
                _ => return false,
            }
        }
        self.at = at;
        true
    }

    /// Goes past one of these keywords.
    pub(super) fn eat_any(&mut self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.eat(keyword))
    }

    pub(super) fn eat_if_exists(&mut self) -> bool {
        self.eat("if exists") || self.eat("if not exists")
    }

    /// Goes past a sign, e.g. `,`.
    pub(super) fn eat_sign(&mut self, sign: &str) -> bool {
        let here = self.words.get(self.at);
        let found = here.is_some_and(|word| word.kind == WordKind::Other && word.text == sign);
        self.at += usize::from(found);
        found
    }

    /// Goes past one word and gives it.
    pub(super) fn skip(&mut self) -> Option<&'a str> {
        let text = self.text()?;
        self.at += 1;
        Some(text)
    }

    /// Goes past a name, which may be qualified.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut name = self.identifier()?.to_owned();
        while self.eat_sign(".") {
            name.push('.');
            name.push_str(self.identifier()?);
        }
        Some(name)
    }

    fn identifier(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at)?;
        if word.kind == WordKind::Other {
            return None;
        }
        self.at += 1;
        Some(&word.text)
    }

    /// Goes past a pair of parentheses and all that is in it, if one opens here.
    pub(super) fn skip_parentheses(&mut self) {
        if !self.eat_sign("(") {
            return;
        }
        let mut depth = 1;
        while depth > 0 {
            match self.skip() {
                Some("(") => depth += 1,
                Some(")") => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Goes to the next comma outside of parentheses, and past it. False when there is none: then it is at the end.
    pub(super) fn next_item(&mut self) -> bool {
        while !self.at_end() {
            if self.eat_sign(",") {
                return true;
            }
            if self.text() == Some("(") {
                self.skip_parentheses();
            } else {
                self.at += 1;
            }
        }
        false
    }

    /// True when one of these keywords comes from here on, outside of parentheses and before `end` closes.
    pub(super) fn comes(mut self, keyword: &str) -> bool {
        while !self.at_end() && self.text() != Some(")") {
            if self.eat(keyword) {
                return true;
            }
            if self.text() == Some("(") {
                self.skip_parentheses();
            } else {
                self.at += 1;
            }
        }
        false
    }

    /// True when the statement's last word is this keyword.
    pub(super) fn ends_with(&self, keyword: &str) -> bool {
        let last = self.words.last();
        last.is_some_and(|word| word.kind == WordKind::Plain && word.text == keyword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Words {
        let statement = Statement {
            sql: sql.to_owned(),
            line: 1,
            class: crate::model::revision::Class::Ordinary,
        };
        Words::of(&statement)
    }

    #[test]
    fn names_are_normalized_and_quoted_ones_keep_what_matters() {
        for (sql, name) in [
            ("Orders", "orders"),
            ("App . Orders", "app.orders"),
            ("\"orders\"", "orders"),
            ("\"Orders\".\"a\"\"b\"", "\"Orders\".\"a\"\"b\""),
            ("U&\"orders\"", "U&\"orders\""),
        ] {
            assert_eq!(words(sql).start().name().as_deref(), Some(name), "{sql}");
        }
        assert_eq!(words("'text'").start().name(), None);
    }

    #[test]
    fn a_quoted_word_is_no_keyword() {
        assert!(words("DROP /* x */ TABLE a").start().eat("drop table"));
        assert!(!words("\"drop\" TABLE a").start().eat("drop table"));
    }

    #[test]
    fn the_subject_is_what_the_statement_is_about() {
        for (sql, subject) in [
            (
                "ALTER TABLE IF EXISTS ONLY app.orders ADD x int",
                "app.orders",
            ),
            (
                "CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY orders (a)",
                "orders",
            ),
            ("CREATE TEMP TABLE IF NOT EXISTS t (a int)", "t"),
            ("DROP INDEX CONCURRENTLY IF EXISTS i, j", "i"),
            ("ALTER MATERIALIZED VIEW v RENAME TO w", "v"),
            ("ALTER FOREIGN DATA WRAPPER f OWNER TO x", "f"),
            ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", "t"),
        ] {
            assert_eq!(words(sql).subject().as_deref(), Some(subject), "{sql}");
        }
        assert_eq!(words("SELECT 1").subject(), None);
    }
}
