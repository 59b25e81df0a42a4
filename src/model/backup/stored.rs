//! A backup together with where it lies: what calls and operations tell of it.

use serde::{Deserialize, Serialize};

use super::{Contents, Manifest, StoredContents};

/// A backup, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBackup {
    /// What is known of it.
    pub manifest: Manifest,
    /// The stores that hold it, the one that reads take first.
    pub stores: Vec<String>,
}

impl StoredBackup {
    /// The same with no more of its contents than people ask for: the tables and the number of large objects. The record of
    /// an operation is no place for the schema and thousands of blocks.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.manifest.contents = match self.manifest.contents {
            Some(StoredContents::Open(contents)) => {
                Some(StoredContents::Open(Box::new(Contents {
                    tables: contents.tables,
                    large_objects: contents.large_objects,
                    ..Contents::default()
                })))
            }
            _ => None,
        };
        self
    }
}
