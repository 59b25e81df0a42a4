//! A page of text for a person: lines, paragraphs, labelled fields and tables, the same on a terminal and in a pipe save
//! that a terminal's page fits its width and its tables have a bold header. Messages put themselves on a page by
//! [`Render`].

use std::{
    env,
    io::{self, IsTerminal},
};

use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::words;

/// What can be shown to a person.
pub(super) trait Render {
    /// Puts itself on the page.
    fn render(&self, page: &mut Page);
}

/// The least width of a column of free text: below it, lines that run over are easier to read.
const TEXT_WIDTH: u16 = 20;

/// Text in the making.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    /// The terminal's width; none where there is no terminal.
    width: Option<u16>,
    color: bool,
}

impl Page {
    /// A page for standard output. Colour needs a terminal and no `NO_COLOR` (<https://no-color.org>).
    pub(super) fn for_stdout() -> Self {
        let color = env::var_os("NO_COLOR").is_none_or(|text| text.is_empty());
        Self {
            text: String::new(),
            width: Table::new().width().filter(|width| *width > 0),
            color: color && io::stdout().is_terminal(),
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

    /// One line that is cut where the terminal ends, for what a line that runs over would tear apart.
    pub(super) fn cut_line(&mut self, text: &str) {
        let text = words::clean(text);
        let width = self.width.map_or(usize::MAX, usize::from);
        match text.char_indices().nth(width.saturating_sub(1)) {
            Some((end, _)) if text.chars().count() > width => {
                self.line(&format!("{}…", &text[..end]));
            }
            _ => self.line(&text),
        }
    }

    /// Text that is set in by two blanks, and wrapped where the terminal ends.
    pub(super) fn paragraph(&mut self, text: &str) {
        let width = self.width.unwrap_or(u16::MAX).max(TEXT_WIDTH);
        let text = words::clean(text);
        let mut line = String::from(" ");
        for word in text.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if length > usize::from(width) && !line.trim().is_empty() {
                self.line(&line);
                line = String::from(" ");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
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

    /// A table, or `empty` where it would have no rows. An empty cell reads `-`, so that columns can be counted. Only
    /// free text in the last column is ever wrapped: names and ids stay whole, to be copied.
    pub(super) fn table<const N: usize>(
        &mut self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        empty: &str,
    ) {
        let mut table = Table::new();
        table
            .force_no_tty()
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(header.map(|name| self.header_cell(name)))
            .add_rows(rows.into_iter().map(|row| row.map(|text| cell(&text))));
        if table.is_empty() {
            self.line(empty);
            return;
        }
        if self.color {
            table.enforce_styling();
        }
        if let Some(width) = self.width {
            table.set_width(width);
        }
        let last_is_text = table
            .column_cells_iter(N - 1)
            .flatten()
            .any(|cell| cell.content().contains(' '));
        for column in table.column_iter_mut() {
            let constraint = if last_is_text && column.index == N - 1 {
                ColumnConstraint::LowerBoundary(Width::Fixed(TEXT_WIDTH))
            } else {
                ColumnConstraint::ContentWidth
            };
            column.set_padding((0, 2)).set_constraint(constraint);
        }
        self.text.push_str(&table.trim_fmt());
        self.text.push('\n');
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
    fn a_table_on_a_terminal_wraps_only_free_text_at_its_end() {
        let mut page = Page {
            width: Some(40),
            ..Page::default()
        };
        let file = "app_20261122T020000Z.sql.gz";
        let row = [file.to_owned(), "x ".repeat(30)];
        page.table(["file", "message"], [row], "nothing");
        let text = page.into_text();
        assert!(text.contains(file), "{text}");
        assert!(text.lines().count() > 3, "{text}");
    }

    #[test]
    fn a_line_is_cut_to_a_terminals_width_and_whole_in_a_pipe() {
        let cut = |width, text| {
            let mut page = Page {
                width,
                ..Page::default()
            };
            page.cut_line(text);
            page.into_text()
        };
        assert_eq!(cut(Some(5), "å123456"), "å123…\n");
        assert_eq!(cut(Some(7), "å123456"), "å123456\n");
        assert_eq!(cut(None, "å123456"), "å123456\n");
    }

    #[test]
    fn a_paragraph_is_set_in_and_wrapped_between_words() {
        let wrapped = |width| {
            let mut page = Page {
                width,
                ..Page::default()
            };
            page.paragraph("drop  the column, and its values");
            page.into_text()
        };
        assert_eq!(wrapped(Some(20)), "  drop the column,\n  and its values\n");
        assert_eq!(wrapped(None), "  drop the column, and its values\n");
    }

    #[test]
    fn a_table_on_a_terminal_has_a_bold_header_if_colour_is_wanted() {
        let mut page = Page {
            color: true,
            ..Page::default()
        };
        page.table(["file"], [["a".to_owned()]], "nothing");
        assert!(page.into_text().contains("\u{1b}[1mFILE"));
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
