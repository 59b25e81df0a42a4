//! The suite's own PostgreSQL installation: the installed one, with an extension of ours beside those that it has.
//!
//! A server looks for its libraries and its shared files from where its own program lies. So a copy of that one file, and
//! links to all the rest, make an installation to which an extension can be added, and the real one stays as it is.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use super::cluster::binaries;

/// The extension's name: it has a table of settings, of which those that were not shipped belong into a dump; a journal
/// with its sequence, which belongs into it as a whole; and a table of constants, of which nothing does.
pub(crate) const EXTENSION: &str = "steward_shelf";

const CONTROL: &str = "default_version = '1.0'\nrelocatable = false\nschema = shelf\n";

const SCRIPT: &str = "
CREATE TABLE knobs (name text PRIMARY KEY, value text, shipped boolean NOT NULL DEFAULT false);
INSERT INTO knobs VALUES ('colour', 'grey', true), ('size', 'medium', true);
SELECT pg_catalog.pg_extension_config_dump('knobs', 'WHERE NOT shipped');
CREATE TABLE journal (id serial PRIMARY KEY, said text);
SELECT pg_catalog.pg_extension_config_dump('journal', '');
SELECT pg_catalog.pg_extension_config_dump('journal_id_seq', '');
CREATE TABLE constants (name text, value numeric);
INSERT INTO constants VALUES ('pi', 3.14159);
";

/// Makes the installation in a directory; gives its server program.
pub(crate) fn mirror(directory: &Path) -> PathBuf {
    let (programs, shared, libraries) = (
        installed("--bindir"),
        installed("--sharedir"),
        installed("--pkglibdir"),
    );
    let root = directory.join("installation");
    // The server goes up from its own directory as far as the names of all three are the same.
    let place = |path: &Path| root.join(path.strip_prefix("/").unwrap());

    let (bin, share, lib) = (place(&programs), place(&shared), place(&libraries));
    fs::create_dir_all(&bin).unwrap();
    let server = bin.join("postgres");
    if server.exists() {
        return server;
    }
    fs::create_dir_all(lib.parent().unwrap()).unwrap();
    symlink(&libraries, &lib).unwrap();
    link_all(&shared, &share, Some("extension"));
    let extensions = share.join("extension");
    link_all(&shared.join("extension"), &extensions, None);
    let file = |end: &str| extensions.join(format!("{EXTENSION}{end}"));
    fs::write(file(".control"), CONTROL).unwrap();
    fs::write(file("--1.0.sql"), SCRIPT).unwrap();
    fs::copy(binaries().path("postgres"), &server).unwrap();
    server
}

/// One of the directories that the installed PostgreSQL was built for.
fn installed(option: &str) -> PathBuf {
    let program = binaries().path("pg_config");
    let output = Command::new(program).arg(option).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// Makes a directory with links to all that another one has, but for one name.
fn link_all(from: &Path, to: &Path, but: Option<&str>) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if but.is_none_or(|name| entry.file_name() != name) {
            symlink(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
