//! squawk's linter, for what ALTER, CREATE, DROP and REINDEX do to a table in use: which locks they take, what they
//! rewrite, whom they break.
//!
//! PostgreSQL is the judge of syntax, squawk is not: a statement that its parser does not understand is left out and
//! said to be unread. Its own comments (`-- squawk-ignore`) are blanked before: what a script is acknowledged for is the
//! caller's to say, not the script's. And since its parser recurses without a limit and panics on some wrong input,
//! statements that nest too deeply are kept from it, and its panics are caught.

mod policy;

use std::panic;

use squawk_lexer::TokenKind;
use squawk_linter::{Linter, LinterSettings, Rule, Violation};
use squawk_syntax::{Parse, SourceFile};

use self::policy::policy;
use super::{
    finding::{Category, Severity},
    remark::Remark,
    words::{Cursor, Words},
};
use crate::model::revision::{Statement, tokens::lexemes};

/// How deep a statement may nest, in tokens that no comma separates. A level of the parser takes up to 5 KiB of stack
/// in an unoptimized build, and a thread of the daemon has 2 MiB.
const DEPTH: usize = 250;

/// Rules that say of one constraint more than [`Rule::ConstraintMissingNotValid`] says of all.
const SPECIFIC: [Rule; 3] = [
    Rule::AddingForeignKeyConstraint,
    Rule::AddingSerialPrimaryKeyField,
    Rule::DisallowedUniqueConstraint,
];

/// Why squawk has not read a statement, and on which line of it.
pub(super) struct Unread {
    reason: String,
    /// Offset in the statement.
    offset: usize,
}

/// What squawk has to say, for each statement. All are linted together: whether a constraint may be validated, and
/// whether a table is new, depends on the statements before.
pub(super) fn remarks(
    statements: &[Statement],
    transactional: bool,
    pg_major: u32,
) -> Vec<Vec<Remark>> {
    let mut remarks: Vec<Vec<Remark>> = statements.iter().map(|_| Vec::new()).collect();
    let mut text = String::new();
    // Where each statement that is linted begins in `text`, and which one it is.
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let words = Words::of(statement);
        if !is_linted(words.start()) {
            continue;
        }
        match parsed(&statement.sql) {
            Ok(_) => {
                parts.push((text.len(), index));
                text.push_str(&without_comments(&statement.sql));
                text.push_str(";\n");
            }
            Err(unread) => remarks[index].push(unparsed(statement, &words, &unread)),
        }
    }
    let Some(violations) = violations(&text, transactional, pg_major) else {
        for (_, index) in parts {
            let statement = &statements[index];
            let unread = Unread::new("squawk failed", 0);
            remarks[index].push(unparsed(statement, &Words::of(statement), &unread));
        }
        return remarks;
    };
    for violation in &violations {
        let offset = usize::from(violation.text_range.start());
        let part = parts.partition_point(|(start, _)| *start <= offset);
        let Some((start, index)) = part.checked_sub(1).and_then(|part| parts.get(part)) else {
            continue;
        };
        let statement = &statements[*index];
        if is_repeated(violation, &violations) {
            continue;
        }
        if let Some(policy) = policy(violation.code) {
            remarks[*index].push(Remark {
                rule: violation.code.to_string(),
                category: policy.category,
                severity: policy.severity,
                line: statement.line + breaks(&text[*start..offset]),
                object: Words::of(statement).subject(),
                message: violation.message.clone(),
                safe_way: policy.safe_way.to_owned(),
            });
        }
    }
    remarks
}

/// True for the commands of which a rule that is on speaks. What a view or function holds locks nothing when it is made.
fn is_linted(mut cursor: Cursor<'_>) -> bool {
    if !cursor.eat("create") {
        return cursor.eat_any(&["alter", "drop", "reindex"]);
    }
    cursor.eat("or replace");
    !cursor.eat_any(&[
        "view",
        "materialized view",
        "function",
        "procedure",
        "trigger",
        "rule",
    ])
}

/// Parses one statement without its comments, which keep their place as blanks.
pub(super) fn parsed(sql: &str) -> Result<Parse<SourceFile>, Unread> {
    if let Some(offset) = too_deep(sql) {
        return Err(Unread::new("it nests too deeply", offset));
    }
    let text = without_comments(sql);
    let parsed = panic::catch_unwind(|| {
        let file = SourceFile::parse(&text);
        let errors = file.errors();
        (file, errors)
    });
    let Ok((file, errors)) = parsed else {
        return Err(Unread::new("squawk failed", 0));
    };
    match errors.first() {
        None => Ok(file),
        Some(error) => Err(Unread::new(
            error.message(),
            usize::from(error.range().start()),
        )),
    }
}

/// `None` when the linter panicked.
fn violations(text: &str, transactional: bool, pg_major: u32) -> Option<Vec<Violation>> {
    panic::catch_unwind(|| {
        let mut linter = Linter::with_default_rules();
        linter.rules.retain(|rule| policy(*rule).is_some());
        linter.settings = LinterSettings {
            // A number always reads as a version; squawk's own default is 15.
            pg_version: pg_major.to_string().parse().unwrap_or_default(),
            assume_in_transaction: transactional,
        };
        linter.lint(&SourceFile::parse(text), text)
    })
    .ok()
}

/// Foreign keys, primary keys and unique constraints have rules of their own beside that for all constraints.
fn is_repeated(violation: &Violation, all: &[Violation]) -> bool {
    violation.code == Rule::ConstraintMissingNotValid
        && all.iter().any(|other| {
            SPECIFIC.contains(&other.code) && violation.text_range.contains_range(other.text_range)
        })
}

fn unparsed(statement: &Statement, words: &Words, unread: &Unread) -> Remark {
    let before = statement.sql.get(..unread.offset).unwrap_or(&statement.sql);
    Remark {
        rule: "unparsed".to_owned(),
        category: Category::Opaque,
        severity: Severity::Note,
        line: statement.line + breaks(before),
        object: words.subject(),
        message: format!(
            "the linter could not read this statement ({}), so its locks were not reviewed",
            unread.reason
        ),
        safe_way: "rehearse it on a copy of the database, where PostgreSQL is the judge".to_owned(),
    }
}

impl Unread {
    fn new(reason: &str, offset: usize) -> Self {
        Self {
            reason: reason.to_owned(),
            offset,
        }
    }
}

/// The text with a blank for each byte of a comment, so that offsets and lines stay.
fn without_comments(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    for lexeme in lexemes(sql) {
        if matches!(
            lexeme.kind,
            TokenKind::LineComment | TokenKind::BlockComment { .. }
        ) {
            let bytes = lexeme.text.bytes();
            text.extend(bytes.map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        } else {
            text.push_str(lexeme.text);
        }
    }
    text
}

/// Where a statement nests too deeply to be parsed. Whatever the parser recurses into (parentheses, chains of operators,
/// CASE, joins) takes a token at least, and after a comma it is back where the list began.
fn too_deep(sql: &str) -> Option<usize> {
    let mut levels = vec![0_usize];
    let mut depth = 0;
    for lexeme in lexemes(sql).filter(|lexeme| !lexeme.is_blank()) {
        match lexeme.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => levels.push(0),
            TokenKind::CloseParen | TokenKind::CloseBracket if levels.len() > 1 => {
                depth -= levels.pop().unwrap_or_default();
            }
            TokenKind::Comma => {
                depth -= levels.last_mut().map(std::mem::take).unwrap_or_default();
                continue;
            }
            _ => {}
        }
        if let Some(level) = levels.last_mut() {
            *level += 1;
            depth += 1;
        }
        if depth > DEPTH {
            return Some(lexeme.start);
        }
    }
    None
}

fn breaks(text: &str) -> usize {
    text.matches('\n').count()
}

#[cfg(test)]
mod tests;
