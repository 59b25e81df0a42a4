//! pg_restore: the schema of an archive, as SQL text or straight into a database.
//!
//! A schema archive is what `pg_dump::schema_archive` wrote. Its entries fall in three: what rows need (pre-data, without
//! grants, which could keep their own grantor from loading rows), materialized views to be filled, and all the rest.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::ChildStdin,
};
use tokio_postgres::Config;

use super::{
    process::{Tool, ToolError, start},
    scratch_file::ScratchFile,
};

/// Options that choose what rows need.
const PRE_DATA: &[&str] = &["--section=pre-data", "--no-acl"];

/// The entry that fills a materialized view, as lists of entries have it.
const FILLS_VIEW: &str = " MATERIALIZED VIEW DATA ";

/// A schema archive with the lists of its entries.
#[derive(Debug)]
pub struct SchemaArchive {
    file: ScratchFile,
    /// The entries that come after the rows, views not filled, one a line.
    after: String,
    /// The entries that fill materialized views, each after those that it reads from.
    views: Vec<String>,
}

/// pg_restore gives no name of a database but by an option, and takes one with `=` in it for a connection string.
fn database_option(login: &Config) -> String {
    let name = login.get_dbname().unwrap_or_default();
    let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("--dbname=dbname='{escaped}'")
}

impl SchemaArchive {
    /// Makes the archive of these bytes known to pg_restore, and lists its entries.
    pub async fn open(program: &Path, bytes: &[u8]) -> Result<Self, ToolError> {
        let pipe = |source| ToolError::Pipe {
            tool: "pg_restore",
            source,
        };
        let file = ScratchFile::new(bytes).map_err(pipe)?;
        let path = file.path();
        let path = path.to_string_lossy();
        let all = output(program, &["--list", path.as_ref()]).await?;
        let listed = [&["--list"], PRE_DATA, &[path.as_ref()]].concat();
        let before = output(program, &listed).await?;
        let before: std::collections::HashSet<&[u8]> = entries(&before).collect();
        let (mut after, mut views) = (String::new(), Vec::new());
        for entry in entries(&all).filter(|entry| !before.contains(entry)) {
            // Names in it may be in any encoding; pg_restore goes by the number at its beginning.
            let line = format!("{}\n", number(entry));
            if String::from_utf8_lossy(entry).contains(FILLS_VIEW) {
                views.push(line);
            } else {
                after.push_str(&line);
            }
        }
        Ok(Self { file, after, views })
    }

    /// The SQL of what rows need.
    pub async fn pre_data_sql(&self, program: &Path) -> Result<Vec<u8>, ToolError> {
        let path = self.file.path();
        let path = path.to_string_lossy();
        let arguments = [&["--file=-"], PRE_DATA, &[path.as_ref()]].concat();
        output(program, &arguments).await
    }

    /// The SQL of all the rest; materialized views are filled at its end.
    pub async fn post_data_sql(&self, program: &Path) -> Result<Vec<u8>, ToolError> {
        let list = list(&format!("{}{}", self.after, self.views.concat()))?;
        let (list, path) = (use_list(&list), self.file.path());
        output(
            program,
            &["--file=-", &list, path.to_string_lossy().as_ref()],
        )
        .await
    }

    /// Makes what rows need in the login's database. The first error ends it.
    pub async fn restore_pre_data(&self, program: &Path, login: &Config) -> Result<(), ToolError> {
        self.restore(program, login, PRE_DATA).await
    }

    /// Makes the rest in the login's database, with so many connections; fills no view. The first error ends it.
    pub async fn restore_post_data(
        &self,
        program: &Path,
        login: &Config,
        jobs: usize,
    ) -> Result<(), ToolError> {
        if self.after.is_empty() {
            return Ok(());
        }
        let list = list(&self.after)?;
        let jobs = format!("--jobs={jobs}");
        self.restore(program, login, &[&jobs, &use_list(&list)])
            .await
    }

    /// Fills the materialized views; gives what was said of each that could not be filled. One that cannot does not keep
    /// the others from it (lessons B13).
    pub async fn fill_views(
        &self,
        program: &Path,
        login: &Config,
    ) -> Result<Vec<String>, ToolError> {
        let mut problems = Vec::new();
        for view in &self.views {
            let list = list(view)?;
            match self.restore(program, login, &[&use_list(&list)]).await {
                Ok(()) => {}
                // One that was killed says nothing of the view.
                Err(ToolError::Failed { status, said, .. }) if status.code().is_some() => {
                    problems.push(said);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(problems)
    }

    async fn restore(
        &self,
        program: &Path,
        login: &Config,
        options: &[&str],
    ) -> Result<(), ToolError> {
        let (database, path) = (database_option(login), self.file.path());
        let always = ["--exit-on-error", "--no-password", &database];
        let path = path.to_string_lossy();
        let arguments = [&always, options, &[path.as_ref()]].concat();
        start(
            "pg_restore",
            program,
            arguments,
            login,
            Stdio::null(),
            Stdio::null(),
        )?
        .finish()
        .await
    }
}

/// A reading of another tool's archive in the custom format, to its end, without a database.
#[derive(Debug)]
pub struct Reading {
    tool: Tool,
    input: ChildStdin,
}

impl Reading {
    /// Starts pg_restore.
    pub fn start(program: &Path) -> Result<Self, ToolError> {
        let mut tool = start(
            "pg_restore",
            program,
            ["--file=-"],
            &Config::new(),
            Stdio::piped(),
            Stdio::null(),
        )?;
        let input = tool.stdin()?;
        Ok(Self { tool, input })
    }

    /// Gives it the next bytes. That it takes no more shows at the end.
    pub async fn feed(&mut self, bytes: &[u8]) {
        if let Err(error) = self.input.write_all(bytes).await {
            tracing::debug!(%error, "pg_restore takes no more");
        }
    }

    /// Waits for its verdict.
    pub async fn finish(self) -> Result<(), ToolError> {
        drop(self.input);
        self.tool.finish().await
    }
}

/// Restores another tool's archive in the custom format into the login's database; the bytes go into the tool's stdin. The
/// first error ends it.
pub fn restore_stream(program: &Path, login: &Config) -> Result<Tool, ToolError> {
    let database = database_option(login);
    start(
        "pg_restore",
        program,
        ["--exit-on-error", "--no-password", &database],
        login,
        Stdio::piped(),
        Stdio::null(),
    )
}

fn list(entries: &str) -> Result<ScratchFile, ToolError> {
    ScratchFile::new(entries.as_bytes()).map_err(|source| ToolError::Pipe {
        tool: "pg_restore",
        source,
    })
}

fn use_list(list: &ScratchFile) -> String {
    format!("--use-list={}", list.path().display())
}

/// The lines of a list that are entries; those that begin with a semicolon are comments.
fn entries(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b'\n')
        .filter(|line| line.first().is_some_and(u8::is_ascii_digit))
}

/// The number of an entry, up to its semicolon.
fn number(entry: &[u8]) -> String {
    let end = entry.iter().position(|byte| *byte == b';');
    let end = end.map_or(entry.len(), |end| end + 1);
    String::from_utf8_lossy(&entry[..end]).into_owned()
}

/// What pg_restore prints. It connects to nothing.
async fn output(program: &Path, arguments: &[&str]) -> Result<Vec<u8>, ToolError> {
    let mut tool = start(
        "pg_restore",
        program,
        arguments,
        &Config::new(),
        Stdio::null(),
        Stdio::piped(),
    )?;
    let text = read_all(&mut tool, "pg_restore").await?;
    tool.finish().await?;
    Ok(text)
}

/// Reads a tool's output to its end.
pub(super) async fn read_all(tool: &mut Tool, name: &'static str) -> Result<Vec<u8>, ToolError> {
    let mut text = Vec::new();
    tool.stdout()?
        .read_to_end(&mut text)
        .await
        .map_err(|source| ToolError::Pipe { tool: name, source })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_known_by_their_number_whatever_their_names() {
        let list = b";\n; Archive created at 2026\n;\n3209; 2606 16393 CONSTRAINT public t\xe9 t_pkey own\n\n12; 0 0 ACL - x";
        let numbers: Vec<String> = entries(list).map(number).collect();
        assert_eq!(numbers, ["3209;", "12;"]);
    }

    #[test]
    fn a_database_is_never_taken_for_a_connection_string() {
        let mut login = Config::new();
        login.dbname("a=b' host=evil");
        assert_eq!(
            database_option(&login),
            "--dbname=dbname='a=b\\' host=evil'"
        );
    }
}
