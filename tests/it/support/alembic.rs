//! The real Alembic: a Python virtual environment with fixed versions, made once per target directory and kept there.
//!
//! It is built under another name while a file is locked, and renamed when it is whole: a run that is killed in between
//! leaves nothing that the next one would take for good. Only its interpreter is called, since the scripts beside it hold
//! the name under which it was built.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

/// The version with which everything is compared.
pub(crate) const VERSION: &str = "1.20.1";

/// All that it needs, so that the same versions come tomorrow.
const REQUIREMENTS: [&str; 6] = [
    "alembic==1.20.1",
    "sqlalchemy==2.1.9",
    "mako==1.4.3",
    "markupsafe==3.0.4",
    "typing-extensions==4.16.0",
    "psycopg2-binary==2.9.13",
];

/// Alembic's command line. The working directory is no place for modules: a project may have a directory `alembic`.
const ALEMBIC: &str = "import sys; sys.path.pop(0); from alembic.config import main; main()";

/// The interpreter of the environment, which is made by whoever comes first.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let environment = directory.join(format!("alembic-{VERSION}"));
        let lock = directory.join(format!("alembic-{VERSION}.lock"));
        let lock = File::create(lock).unwrap();
        lock.lock().unwrap();
        if !environment.exists() {
            build(&environment);
        }
        environment.join("bin/python")
    })
}

fn build(environment: &Path) {
    let partial = environment.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).unwrap();
    }
    let directory = partial.to_str().unwrap();
    make("python3", &["-m", "venv", directory]);
    let pip = "-m pip install --quiet --no-input --disable-pip-version-check";
    let arguments: Vec<&str> = pip.split(' ').chain(REQUIREMENTS).collect();
    make(partial.join("bin/python").to_str().unwrap(), &arguments);
    fs::rename(&partial, environment).unwrap();
}

fn make(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let failed = match output {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "the tests compare with Alembic {VERSION} and need python3 with venv, and pip with a package index: \
         {program} {}: {failed}",
        arguments.join(" ")
    );
}

/// An Alembic project in a directory of its own, with `alembic.ini` at its top.
pub(crate) struct Project {
    /// The directory.
    pub(crate) directory: PathBuf,
    /// The database on which its commands work.
    url: String,
}

impl Project {
    /// The project in this directory, whose `env.py` finds the database in the variable `DATABASE_URL`.
    pub(crate) fn new(directory: PathBuf, url: String) -> Self {
        Self { directory, url }
    }

    /// Writes a file, and the directories on the way to it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs one of Alembic's commands.
    pub(crate) fn run(&self, line: &str) -> Output {
        Command::new(python())
            .args(["-B", "-c", ALEMBIC])
            .args(line.split_whitespace())
            .current_dir(&self.directory)
            .env("DATABASE_URL", &self.url)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The standard output of a command that must succeed.
    pub(crate) fn alembic(&self, line: &str) -> String {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "alembic {line}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The ids that `alembic current` or `alembic heads` prints, sorted. What env.py prints ends with a full stop.
    pub(crate) fn ids(&self, command: &str) -> Vec<String> {
        let said = self.alembic(command);
        let lines = said.lines().filter(|line| !line.ends_with('.'));
        let words = lines.filter_map(|line| line.split(' ').next());
        let mut ids: Vec<String> = words.map(str::to_owned).collect();
        ids.sort();
        ids
    }
}
