//! The rules of the control store and the managed databases: embedded or configured, one connection per purpose, no
//! database twice, and the control store in none of them.

use std::{collections::BTreeMap, path::Path};

use super::{ConfigError, ConnectionUrl, Database, Revisions, Source, clients, settings::Settings};

/// The keys of a database that hold a URL: the one for all purposes, then one for each.
const URLS: [&str; 6] = [
    "url",
    "admin",
    "migrator",
    "backup",
    "maintenance",
    "provision",
];

/// The only database that the embedded server manages.
const EMBEDDED_DATABASE: &str = "app";

impl Source {
    /// The names of the managed databases.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Embedded { .. } => vec![EMBEDDED_DATABASE],
            Self::Configured { databases, .. } => databases.keys().map(String::as_str).collect(),
        }
    }
}

/// Decides between the embedded server and configured ones, and checks what was given for it.
pub(super) fn source(settings: &Settings, data_dir: &Path) -> Result<Source, ConfigError> {
    let names = settings.children("databases");
    if let Some(name) = names.iter().find(|name| !is_database_name(name)) {
        let problem =
            "is no name for a database: 1 to 63 of a-z, 0-9, _ and -, with a letter first";
        return Err(settings.refuse(&format!("databases.{name}"), problem));
    }
    let control = settings.url("control.url")?;
    let first_url = names
        .iter()
        .flat_map(|name| URLS.map(|purpose| format!("databases.{name}.{purpose}")))
        .find(|path| settings.has(path));
    if control.is_none() && settings.has("control.owner_url") {
        let problem = "is given without `control.url`";
        return Err(settings.refuse("control.owner_url", problem));
    }
    match (control, settings.flag("embedded.enabled"), first_url) {
        (Some(_), Some(true), _) => {
            let problem =
                "is true beside `control.url`: the embedded server brings its own control store";
            Err(settings
                .refuse("embedded.enabled", problem)
                .with_hint("remove one of the two"))
        }
        (Some(control), _, _) => configured(settings, data_dir, control),
        (None, Some(true), Some(path)) => {
            let problem = "is given, but the embedded server manages no database with a URL";
            Err(settings
                .refuse(&path, problem)
                .with_hint("set `control.url` in place of `embedded.enabled`"))
        }
        (None, None | Some(true), None) => embedded(settings, data_dir),
        (None, _, _) => {
            let problem = "is missing: pgsteward keeps its own records in a database beside those that it manages";
            Err(settings.refuse("control.url", problem).with_hint(
                "create an empty database, for instance pgsteward, and give its URL; without any database URL and \
                 without `embedded.enabled = false` an embedded server is used",
            ))
        }
    }
}

fn embedded(settings: &Settings, data_dir: &Path) -> Result<Source, ConfigError> {
    if let Some(name) = settings
        .children("databases")
        .into_iter()
        .find(|name| *name != EMBEDDED_DATABASE)
    {
        let problem =
            format!("has no URL, and the embedded server manages only `{EMBEDDED_DATABASE}`");
        return Err(settings
            .refuse(&format!("databases.{name}"), problem)
            .with_hint("give `control.url` and the database's URLs"));
    }
    let user = match settings.text("embedded.user") {
        Some("") => return Err(settings.refuse("embedded.user", "must be the name of an account")),
        user => user.map(str::to_owned),
    };
    Ok(Source::Embedded {
        user,
        app: revisions(settings, data_dir, EMBEDDED_DATABASE)?,
    })
}

fn configured(
    settings: &Settings,
    data_dir: &Path,
    control: ConnectionUrl,
) -> Result<Source, ConfigError> {
    let mut databases: BTreeMap<String, Database> = BTreeMap::new();
    for name in settings.children("databases") {
        let database = database(settings, data_dir, name)?;
        if database.admin.same_database(&control) {
            let problem = format!(
                "is the database `{name}`, which pgsteward manages: a restore could rewrite history"
            );
            return Err(settings
                .refuse("control.url", problem)
                .with_hint("give the control store a database of its own"));
        }
        if let Some((other, _)) = databases
            .iter()
            .find(|(_, other)| other.admin.same_database(&database.admin))
        {
            let problem = format!("is the same database as `databases.{other}`");
            return Err(settings.refuse(&format!("databases.{name}"), problem));
        }
        databases.insert(name.to_owned(), database);
    }
    if databases.is_empty() {
        return Err(settings
            .refuse("databases", "is empty: there is nothing to manage")
            .with_hint("add a table such as [databases.app] with its url"));
    }
    let owner = owner(settings, &control)?;
    Ok(Source::Configured {
        control,
        owner,
        databases,
    })
}

/// The owner's login: another role of the same database.
fn owner(
    settings: &Settings,
    control: &ConnectionUrl,
) -> Result<Option<ConnectionUrl>, ConfigError> {
    let key = "control.owner_url";
    let Some(owner) = settings.url(key)? else {
        return Ok(None);
    };
    if !owner.same_database(control) {
        let problem = "is another server or database than that of `control.url`";
        return Err(settings
            .refuse(key, problem)
            .with_hint("both connect to the same one, by the same host and port"));
    }
    if owner.user() == control.user() {
        let problem =
            "names the role of `control.url`, which would own what it must not be able to change";
        return Err(settings
            .refuse(key, problem)
            .with_hint("make two roles, or remove this key"));
    }
    Ok(Some(owner))
}

fn database(settings: &Settings, data_dir: &Path, name: &str) -> Result<Database, ConfigError> {
    let for_all = format!("databases.{name}.url");
    // The URL for a purpose, checked against the server and database of the first one.
    let purpose = |purpose: &str, first: Option<&ConnectionUrl>| {
        let own = format!("databases.{name}.{purpose}");
        let path = if settings.has(&own) { &own } else { &for_all };
        let url = settings.url(path)?.ok_or_else(|| {
            settings.refuse(
                &own,
                format!("is missing, and so is `{for_all}`, which would serve for it"),
            )
        })?;
        match first {
            Some(first) if !first.same_database(&url) => {
                let problem =
                    format!("is another server or database than that of `databases.{name}.admin`");
                Err(settings
                    .refuse(path, problem)
                    .with_hint("all purposes connect to the same one, by the same host and port"))
            }
            _ => Ok(url),
        }
    };
    let admin = purpose("admin", None)?;
    Ok(Database {
        migrator: purpose("migrator", Some(&admin))?,
        backup: purpose("backup", Some(&admin))?,
        maintenance: purpose("maintenance", Some(&admin))?,
        provision: provision(settings, name, &admin)?,
        admin,
        revisions: revisions(settings, data_dir, name)?,
    })
}

/// The login that makes roles has no other purpose, so `url` does not serve for it.
fn provision(
    settings: &Settings,
    name: &str,
    admin: &ConnectionUrl,
) -> Result<Option<ConnectionUrl>, ConfigError> {
    let path = format!("databases.{name}.provision");
    match settings.url(&path)? {
        Some(url) if !url.same_database(admin) => {
            let problem =
                format!("is another server or database than that of `databases.{name}.admin`");
            Err(settings.refuse(&path, problem))
        }
        url => Ok(url),
    }
}

fn revisions(settings: &Settings, data_dir: &Path, name: &str) -> Result<Revisions, ConfigError> {
    // PostgreSQL cuts longer names off, and so would look for another table than the one that is named.
    let identifier = |key: &str| {
        settings.parse(
            &format!("databases.{name}.{key}"),
            "a name of 1 to 63 bytes",
            |text| {
                ((1..=63).contains(&text.len()) && !text.contains('\0')).then(|| text.to_owned())
            },
        )
    };
    let directory = settings.path(&format!("databases.{name}.revisions"))?;
    Ok(Revisions {
        directory: directory.unwrap_or_else(|| data_dir.join("revisions").join(name)),
        models: match settings.path(&format!("databases.{name}.models"))? {
            Some(own) => Some(own),
            None => settings.path("migrations.models")?,
        },
        version_table: identifier("version_table")?,
        version_table_schema: identifier("version_table_schema")?,
        drill_checks: settings.path(&format!("databases.{name}.drill_checks"))?,
        clients: clients::clients(settings, name)?,
    })
}

fn is_database_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    name.len() <= 63
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
}
