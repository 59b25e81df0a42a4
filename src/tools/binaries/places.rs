//! Places: where packages put PostgreSQL's programs, and how to install them where none are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// PATH without its relative entries: what runs must not hang on the daemon's working directory.
pub(super) fn path_directories() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .collect()
}

/// Where packages and installers put PostgreSQL, below `root` (which is `/` outside of tests).
pub(super) fn usual_places(root: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    // Debian and Ubuntu; Red Hat by the PostgreSQL project's packages; Alpine; Homebrew on ARM and on Intel; the
    // installer of EnterpriseDB.
    for (parent, prefix) in [
        ("usr/lib/postgresql", ""),
        ("usr", "pgsql-"),
        ("usr/libexec", "postgresql"),
        ("opt/homebrew/opt", "postgresql"),
        ("usr/local/opt", "postgresql"),
        ("Library/PostgreSQL", ""),
    ] {
        places.extend(newest_first(&root.join(parent), prefix));
    }
    places.push(root.join("usr/local/pgsql/bin"));
    places.push(root.join("Applications/Postgres.app/Contents/Versions/latest/bin"));
    places
}

/// `parent/<prefix><rest>/bin`, or the directory itself where programs lie in it directly, ordered by the major
/// version in `<rest>`. A name without a number, such as Homebrew's `postgresql`, goes last.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let rest = name.to_str()?.strip_prefix(prefix)?;
            let digits = rest
                .split(|c: char| !c.is_ascii_digit())
                .find(|part| !part.is_empty())
                .unwrap_or_default();
            if prefix.is_empty() && digits.is_empty() {
                return None;
            }
            let directory = entry.path();
            let bin = directory.join("bin");
            let place = if bin.is_dir() { bin } else { directory };
            Some((digits.parse().unwrap_or(0), place))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, place)| place).collect()
}

pub(super) fn installation_advice() -> String {
    if cfg!(target_os = "macos") {
        return "install PostgreSQL: brew install postgresql".to_owned();
    }
    advice_for(&fs::read_to_string("/etc/os-release").unwrap_or_default())
}

/// Advice from the text of `/etc/os-release` (its format is os-release(5)): `ID` is the distribution, `ID_LIKE` those
/// that it descends from, closest first.
fn advice_for(os_release: &str) -> String {
    let value = |key: &str| {
        os_release
            .lines()
            .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_default()
            .trim_matches(['"', '\''])
    };
    let family = format!("{} {}", value("ID"), value("ID_LIKE"));
    let command = family.split_whitespace().find_map(|name| match name {
        "debian" | "ubuntu" => Some("apt-get install postgresql"),
        "fedora" | "rhel" | "centos" => Some("dnf install postgresql-server postgresql"),
        "alpine" => Some("apk add postgresql"),
        _ => None,
    });
    match command {
        Some(command) => format!("install PostgreSQL: {command}"),
        None => {
            "install PostgreSQL's server and client programs with the system's package manager, \
                 or name their directory in the configuration"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn the_newest_major_goes_first_by_number_and_not_by_name() {
        let root = tempfile::tempdir().unwrap();
        for place in [
            "usr/lib/postgresql/9.6/bin",
            "usr/lib/postgresql/15/bin",
            "usr/lib/postgresql/17/bin",
            "usr/pgsql-16/bin",
            "opt/homebrew/opt/postgresql@15/bin",
            "usr/local/pgsql/bin",
        ] {
            fs::create_dir_all(root.path().join(place)).unwrap();
        }

        let places = usual_places(root.path());

        let relative: Vec<_> = places
            .iter()
            .map(|place| place.strip_prefix(root.path()).unwrap())
            .filter(|place| root.path().join(place).is_dir())
            .map(|place| place.to_str().unwrap())
            .collect();
        assert_eq!(
            relative,
            [
                "usr/lib/postgresql/17/bin",
                "usr/lib/postgresql/15/bin",
                "usr/lib/postgresql/9.6/bin",
                "usr/pgsql-16/bin",
                "opt/homebrew/opt/postgresql@15/bin",
                "usr/local/pgsql/bin",
            ]
        );
    }

    #[test]
    fn the_advice_fits_the_distribution_or_what_it_descends_from() {
        for (os_release, part) in [
            ("ID=debian\n", "apt-get install postgresql"),
            (
                "NAME=\"Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                "apt-get",
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                "dnf install postgresql-server",
            ),
            ("ID=alpine\n", "apk add postgresql"),
            ("ID=arch\n", "package manager"),
            ("", "package manager"),
        ] {
            assert!(advice_for(os_release).contains(part), "{os_release}");
        }
    }
}
