//! The effective configuration as TOML, for `pgsteward config check`: the same keys as in the file, secrets hidden.

// serde hands each field to its `serialize_with` function by reference.
#![allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono_tz::Tz;
use croner::Cron;
use secrecy::SecretString;
use serde::{Serialize, Serializer};

use super::{
    ArchiveFormat, Audit, Auth, Backup, Config, ConnectionUrl, Database, Drill, Health, Limits,
    Listen, Log, Maintenance, Migrations, Operations, Postgres, Restore, Retention, Revisions,
    Rights, Schedule, Source, Store,
};

/// The configuration in the file's own cut, where [`Source`] is spread over three tables.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(serialize_with = "path")]
    data_dir: &'a Path,
    listen: &'a Listen,
    auth: &'a Auth,
    limits: &'a Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Control>,
    databases: BTreeMap<&'a str, Managed<'a>>,
    embedded: Embedded<'a>,
    postgres: &'a Postgres,
    stores: &'a BTreeMap<String, Store>,
    backup: &'a Backup,
    retention: &'a Retention,
    migrations: &'a Migrations,
    restore: &'a Restore,
    drill: &'a Drill,
    maintenance: &'a Maintenance,
    operations: &'a Operations,
    schedule: &'a Schedule,
    health: &'a Health,
    audit: &'a Audit,
    log: &'a Log,
}

#[derive(Serialize)]
struct Control {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_url: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Managed<'a> {
    Embedded(&'a Revisions),
    Configured(&'a Database),
}

#[derive(Serialize)]
struct Embedded<'a> {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

impl Config {
    /// The effective configuration as TOML. Passwords, keys and token digests show as `***`.
    pub fn shown(&self) -> String {
        let (control, databases, embedded) = match &self.source {
            Source::Embedded { user, app } => (
                None,
                BTreeMap::from([("app", Managed::Embedded(app))]),
                Embedded {
                    enabled: true,
                    user: user.as_deref(),
                },
            ),
            Source::Configured {
                control,
                owner,
                databases,
            } => (
                Some(Control {
                    url: control.redacted(),
                    owner_url: owner.as_ref().map(ConnectionUrl::redacted),
                }),
                databases
                    .iter()
                    .map(|(name, database)| (name.as_str(), Managed::Configured(database)))
                    .collect(),
                Embedded {
                    enabled: false,
                    user: None,
                },
            ),
        };
        let document = Document {
            data_dir: &self.data_dir,
            listen: &self.listen,
            auth: &self.auth,
            limits: &self.limits,
            control,
            databases,
            embedded,
            postgres: &self.postgres,
            stores: &self.stores,
            backup: &self.backup,
            retention: &self.retention,
            migrations: &self.migrations,
            restore: &self.restore,
            drill: &self.drill,
            maintenance: &self.maintenance,
            operations: &self.operations,
            schedule: &self.schedule,
            health: &self.health,
            audit: &self.audit,
            log: &self.log,
        };
        // Only a map with keys that are no strings, or a bare value, could fail to become TOML.
        toml::to_string(&document).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }
}

pub(super) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

pub(super) fn path_if_any<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_ref()
        .map(|path| path.display().to_string())
        .serialize(serializer)
}

pub(super) fn duration<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*span))
}

/// As it stands in the file: the items with commas in between.
pub(super) fn list<T: ToString, S: Serializer>(
    items: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    serializer.serialize_str(&items.join(", "))
}

pub(super) fn compression<S: Serializer>(
    format: &ArchiveFormat,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(format.compression())
}

pub(super) fn secret<S: Serializer>(
    _hidden: &SecretString,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

pub(super) fn time_zone<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(zone.name())
}

pub(super) fn cron_or_off<S: Serializer>(
    cron: &Option<Cron>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cron.as_ref().map_or("off", Cron::as_str))
}

pub(super) fn rights<S: Serializer>(rights: &Rights, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(rights)
}

pub(super) fn rights_or_none<S: Serializer>(
    rights: &Option<Rights>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match rights {
        Some(rights) => serializer.collect_str(rights),
        None => serializer.serialize_str("none"),
    }
}
