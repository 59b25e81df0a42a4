//! What a pair is on disk: two schemas, rows, and the answers to questions about renames. `tests/pairs/README.md` says it
//! in full.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

/// The line after which answers are for the way back.
const BACKWARD: &str = "backward:";

/// Which way a pair is gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the old schema to the new one.
    Forward,
    /// From the new schema to the old one.
    Backward,
}

impl fmt::Display for Direction {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        })
    }
}

/// What the request says about renames.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// `public.orders.total=amount`, `public.orders=public.purchases`.
    pub(super) renames: Vec<String>,
    /// `public.orders.note`.
    pub(super) drops: Vec<String>,
}

/// Two schemas.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// `<theme>/<name>`.
    pub(super) name: String,
    /// The files of the old schema and of the new one, by their names: their text.
    schemas: [BTreeMap<String, String>; 2],
    rows: [String; 2],
    answers: [Answers; 2],
}

/// The themes that there are, sorted.
pub(super) fn themes() -> Vec<String> {
    entries(&root())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pairs")
}

/// The directories in a directory, sorted.
fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

impl Pair {
    /// The pairs of a theme, by name.
    pub(super) fn all_of(theme: &str) -> Vec<Self> {
        let names = entries(&root().join(theme));
        names
            .iter()
            .map(|name| Self::read(&format!("{theme}/{name}")))
            .collect()
    }

    fn read(name: &str) -> Self {
        let directory = root().join(name);
        let text = |file: &str| fs::read_to_string(directory.join(file)).ok();
        let rows = text("rows.sql").unwrap_or_default();
        Self {
            name: name.to_owned(),
            schemas: ["old", "new"].map(|side| schema(&directory, side)),
            rows: [rows.clone(), text("rows_backward.sql").unwrap_or(rows)],
            answers: answers(&text("answers").unwrap_or_default()),
        }
    }

    /// A pair that no directory has.
    pub(super) fn of(old: &str, new: &str, rows: &str) -> Self {
        let one = |text: &str| BTreeMap::from([("schema.sql".to_owned(), text.to_owned())]);
        Self {
            name: "made/up".to_owned(),
            schemas: [one(old), one(new)],
            rows: [rows.to_owned(), rows.to_owned()],
            answers: <[Answers; 2]>::default(),
        }
    }

    /// The files of the old schema, and those of the new one.
    pub(super) fn schemas(&self) -> &[BTreeMap<String, String>; 2] {
        &self.schemas
    }

    /// The files of the schema to which the way goes.
    pub(super) fn target(&self, direction: Direction) -> &BTreeMap<String, String> {
        match direction {
            Direction::Forward => &self.schemas[1],
            Direction::Backward => &self.schemas[0],
        }
    }

    /// The rows that are there before the way begins.
    pub(super) fn rows(&self, direction: Direction) -> &str {
        &self.rows[usize::from(direction == Direction::Backward)]
    }

    /// What the request says about renames.
    pub(super) fn answers(&self, direction: Direction) -> &Answers {
        &self.answers[usize::from(direction == Direction::Backward)]
    }
}

/// One file, or a directory of files.
fn schema(pair: &Path, side: &str) -> BTreeMap<String, String> {
    let file = format!("{side}.sql");
    if let Ok(text) = fs::read_to_string(pair.join(&file)) {
        return BTreeMap::from([(file, text)]);
    }
    let files = fs::read_dir(pair.join(side)).unwrap().map(Result::unwrap);
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}

fn answers(text: &str) -> [Answers; 2] {
    let mut answers = <[Answers; 2]>::default();
    let mut direction = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(' ') {
            Some(("rename", names)) => answers[direction].renames.push(names.to_owned()),
            Some(("drop", name)) => answers[direction].drops.push(name.to_owned()),
            None if line == BACKWARD => direction = 1,
            _ => panic!("no answer: {line}"),
        }
    }
    answers
}
