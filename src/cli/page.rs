//! A page of text for a person: lines, labelled fields and tables, the same on a terminal and in a pipe save that a
//! terminal's table fits its width and has a bold header. Messages put themselves on a page by [`Render`].

use std::{
    env,
    io::{self, IsTerminal},
};

use comfy_table::{Attribute, Cell, ContentArrangement, Table};

use super::words;

/// What can be shown to a person.
pub(super) trait Render {
    /// Puts itself on the page.
    fn render(&self, page: &mut Page);
}

/// Text in the making.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    terminal: bool,
    color: bool,
}

impl Page {
    /// A page for standard output. Colour needs a terminal and no `NO_COLOR` (<https://no-color.org>).
    pub(super) fn for_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            text: String::new(),
            terminal,
            color: terminal && env::var_os("NO_COLOR").is_none_or(|text| text.is_empty()),
        }
    }

    /// The finished text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// One line.
    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(&words::clean(text));
        self.text.push('\n');
    }

    /// An empty line between two parts, unless the page begins here.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// A text with its own line breaks.
    pub(super) fn block(&mut self, text: &str) {
        self.text.push_str(words::clean_lines(text).trim_end());
        self.text.push('\n');
    }

    /// Labels and values below each other, without the empty ones.
    pub(super) fn fields(&mut self, fields: &[(&str, String)]) {
        let shown = || fields.iter().filter(|(_, value)| !value.is_empty());
        let width = shown().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (label, value) in shown() {
            let label = format!("{label}:");
            self.line(&format!("{label:<width$}  {value}", width = width + 1));
        }
    }

    /// A table, or `empty` where it would have no rows. An empty cell reads `-`, so that columns can be counted.
    pub(super) fn table<const N: usize>(
        &mut self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        empty: &str,
    ) {
        let mut table = Table::new();
        table
            .load_style(comfy_table::presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(header.map(|name| self.header_cell(name)))
            .add_rows(rows.into_iter().map(|row| row.map(|text| cell(&text))));
        if !self.terminal {
            table.force_no_tty();
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if table.is_empty() {
            self.line(empty);
        } else {
            self.text.push_str(&table.trim_fmt());
            self.text.push('\n');
        }
    }

    fn header_cell(&self, name: &str) -> Cell {
        let cell = Cell::new(name.to_uppercase());
        if self.color {
            cell.add_attribute(Attribute::Bold)
        } else {
            cell
        }
    }
}

fn cell(text: &str) -> Cell {
    Cell::new(if text.is_empty() {
        "-".to_owned()
    } else {
        words::clean(text)
    })
}

#[cfg(test)]
pub(super) fn rendered(shown: &impl Render) -> String {
    let mut page = Page::default();
    shown.render(&mut page);
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_a_pipe_is_aligned_text_without_tabs_borders_or_colour() {
        let mut page = Page::default();
        page.table(
            ["file", "size"],
            [
                ["a\tb.sql.gz".to_owned(), String::new()],
                ["c".to_owned(), "1.00 KiB".to_owned()],
            ],
            "no files",
        );
        assert_eq!(
            page.into_text(),
            "FILE        SIZE\na b.sql.gz  -\nc           1.00 KiB\n"
        );
    }

    #[test]
    fn a_table_in_a_pipe_is_never_wrapped() {
        let mut page = Page::default();
        page.table(["text"], [["x ".repeat(500) + "end"]], "nothing");
        assert_eq!(page.into_text().lines().count(), 2);
    }

    #[test]
    fn a_table_without_rows_says_so() {
        let mut page = Page::default();
        page.table(["file"], [], "no backups");
        assert_eq!(page.into_text(), "no backups\n");
    }

    #[test]
    fn fields_are_aligned_and_empty_ones_left_out() {
        let mut page = Page::default();
        page.fields(&[
            ("file", "a".to_owned()),
            ("reason", String::new()),
            ("sha256", "b".to_owned()),
        ]);
        assert_eq!(page.into_text(), "file:    a\nsha256:  b\n");
    }
}
