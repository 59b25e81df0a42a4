//! The directory that is written: all files or none.
//!
//! They are written into a hidden directory inside of it, made durable, and moved out when the last one is. Whatever
//! fails takes back what was done.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use super::{convert::Imported, error::ImportError};

/// Refuses a directory that holds scripts, or what an import left to do. One that does not exist holds none.
pub(super) fn check_empty(directory: &Path) -> Result<(), ImportError> {
    let cannot_read = |source| ImportError::Read {
        path: directory.to_owned(),
        source,
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(cannot_read)?,
    };
    for entry in entries {
        let name = entry.map_err(cannot_read)?.file_name();
        let end = Path::new(&name).extension();
        if end.is_some_and(|end| end == "sql" || end == "todo") {
            return Err(ImportError::NotEmpty {
                path: directory.to_owned(),
                file: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

/// Writes all scripts, and what is left to do beside them.
pub(super) fn write(directory: &Path, revisions: &[Imported]) -> Result<(), ImportError> {
    let mut attempt = Attempt::begin(directory)?;
    let mut names = Vec::new();
    for imported in revisions {
        let script = &imported.script;
        let files = [(script.file_name.clone(), script.render())];
        for (name, text) in files.into_iter().chain(imported.marker()) {
            let path = attempt.stage.join(&name);
            durably(&path, &text).map_err(cannot_write(&path))?;
            names.push(name);
        }
    }
    for name in &names {
        let path = directory.join(name);
        fs::rename(attempt.stage.join(name), &path).map_err(cannot_write(&path))?;
        attempt.made.push(path);
    }
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(cannot_write(directory))?;
    attempt.made.clear();
    attempt.new_directory = None;
    Ok(())
}

fn durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> ImportError {
    let path = path.to_owned();
    |source| ImportError::Write { path, source }
}

/// What is to be taken back when this is dropped.
struct Attempt {
    /// Holds the files until all are there; goes in any case.
    stage: PathBuf,
    /// Files that stand in the directory already.
    made: Vec<PathBuf>,
    /// The directory, if it was made for them.
    new_directory: Option<PathBuf>,
}

impl Attempt {
    fn begin(directory: &Path) -> Result<Self, ImportError> {
        let is_new = !directory.exists();
        fs::create_dir_all(directory).map_err(cannot_write(directory))?;
        let stage = directory.join(format!(".import-{}", process::id()));
        let attempt = Self {
            stage,
            made: Vec::new(),
            new_directory: is_new.then(|| directory.to_owned()),
        };
        fs::create_dir(&attempt.stage).map_err(cannot_write(&attempt.stage))?;
        Ok(attempt)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // What cannot be removed stays; there is nobody left to tell.
        for path in &self.made {
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir_all(&self.stage);
        if let Some(directory) = &self.new_directory {
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn imported(revision: &str) -> Imported {
        let rendered = json!({
            "sql": "", "problem": "unknown", "irreversible": false, "autocommit": false, "notes": [],
        });
        let exported = json!({
            "revision": revision, "down_revisions": [], "branch_labels": [], "depends_on": [],
            "message": "", "created": "2026-01-02T03:04:05Z", "path": "a.py",
            "upgrade": rendered, "downgrade": rendered,
        });
        Imported::new(serde_json::from_value(exported).unwrap()).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn scripts_and_markers_are_all_that_is_written() {
        let scratch = tempfile::tempdir().unwrap();
        let output = scratch.path().join("a/b");
        check_empty(&output).unwrap();
        write(&output, &[imported("aaaa")]).unwrap();
        assert_eq!(
            names(&output),
            ["202601020304_aaaa.sql", "202601020304_aaaa.sql.todo"]
        );
        assert!(check_empty(&output).is_err());
        fs::remove_file(output.join("202601020304_aaaa.sql")).unwrap();
        assert!(check_empty(&output).is_err());
    }

    #[test]
    fn a_failure_leaves_nothing_and_takes_nothing_away() {
        let scratch = tempfile::tempdir().unwrap();
        let twice = [imported("aaaa"), imported("aaaa")];
        let output = scratch.path().join("new");
        assert!(write(&output, &twice).is_err());
        assert!(!output.exists());
        fs::write(scratch.path().join("README"), "about").unwrap();
        // Moving the second file out fails, when the first one is out already.
        let blocked = scratch.path().join("202601020304_bbbb.sql");
        fs::create_dir(&blocked).unwrap();
        assert!(write(scratch.path(), &[imported("aaaa"), imported("bbbb")]).is_err());
        assert_eq!(names(scratch.path()), ["202601020304_bbbb.sql", "README"]);
    }
}
