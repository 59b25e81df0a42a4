//! Gates: a tool that stands still in the middle of its work until the test lets it go on.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    process::Command,
};

use super::Site;

/// The file that says that the tool stands at the gate.
const ARRIVED: &str = "at-the-gate";

/// Holds every run of one tool, after it has said that it is there.
pub(crate) struct Gate(File);

impl Gate {
    /// Puts a gate before `pg_dump` or `psql` for the daemons that are started from now on.
    pub(crate) fn before(site: &mut Site, tool: &str) -> Self {
        Self::make(site, |site, script| site.fake_tool(tool, script))
    }

    /// Puts a gate before what a restore makes in its new database.
    pub(crate) fn before_restoring(site: &mut Site) -> Self {
        Self::make(site, Site::fake_restoring)
    }

    fn make(site: &mut Site, fake: impl FnOnce(&mut Site, &str)) -> Self {
        let path = site.path("gate");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        // Open for both: neither opening waits for the other side, and what is written waits for its reader.
        let fifo = OpenOptions::new().read(true).write(true).open(&path);
        let script =
            format!(": >\"$SITE/{ARRIVED}\"\nread -r go <\"$SITE/gate\"\nexec \"$REAL\" \"$@\"");
        fake(site, &script);
        Self(fifo.unwrap())
    }

    /// Waits until a tool stands at the gate.
    pub(crate) async fn reached(&self, site: &Site) {
        site.has_file(ARRIVED).await;
    }

    /// Lets one tool pass.
    pub(crate) fn open(&mut self) {
        self.0.write_all(b"go\n").unwrap();
    }
}
