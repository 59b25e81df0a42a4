//! The demo's directory: the embedded server, the backups, and the example's revisions, removed at the end.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::model::failure::{Failure, Kind};

/// The example schema's revisions, as they lie in `examples/shop/revisions`.
const REVISIONS: &[(&str, &str)] = &[
    (
        "202611010900_1f0c2d7a9b31_customers_and_products.sql",
        include_str!(
            "../../examples/shop/revisions/202611010900_1f0c2d7a9b31_customers_and_products.sql"
        ),
    ),
    (
        "202611080900_7be4410c58d2_orders.sql",
        include_str!("../../examples/shop/revisions/202611080900_7be4410c58d2_orders.sql"),
    ),
    (
        "202611150900_c93a5f1e0b76_index_orders_by_customer.sql",
        include_str!(
            "../../examples/shop/revisions/202611150900_c93a5f1e0b76_index_orders_by_customer.sql"
        ),
    ),
];

/// A directory of the demo's own.
pub(super) struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    /// A new directory below the system's one for temporary files, or the given one, which is kept.
    pub(super) fn new(keep: Option<PathBuf>) -> Result<Self, Failure> {
        let kept = keep.is_some();
        let path = keep.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("pgsteward-demo-{}", uuid::Uuid::new_v4().simple()))
        });
        let made = make(&path);
        let scratch = Self { path, kept };
        match made {
            Ok(()) => Ok(scratch),
            Err(error) => {
                let failure = Failure::new(
                    Kind::FailedPrecondition,
                    "SCRATCH_UNWRITABLE",
                    format!("cannot write {}: {error}", scratch.path.display()),
                )
                .with_hint("give a directory that you may write with --keep, or set TMPDIR");
                scratch.clean();
                Err(failure)
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of the demo's daemon, as environment variables would give it.
    pub(super) fn environment(&self) -> impl Iterator<Item = (String, String)> {
        [
            (
                "PGSTEWARD__DATA_DIR",
                self.path.to_string_lossy().into_owned(),
            ),
            ("PGSTEWARD__LISTEN__GRPC", "127.0.0.1:0".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Removes the directory unless it is to be kept.
    pub(super) fn clean(&self) {
        if self.kept {
            println!("Everything is left in {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the demo's directory could not be removed");
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    // The server's unprivileged account must be able to pass through it.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    let revisions = path.join("revisions").join("app");
    fs::create_dir_all(&revisions)?;
    for (name, text) in REVISIONS {
        fs::write(revisions.join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_demo_has_every_revision_of_the_example() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop/revisions");
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let listed: Vec<&str> = REVISIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, names);
    }
}
