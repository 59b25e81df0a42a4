//! Where a script's header ends and its sections begin.

use super::{
    script::ScriptProblem,
    statements::{StatementProblem, statements},
    tokens::lexemes,
};

pub(super) const UPGRADE_MARKER: &str = "-- upgrade";
pub(super) const DOWNGRADE_MARKER: &str = "-- downgrade";

/// What is wrong, on which line.
pub(super) type Problem = (usize, ScriptProblem);

/// The parts of a script's text, sections with the line on which they begin.
pub(super) struct Sections<'a> {
    pub(super) header: &'a str,
    pub(super) upgrade: (usize, &'a str),
    pub(super) downgrade: (usize, &'a str),
}

impl<'a> Sections<'a> {
    /// A section begins at a line that is its marker and nothing else. The lexer tells such a line from one that looks
    /// the same inside a function's body or a comment.
    pub(super) fn find(text: &'a str) -> Result<Self, Problem> {
        let text = text.strip_prefix(squawk_lexer::BOM).unwrap_or(text);
        let mut upgrade = None;
        let mut downgrade = None;
        for lexeme in lexemes(text) {
            if let Some(construct) = lexeme.unterminated() {
                return Err(first_problem(text, lexeme.line, construct));
            }
            if lexeme.start > 0 && !text[..lexeme.start].ends_with('\n') {
                continue;
            }
            let (place, marker) = match lexeme.text.trim_end() {
                UPGRADE_MARKER => (&mut upgrade, UPGRADE_MARKER),
                DOWNGRADE_MARKER => (&mut downgrade, DOWNGRADE_MARKER),
                _ => continue,
            };
            if place.replace(lexeme).is_some() {
                return Err((lexeme.line, ScriptProblem::DuplicateSection(marker)));
            }
        }
        let upgrade = upgrade.ok_or_else(|| {
            let last_line = text.lines().count().max(1);
            (last_line, ScriptProblem::MissingUpgrade)
        })?;
        let upgrade_end = downgrade.map_or(text.len(), |marker| marker.start);
        if upgrade_end < upgrade.start {
            let line = downgrade.map_or(1, |marker| marker.line);
            return Err((line, ScriptProblem::SectionOrder));
        }
        let section = |marker_line: usize, sql: &'a str| {
            let (sql, skipped) = trim_blank_lines(sql);
            (marker_line + skipped, sql)
        };
        Ok(Self {
            header: &text[..upgrade.start],
            upgrade: section(upgrade.line, &text[upgrade.end()..upgrade_end]),
            downgrade: downgrade.map_or((text.lines().count() + 1, ""), |marker| {
                section(marker.line, &text[marker.end()..])
            }),
        })
    }
}

/// The reason why a quote or comment has no end may stand further up: the data of a COPY are no SQL.
fn first_problem(text: &str, line: usize, construct: &'static str) -> Problem {
    match statements(text) {
        Err(earlier) => (earlier.line, ScriptProblem::Statement(earlier.problem)),
        Ok(_) => (
            line,
            ScriptProblem::Statement(StatementProblem::Unterminated(construct)),
        ),
    }
}

/// The text without blank lines before it and without white space after it, and how many line breaks stood before it.
pub(super) fn trim_blank_lines(text: &str) -> (&str, usize) {
    let text = text.trim_end();
    let content = text.len() - text.trim_start().len();
    let start = text[..content].rfind('\n').map_or(0, |newline| newline + 1);
    (&text[start..], text[..start].matches('\n').count())
}
