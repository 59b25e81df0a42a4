//! `pgsteward migrate import-alembic`: an Alembic project becomes a directory of revision scripts.
//!
//! The whole of it happens here, without a daemon: `child` lets the project's own Python render every revision,
//! `convert` makes scripts of what it says, `write` puts them into the directory, all or none, and `report` tells what
//! is left to finish by hand. What cannot be rendered without a database is not lost: its section refuses to run, and
//! a file beside the script says what is missing.

mod child;
mod convert;
mod error;
mod report;
mod write;

use std::path::{Path, PathBuf};

use clap::Args;

use self::{
    convert::Imported,
    report::{Report, told},
};
use super::{error::CliError, exit::Exit, session::write_out};
use crate::model::revision::Graph;

pub(super) use self::error::ImportError;

/// Arguments of `migrate import-alembic`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The directory with the project's `alembic.ini`, or an ini file
    #[arg(value_name = "DIR")]
    project: PathBuf,
    /// The revisions directory to write; it must not hold scripts yet
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The Python in which Alembic and the project's own packages are installed
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
    /// The section of the ini file, as Alembic's own --name
    #[arg(long, value_name = "SECTION", default_value = "alembic")]
    name: String,
}

impl ImportArgs {
    pub(super) async fn run(self, json: bool) -> Result<Exit, CliError> {
        // 1. Nothing is rendered that could not be written.
        write::check_empty(&self.output)?;
        // 2. The project's own Python renders the revisions.
        let ini = ini_file(&self.project)?;
        let export = child::export(&self.python, &ini, &self.name).await;
        let export = export.inspect_err(|error| told(error, json))?;
        // 3. They become scripts, which must fit together.
        let revisions = export
            .revisions
            .into_iter()
            .map(Imported::new)
            .collect::<Result<Vec<_>, _>>()?;
        let scripts = revisions.iter().map(|imported| imported.script.clone());
        Graph::new(scripts.collect()).map_err(ImportError::Graph)?;
        // 4. All are written, or none.
        write::write(&self.output, &revisions)?;
        // 5. What is left to do is told.
        let report = Report::new(&self.output, &revisions, &export.project);
        write_out(&report.text(json))?;
        Ok(Exit::holds(report.is_whole()))
    }
}

/// The file that is the project's configuration. A project may also keep it in `pyproject.toml` alone.
fn ini_file(project: &Path) -> Result<PathBuf, ImportError> {
    let missing = || ImportError::NoProject(project.to_owned());
    let ini = if project.is_dir() {
        project.join("alembic.ini")
    } else {
        project.to_owned()
    };
    let directory = ini.parent().ok_or_else(missing)?;
    if ini.is_file() || project.is_dir() && directory.join("pyproject.toml").is_file() {
        std::path::absolute(&ini).map_err(|_| missing())
    } else {
        Err(missing())
    }
}
