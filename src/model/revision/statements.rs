//! A section of a script cut into its statements, each with its line.
//!
//! A semicolon ends a statement unless it stands inside parentheses (`CREATE RULE … DO (a; b)`) or inside the body of
//! an SQL-standard function (`BEGIN ATOMIC … END`), the rules by which psql cuts its input. What only psql understands
//! is refused with its line: backslash commands, and COPY through the client, whose data is no SQL.

use squawk_lexer::TokenKind;
use thiserror::Error;

use super::tokens::{Lexeme, lexemes};
use crate::model::failure::{Classified, Kind};

/// As many leading words as it takes to tell what a statement is: those of `ALTER TABLE IF EXISTS ONLY a.b.c DETACH
/// PARTITION d.e.f CONCURRENTLY` are 14.
const LEADING_WORDS: usize = 16;

/// One statement of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its text from first to last token, without the semicolon and without comments around it.
    pub sql: String,
    /// The line on which it begins, from 1 at the beginning of the section.
    pub line: usize,
    /// How it stands to transactions.
    pub class: Class,
}

/// How a statement stands to transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It may run inside a transaction and outside of one.
    Ordinary,
    /// It begins or ends a transaction, which in a script is the runner's business. Savepoints are ordinary.
    TransactionControl,
    /// PostgreSQL refuses it inside a transaction block, e.g. `CREATE INDEX CONCURRENTLY`.
    OutsideTransaction,
}

/// Why a section cannot be run as statements, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct StatementError {
    /// The line, from 1 at the beginning of the section.
    pub line: usize,
    /// What is wrong.
    pub problem: StatementProblem,
}

/// What is wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StatementProblem {
    /// Something begins, e.g. a string, and never ends.
    #[error("a {0} is not closed")]
    Unterminated(&'static str),
    /// A command of psql, e.g. `\d`.
    #[error("`{0}` is a command of psql, not SQL")]
    PsqlCommand(String),
    /// `COPY … FROM STDIN` or `COPY … TO STDOUT`.
    #[error("COPY through the client cannot be part of a revision")]
    CopyThroughClient,
    /// A command such as `COMMIT`.
    #[error("`{0}` begins or ends a transaction, which is the runner's part")]
    TransactionControl(String),
    /// A command such as `VACUUM` in a script that runs as one transaction.
    #[error("`{0}` cannot run inside a transaction")]
    OutsideTransaction(String),
    /// `CREATE INDEX CONCURRENTLY ON …`.
    #[error("an index that is built concurrently needs a name")]
    UnnamedConcurrentIndex,
}

impl Statement {
    /// Whether what it does ends with its session, so that a run in another session needs it again.
    pub fn sets_the_session(&self) -> bool {
        let mut words = lexemes(&self.sql).filter(|lexeme| !lexeme.is_blank());
        let is = |lexeme: &Lexeme<'_>, word: &str| lexeme.text.eq_ignore_ascii_case(word);
        words.next().is_some_and(|first| {
            is(&first, "set")
                || is(&first, "reset")
                || is(&first, "select") && words.any(|word| is(&word, "set_config"))
        })
    }
}

impl Classified for StatementError {
    fn kind(&self) -> Kind {
        Kind::FailedPrecondition
    }

    fn reason(&self) -> &'static str {
        self.problem.reason()
    }

    fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

impl StatementProblem {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unterminated(_) => "UNTERMINATED_SQL",
            Self::PsqlCommand(_) => "PSQL_COMMAND",
            Self::CopyThroughClient => "COPY_THROUGH_CLIENT",
            Self::TransactionControl(_) => "TRANSACTION_CONTROL",
            Self::OutsideTransaction(_) => "NOT_IN_TRANSACTION",
            Self::UnnamedConcurrentIndex => "UNNAMED_CONCURRENT_INDEX",
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unterminated(_) => return None,
            Self::PsqlCommand(_) => "write the SQL that the command stands for",
            Self::CopyThroughClient => "write the rows as INSERT statements",
            Self::TransactionControl(_) => {
                "leave it out; `-- transactional: false` in the header runs the statements one by one"
            }
            Self::OutsideTransaction(_) => "put `-- transactional: false` into the header",
            Self::UnnamedConcurrentIndex => {
                "name it: what a failed build leaves is found, and dropped, by its name"
            }
        };
        Some(hint.to_owned())
    }
}

/// Cuts a section into statements. Empty ones and comments between them are left out; the last semicolon may be missing.
pub fn statements(sql: &str) -> Result<Vec<Statement>, StatementError> {
    let mut statements = Vec::new();
    let mut open = OpenStatement::default();
    for lexeme in lexemes(sql) {
        let fail = |problem| StatementError {
            line: lexeme.line,
            problem,
        };
        if let Some(construct) = lexeme.unterminated() {
            return Err(fail(StatementProblem::Unterminated(construct)));
        }
        if lexeme.is_blank() {
            continue;
        }
        if lexeme.text == "\\" {
            let command = sql[lexeme.start..].split_whitespace().next();
            let command = command.unwrap_or_default().to_owned();
            return Err(fail(StatementProblem::PsqlCommand(command)));
        }
        if lexeme.kind == TokenKind::Semi && open.may_end() {
            statements.extend(std::mem::take(&mut open).close(sql));
        } else {
            open.push(&lexeme)?;
        }
    }
    if let Some((construct, line)) = open.enclosing {
        let problem = StatementProblem::Unterminated(construct);
        return Err(StatementError { line, problem });
    }
    statements.extend(open.close(sql));
    Ok(statements)
}

/// Checks that the runner may run these statements in one transaction of its own (`transactional`), or one by one.
pub fn check_class(statements: &[Statement], transactional: bool) -> Result<(), StatementError> {
    for statement in statements {
        let command = || first_words(&statement.sql);
        let problem = match statement.class {
            Class::TransactionControl => StatementProblem::TransactionControl(command()),
            Class::OutsideTransaction if transactional => {
                StatementProblem::OutsideTransaction(command())
            }
            Class::Ordinary => continue,
            Class::OutsideTransaction => match statement.outside() {
                Ok(_) => continue,
                Err(problem) => problem,
            },
        };
        let line = statement.line;
        return Err(StatementError { line, problem });
    }
    Ok(())
}

/// Enough of a statement to recognise it in a message.
fn first_words(sql: &str) -> String {
    let words: Vec<&str> = lexemes(sql)
        .filter(|lexeme| !lexeme.is_blank())
        .take_while(|lexeme| lexeme.kind == TokenKind::Ident)
        .take(4)
        .map(|lexeme| lexeme.text)
        .collect();
    words.join(" ")
}

/// The statement whose end has not been seen yet.
#[derive(Default)]
struct OpenStatement {
    /// Offset and line of its first token.
    start: Option<(usize, usize)>,
    /// Offset after its last token.
    end: usize,
    /// Its leading words in upper case, those in parentheses included.
    words: Vec<String>,
    parentheses: usize,
    /// `BEGIN ATOMIC` and each `CASE` inside of it.
    blocks: usize,
    /// The outermost thing that is open, with its line.
    enclosing: Option<(&'static str, usize)>,
    /// The last token: a word in upper case or a sign.
    previous: String,
}

impl OpenStatement {
    fn may_end(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn push(&mut self, lexeme: &Lexeme<'_>) -> Result<(), StatementError> {
        let (_, first_line) = *self.start.get_or_insert((lexeme.start, lexeme.line));
        self.end = lexeme.end();
        let outermost = self.may_end();
        match lexeme.kind {
            TokenKind::OpenParen => {
                self.parentheses += 1;
                self.previous.clear();
            }
            TokenKind::CloseParen => {
                self.parentheses = self.parentheses.saturating_sub(1);
                self.previous.clear();
            }
            TokenKind::Ident => {
                let word = lexeme.text.to_ascii_uppercase();
                if outermost && self.is_client_copy(&word) {
                    return Err(StatementError {
                        line: first_line,
                        problem: StatementProblem::CopyThroughClient,
                    });
                }
                self.count_blocks(&word);
                if self.words.len() < LEADING_WORDS {
                    self.words.push(word.clone());
                }
                self.previous = word;
            }
            TokenKind::Dot => ".".clone_into(&mut self.previous),
            _ => self.previous.clear(),
        }
        if self.may_end() {
            self.enclosing = None;
        } else if outermost {
            let construct = if self.blocks > 0 {
                "BEGIN ATOMIC body"
            } else {
                "parenthesis"
            };
            self.enclosing = Some((construct, lexeme.line));
        }
        Ok(())
    }

    /// PostgreSQL's grammar takes either word in either direction.
    fn is_client_copy(&self, word: &str) -> bool {
        matches!(word, "STDIN" | "STDOUT")
            && matches!(self.previous.as_str(), "FROM" | "TO")
            && self.words.first().is_some_and(|first| first == "COPY")
    }

    fn count_blocks(&mut self, word: &str) {
        // After a dot or AS a keyword is a plain name: `SELECT t.end AS case`.
        if matches!(self.previous.as_str(), "." | "AS") {
            return;
        }
        match word {
            "ATOMIC" if self.previous == "BEGIN" && self.defines_routine() => self.blocks += 1,
            "CASE" if self.blocks > 0 => self.blocks += 1,
            "END" => self.blocks = self.blocks.saturating_sub(1),
            _ => {}
        }
    }

    fn defines_routine(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        matches!(
            words.as_slice(),
            ["CREATE", "FUNCTION" | "PROCEDURE", ..]
                | ["CREATE", "OR", "REPLACE", "FUNCTION" | "PROCEDURE", ..]
        )
    }

    fn close(self, sql: &str) -> Option<Statement> {
        let (start, line) = self.start?;
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        Some(Statement {
            sql: sql[start..self.end].to_owned(),
            line,
            class: class(&words),
        })
    }
}

/// Tells the class by the leading words. The list of what cannot run in a transaction block follows the reference pages
/// of PostgreSQL 18; statements that depend on an option (`CREATE SUBSCRIPTION`) are left for the server to judge.
fn class(words: &[&str]) -> Class {
    let concurrently = words.contains(&"CONCURRENTLY");
    match words {
        ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK" | "TRANSACTION", "TO", ..] => Class::Ordinary,
        ["BEGIN" | "COMMIT" | "END" | "ROLLBACK" | "ABORT", ..]
        | ["START" | "PREPARE", "TRANSACTION", ..] => Class::TransactionControl,
        ["CREATE" | "DROP", "DATABASE" | "TABLESPACE", ..]
        | ["ALTER", "SYSTEM", ..]
        | ["ALTER", "DATABASE", _, "SET", "TABLESPACE", ..]
        | ["VACUUM", ..]
        | ["CLUSTER"]
        | ["DISCARD", "ALL"] => Class::OutsideTransaction,
        ["CREATE" | "DROP", "INDEX", ..] | ["CREATE", "UNIQUE", "INDEX", ..] if concurrently => {
            Class::OutsideTransaction
        }
        ["REINDEX", rest @ ..]
            if concurrently
                || rest
                    .iter()
                    .any(|word| matches!(*word, "SCHEMA" | "DATABASE" | "SYSTEM")) =>
        {
            Class::OutsideTransaction
        }
        ["ALTER", "TABLE", rest @ ..] if concurrently && rest.contains(&"DETACH") => {
            Class::OutsideTransaction
        }
        _ => Class::Ordinary,
    }
}

#[cfg(test)]
mod tests;
