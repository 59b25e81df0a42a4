//! Pins: what is being read, restored or copied in this process, and so is not removed; and what is being removed, and so
//! is not read any more.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::StorageError;
use crate::model::backup::BackupName;

/// What is held of one backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    ByReaders(usize),
    ByItsRemoval,
}

/// All pins of the process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Pins(Arc<Mutex<BTreeMap<BackupName, Held>>>);

/// A backup is not removed while one of these stands.
#[derive(Debug)]
#[must_use = "the backup is pinned only as long as this lives"]
pub struct Pin {
    pins: Pins,
    name: BackupName,
}

impl Pins {
    /// A value cannot be half changed here, whatever panicked.
    fn held(&self) -> MutexGuard<'_, BTreeMap<BackupName, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins a backup. One that is being removed is as good as gone.
    pub(super) fn pin(&self, name: &BackupName) -> Result<Pin, StorageError> {
        let mut held = self.held();
        let readers = match held.get(name) {
            None => 0,
            Some(Held::ByReaders(readers)) => *readers,
            Some(Held::ByItsRemoval) => return Err(StorageError::NotFound(name.clone())),
        };
        held.insert(name.clone(), Held::ByReaders(readers + 1));
        Ok(self.guard(name))
    }

    /// Whether it is being read, restored or copied.
    pub(super) fn is_pinned(&self, name: &BackupName) -> bool {
        matches!(self.held().get(name), Some(Held::ByReaders(_)))
    }

    /// Keeps readers out until the removal is done. Refused while there are any.
    pub(super) fn remove(&self, name: &BackupName) -> Result<Pin, StorageError> {
        let mut held = self.held();
        match held.get(name) {
            Some(Held::ByReaders(_)) => return Err(StorageError::InUse(name.clone())),
            Some(Held::ByItsRemoval) => return Err(StorageError::NotFound(name.clone())),
            None => held.insert(name.clone(), Held::ByItsRemoval),
        };
        Ok(self.guard(name))
    }

    fn guard(&self, name: &BackupName) -> Pin {
        Pin {
            pins: self.clone(),
            name: name.clone(),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut held = self.pins.held();
        match held.get_mut(&self.name) {
            Some(Held::ByReaders(readers)) if *readers > 1 => *readers -= 1,
            _ => drop(held.remove(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::failure::Classified as _;

    #[test]
    fn what_is_pinned_is_not_removed_and_what_is_being_removed_is_not_pinned() {
        let pins = Pins::default();
        let name = BackupName::parse("app.sql.gz").unwrap();
        let first = pins.pin(&name).unwrap();
        let second = pins.pin(&name).unwrap();
        drop(first);
        assert!(pins.is_pinned(&name));
        assert_eq!(pins.remove(&name).unwrap_err().reason(), "BACKUP_IN_USE");
        drop(second);
        assert!(!pins.is_pinned(&name));

        let removal = pins.remove(&name).unwrap();
        assert_eq!(pins.pin(&name).unwrap_err().reason(), "BACKUP_NOT_FOUND");
        pins.remove(&name).unwrap_err();
        drop(removal);
        drop(pins.pin(&name).unwrap());
    }
}
