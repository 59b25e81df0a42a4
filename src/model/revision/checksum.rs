//! The checksum by which an applied script is known again: of what it means, not of how it is laid out.
//!
//! White space, comments, line ends and a missing last semicolon do not count, so that an editor or a reformatting tool
//! raises no alarm; every other token counts as it is written.

use std::{borrow::Cow, fmt::Write as _};

use sha2::{Digest, Sha256};
use squawk_lexer::TokenKind;

use super::{
    script::Script,
    tokens::{Lexeme, lexemes},
};

/// What is hashed and how. Another way of hashing gets another name, so that two checksums are never taken for equal or
/// different that were made differently.
const CHECKSUM_ALGORITHM: &str = "pgsteward-script-1";

impl Script {
    /// SHA-256 of the script's tokens, parents, dependencies and way of running, as 64 lower-case hexadecimal digits.
    /// Message, labels and time of making do not count.
    pub fn normalized_sha256(&self) -> String {
        let mut hash = Sha256::new();
        add(&mut hash, CHECKSUM_ALGORITHM);
        for names in [&self.down_revisions, &self.depends_on] {
            add_list(
                &mut hash,
                names.iter().map(String::as_str).map(Cow::Borrowed),
            );
        }
        add(&mut hash, if self.transactional { "true" } else { "false" });
        for sql in [&self.upgrade_sql, &self.downgrade_sql] {
            add_list(&mut hash, significant(sql).into_iter());
        }
        let mut digits = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }
}

/// Adds one text with its length, so that no two lists of texts look the same.
fn add(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

fn add_list<'a>(hash: &mut Sha256, texts: impl ExactSizeIterator<Item = Cow<'a, str>>) {
    hash.update((texts.len() as u64).to_be_bytes());
    for text in texts {
        add(hash, &text);
    }
}

/// The tokens that count, with `\n` for line ends inside of strings. Empty statements are none.
fn significant(sql: &str) -> Vec<Cow<'_, str>> {
    let mut tokens: Vec<Cow<'_, str>> = Vec::new();
    let mut signs = String::new();
    for lexeme in lexemes(sql) {
        if is_operator_sign(&lexeme) {
            signs.push_str(lexeme.text);
            continue;
        }
        push_operators(&mut tokens, &mut signs);
        let repeats = tokens.last().is_none_or(|last| last == ";");
        if lexeme.is_blank() || lexeme.kind == TokenKind::Semi && repeats {
            continue;
        }
        tokens.push(if lexeme.text.contains('\r') {
            Cow::Owned(lexeme.text.replace("\r\n", "\n"))
        } else {
            Cow::Borrowed(lexeme.text)
        });
    }
    push_operators(&mut tokens, &mut signs);
    if tokens.last().is_some_and(|last| last == ";") {
        tokens.pop();
    }
    tokens
}

/// Signs that make up operators. The lexer gives them one by one, and `a <-1` is not `a < -1`.
fn is_operator_sign(lexeme: &Lexeme<'_>) -> bool {
    lexeme.text.len() == 1 && lexeme.text.contains(|c| "+-*/<>=~!@#%^&|`?".contains(c))
}

/// Cuts a run of signs into operators as PostgreSQL does: one that ends in `+` or `-` is longer than that sign only if
/// it holds one of the signs that standard SQL does not use in operators.
fn push_operators(tokens: &mut Vec<Cow<'_, str>>, signs: &mut String) {
    let mut rest = std::mem::take(signs);
    while !rest.is_empty() {
        let special = rest.contains(|c| "~!@#%^&|`?".contains(c));
        let end = if special {
            rest.len()
        } else {
            rest.trim_end_matches(['+', '-']).len().max(1)
        };
        let tail = rest.split_off(end);
        tokens.push(Cow::Owned(rest));
        rest = tail;
    }
}

#[cfg(test)]
mod tests;
