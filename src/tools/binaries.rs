//! Binaries: the directory that holds PostgreSQL's programs.
//!
//! Whoever runs a PostgreSQL program (the embedded server, dumps, restores) asks here first. The search goes from an
//! explicit setting over PATH to the places where packages put them. Several majors may be installed side by side, so a
//! caller can take the best one ([`Binaries::find`]) or choose among all ([`Binaries::find_all`]).

mod places;

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use thiserror::Error;

use crate::model::failure::{Classified, Kind};

/// What Debian puts in PATH: a Perl script that guesses the cluster, and so the version, from its own configuration.
const DEBIAN_WRAPPER: &str = "pg_wrapper";

/// Why there are no usable PostgreSQL programs.
#[derive(Debug, Error)]
pub enum BinariesError {
    /// The directory that was asked for lacks a program.
    #[error("{directory:?} lacks the PostgreSQL programs {}", missing.join(", "))]
    Incomplete {
        /// The directory of the setting.
        directory: PathBuf,
        /// What it lacks.
        missing: Vec<String>,
    },
    /// No directory has all programs.
    #[error("no directory has the PostgreSQL programs {} (searched {searched:?})", needed.join(", "))]
    NotFound {
        /// The programs that one directory must have together.
        needed: Vec<String>,
        /// Every directory that was looked at.
        searched: Vec<PathBuf>,
        /// How to install them on this system.
        advice: String,
    },
    /// A program was found but cannot be run.
    #[error("cannot run {program:?}")]
    NotRunnable {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ran and did not say which version it is.
    #[error("{program:?} --version gave no version ({status}, {output:?})")]
    NoVersion {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote instead.
        output: String,
    },
    /// A psql that cannot be kept from running the commands that a file holds.
    #[error(
        "{found} does not know \\restrict, without which another tool's dump could run programs"
    )]
    PsqlTooOld {
        /// What it says of itself, e.g. `psql (PostgreSQL) 15.13`.
        found: String,
    },
}

impl Classified for BinariesError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotRunnable { .. } | Self::NoVersion { .. } => Kind::Internal,
            Self::Incomplete { .. } | Self::NotFound { .. } | Self::PsqlTooOld { .. } => {
                Kind::FailedPrecondition
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } | Self::NotFound { .. } => "POSTGRESQL_NOT_INSTALLED",
            Self::NotRunnable { .. } => "POSTGRESQL_PROGRAM_NOT_RUNNABLE",
            Self::NoVersion { .. } => "POSTGRESQL_VERSION_UNKNOWN",
            Self::PsqlTooOld { .. } => "PSQL_TOO_OLD",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Incomplete { .. } => {
                Some("name the directory in which pg_config --bindir says they are".to_owned())
            }
            Self::NotFound { advice, .. } => Some(advice.clone()),
            Self::PsqlTooOld { .. } => Some(
                "install a newer minor release of PostgreSQL's client programs (13.22, 14.19, 15.14, 16.10, 17.6, 18 or \
                 later), or set postgres.bin_dir to one"
                    .to_owned(),
            ),
            Self::NotRunnable { .. } | Self::NoVersion { .. } => None,
        }
    }
}

/// The version of a PostgreSQL program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The major version, e.g. 15.
    pub major: u32,
    /// The minor version, e.g. 18; 0 for one that is not released yet.
    pub minor: u32,
    /// The whole line, e.g. `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    pub text: String,
}

impl Version {
    /// Reads the output of `--version`: the major is the start of the first word that begins with a digit.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = text
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit());
            text[..end.unwrap_or(text.len())].parse().ok()
        };
        let minor = number.split_once('.').and_then(|(_, rest)| digits(rest));
        Some(Self {
            major: digits(number)?,
            minor: minor.unwrap_or_default(),
            text: text.to_owned(),
        })
    }

    /// Refuses a psql without `\restrict`, which came to all majors at once, as a fix (CVE-2025-8714).
    fn with_restrict(self) -> Result<(), BinariesError> {
        let since = match self.major {
            ..13 => u32::MAX,
            13 => 22,
            14 => 19,
            15 => 14,
            16 => 10,
            17 => 6,
            18.. => 0,
        };
        if self.minor >= since {
            return Ok(());
        }
        Err(BinariesError::PsqlTooOld { found: self.text })
    }
}

/// One directory with all the PostgreSQL programs that its finder needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// The best directory that has all of `needed`, e.g. `["pg_dump", "psql"]`.
    ///
    /// `explicit` is taken as it is or refused; without it PATH goes before the usual places, and there the newest
    /// major goes first.
    pub fn find(explicit: Option<&Path>, needed: &[&str]) -> Result<Self, BinariesError> {
        let mut found = Self::find_all(explicit, needed)?;
        Ok(found.swap_remove(0))
    }

    /// Every directory that has all of `needed`, best first; never empty.
    pub fn find_all(explicit: Option<&Path>, needed: &[&str]) -> Result<Vec<Self>, BinariesError> {
        if let Some(directory) = explicit {
            let missing: Vec<String> = needed
                .iter()
                .filter(|name| !is_executable(&directory.join(name)))
                .map(|&name| name.to_owned())
                .collect();
            if !missing.is_empty() {
                return Err(BinariesError::Incomplete {
                    directory: directory.to_owned(),
                    missing,
                });
            }
            return Ok(vec![Self {
                directory: directory.to_owned(),
            }]);
        }

        let mut candidates = places::path_directories();
        candidates.extend(places::usual_places(Path::new("/")));
        let found = complete_directories(&candidates, needed);
        if found.is_empty() {
            return Err(BinariesError::NotFound {
                needed: needed.iter().map(|&name| name.to_owned()).collect(),
                searched: candidates,
                advice: places::installation_advice(),
            });
        }
        Ok(found)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The absolute path of one program, e.g. `pg_dump`.
    pub fn path(&self, program: &str) -> PathBuf {
        self.directory.join(program)
    }

    /// The version of `pg_dump`, or of the server program where no client programs are installed.
    pub async fn version(&self) -> Result<Version, BinariesError> {
        let client = self.path("pg_dump");
        let program = if is_executable(&client) {
            client
        } else {
            self.path("postgres")
        };
        version_of(program).await
    }

    /// The path of psql, for [`run_restricted`](super::psql::run_restricted); an error if it is too old for that.
    pub async fn restricted_psql(&self) -> Result<PathBuf, BinariesError> {
        let program = self.path("psql");
        version_of(program.clone()).await?.with_restrict()?;
        Ok(program)
    }
}

async fn version_of(program: PathBuf) -> Result<Version, BinariesError> {
    let output = tokio::process::Command::new(&program)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| BinariesError::NotRunnable {
            program: program.clone(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    Version::parse(&text).ok_or_else(|| BinariesError::NoVersion {
        program,
        status: output.status,
        output: text.trim().to_owned(),
    })
}

/// Those of `candidates` that have every program, in their order, each real directory once.
fn complete_directories(candidates: &[PathBuf], needed: &[&str]) -> Vec<Binaries> {
    let mut seen = HashSet::new();
    candidates
        .iter()
        .filter(|directory| {
            needed.iter().all(|name| {
                let program = directory.join(name);
                is_executable(&program) && !is_wrapper(&program)
            })
        })
        .filter(|directory| fs::canonicalize(directory).is_ok_and(|real| seen.insert(real)))
        .map(|directory| Binaries {
            directory: directory.clone(),
        })
        .collect()
}

fn is_executable(program: &Path) -> bool {
    fs::metadata(program).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn is_wrapper(program: &Path) -> bool {
    fs::canonicalize(program)
        .is_ok_and(|real| real.file_name().is_some_and(|name| name == DEBIAN_WRAPPER))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::os::unix::fs::symlink;

    use super::*;

    fn program(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn directories(found: &[Binaries]) -> Vec<&Path> {
        found.iter().map(Binaries::directory).collect()
    }

    #[test]
    fn a_directory_counts_only_with_every_program_executable() {
        let root = tempfile::tempdir().unwrap();
        let (lacking, plain, good) = (
            root.path().join("lacking"),
            root.path().join("plain"),
            root.path().join("good"),
        );
        program(&lacking.join("psql"), 0o755);
        program(&plain.join("psql"), 0o755);
        program(&plain.join("pg_dump"), 0o644);
        program(&good.join("psql"), 0o755);
        program(&good.join("pg_dump"), 0o755);
        let candidates = [lacking, root.path().join("absent"), plain, good.clone()];

        let found = complete_directories(&candidates, &["psql", "pg_dump"]);

        assert_eq!(directories(&found), [good.as_path()]);
        assert_eq!(found[0].path("psql"), good.join("psql"));
    }

    #[test]
    fn debians_wrappers_are_passed_over_for_real_programs() {
        let root = tempfile::tempdir().unwrap();
        let wrapper = root.path().join("share/pg_wrapper");
        program(&wrapper, 0o755);
        let usual = root.path().join("usr/bin");
        fs::create_dir_all(&usual).unwrap();
        symlink(&wrapper, usual.join("psql")).unwrap();
        let real = root.path().join("usr/lib/postgresql/15/bin");
        program(&real.join("psql"), 0o755);

        let found = complete_directories(&[usual, real.clone()], &["psql"]);

        assert_eq!(directories(&found), [real.as_path()]);
    }

    #[test]
    fn one_directory_under_two_names_is_found_once() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("usr/bin");
        program(&real.join("psql"), 0o755);
        let alias = root.path().join("bin");
        symlink(&real, &alias).unwrap();

        let found = complete_directories(&[alias.clone(), real], &["psql"]);

        assert_eq!(directories(&found), [alias.as_path()]);
    }

    #[test]
    fn an_explicit_directory_is_never_replaced_by_another() {
        let root = tempfile::tempdir().unwrap();
        program(&root.path().join("psql"), 0o755);

        let error = Binaries::find(Some(root.path()), &["psql", "initdb"]).unwrap_err();

        assert!(
            matches!(&error, BinariesError::Incomplete { missing, .. } if missing == &["initdb"])
        );
        assert!(Binaries::find(Some(root.path()), &["psql"]).is_ok());
    }

    #[test]
    fn a_failed_search_names_the_places_and_the_command_that_installs() {
        let error = Binaries::find(None, &["no_such_postgresql_program"]).unwrap_err();

        assert!(error.to_string().contains("/usr/local/pgsql/bin"));
        assert!(error.hint().unwrap().contains("install"));
    }

    #[test]
    fn versions_are_read_as_every_vendor_writes_them() {
        for (text, expected) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
                Some((15, 18)),
            ),
            ("pg_dump (PostgreSQL) 18beta1\n", Some((18, 0))),
            ("postgres (EnterpriseDB) 16.3.0\n", Some((16, 3))),
            ("no version here\n", None),
        ] {
            assert_eq!(
                Version::parse(text).map(|version| (version.major, version.minor)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn each_major_has_a_release_since_which_psql_can_be_restricted() {
        let checked = |number: &str| {
            let text = format!("psql (PostgreSQL) {number}");
            Version::parse(&text).unwrap().with_restrict()
        };
        for (before, since) in [
            ("13.21", "13.22"),
            ("14.18", "14.19"),
            ("15.13", "15.14"),
            ("16.9", "16.10"),
            ("17.5", "17.6"),
            ("12.99", "18.0"),
            ("9.6.24", "19devel"),
        ] {
            let error = checked(before).unwrap_err();
            assert_eq!(error.reason(), "PSQL_TOO_OLD");
            assert!(error.to_string().contains(before), "{error}");
            assert!(checked(since).is_ok(), "{since}");
        }
    }

    #[tokio::test]
    async fn the_installed_psql_can_be_restricted() {
        let installed = Binaries::find(None, &["psql"]).unwrap();
        let path = installed.restricted_psql().await.unwrap();
        assert_eq!(path, installed.path("psql"));
    }

    #[tokio::test]
    async fn a_directory_without_client_programs_tells_its_version_by_the_server() {
        let installed = Binaries::find(None, &["pg_dump", "postgres"]).unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(installed.path("postgres"), root.path().join("postgres")).unwrap();
        let server = Binaries::find(Some(root.path()), &["postgres"]).unwrap();

        let version = server.version().await.unwrap();

        assert!(version.text.starts_with("postgres"), "{}", version.text);
        assert_eq!(version.major, installed.version().await.unwrap().major);
    }
}
