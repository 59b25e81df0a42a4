//! The rules of the stores: a directory or a bucket each, no place twice, a primary, and copies that go elsewhere.

use std::{collections::BTreeMap, path::Path, time::Duration};

use secrecy::SecretString;

use super::{Bucket, ConfigError, Store, settings::Settings};

/// The store that there is when none is configured.
const DEFAULT_STORE: &str = "local";
/// What an S3 client takes for the region of a service that has none.
const DEFAULT_REGION: &str = "us-east-1";
/// How long a service may let a request stand still.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The keys that only a bucket has.
const BUCKET_KEYS: [&str; 9] = [
    "bucket",
    "prefix",
    "region",
    "endpoint",
    "access_key_id",
    "secret_access_key",
    "allow_http",
    "path_style",
    "timeout",
];

/// The keys of the environment that every S3 client knows.
#[derive(Default)]
pub(super) struct AwsVariables {
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
}

impl AwsVariables {
    pub(super) fn new(variables: &[(String, String)]) -> Self {
        let variable = |wanted: &str| {
            let (_, text) = variables.iter().find(|(name, _)| name == wanted)?;
            Some(text.clone()).filter(|text| !text.is_empty())
        };
        Self {
            access_key_id: variable("AWS_ACCESS_KEY_ID"),
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY"),
            session_token: variable("AWS_SESSION_TOKEN"),
        }
    }
}

/// All stores by name; at least one.
pub(super) fn stores(
    settings: &Settings,
    data_dir: &Path,
    aws: &AwsVariables,
) -> Result<BTreeMap<String, Store>, ConfigError> {
    let mut stores: BTreeMap<String, Store> = BTreeMap::new();
    for name in settings.children("stores") {
        if !is_store_name(name) {
            let problem =
                "is no name for a store: 1 to 63 of a-z, 0-9, _ and -, with a letter first";
            return Err(settings.refuse(&format!("stores.{name}"), problem));
        }
        let store = store(settings, name, aws)?;
        if let Some((other, _)) = stores.iter().find(|(_, other)| other.is_same_place(&store)) {
            let problem = format!("is the same place as `stores.{other}`");
            return Err(settings.refuse(&format!("stores.{name}"), problem));
        }
        stores.insert(name.to_owned(), store);
    }
    if stores.is_empty() {
        let path = data_dir.join("backups");
        stores.insert(DEFAULT_STORE.to_owned(), Store::Directory { path });
    }
    Ok(stores)
}

/// The store where backups are made.
pub(super) fn primary(
    settings: &Settings,
    stores: &BTreeMap<String, Store>,
) -> Result<String, ConfigError> {
    let key = "backup.store";
    if let Some(name) = settings.text(key) {
        return known(settings, key, name, stores);
    }
    let mut names = stores.keys();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => Err(settings
            .refuse(key, "is missing, and there are several stores")
            .with_hint(format!("name one of them: {}", listed(stores)))),
    }
}

/// The stores that get copies.
pub(super) fn copies(
    settings: &Settings,
    primary: &str,
    names: Vec<String>,
    stores: &BTreeMap<String, Store>,
) -> Result<Vec<String>, ConfigError> {
    let key = "backup.copies";
    let mut copies: Vec<String> = Vec::new();
    for name in names {
        let name = known(settings, key, &name, stores)?;
        if name == primary {
            let problem = format!("names `{name}`, where the backups themselves are made");
            return Err(settings
                .refuse(key, problem)
                .with_hint("a copy lies in another store than `backup.store`"));
        }
        if copies.contains(&name) {
            return Err(settings.refuse(key, format!("names `{name}` twice")));
        }
        copies.push(name);
    }
    Ok(copies)
}

fn known(
    settings: &Settings,
    key: &str,
    name: &str,
    stores: &BTreeMap<String, Store>,
) -> Result<String, ConfigError> {
    if stores.contains_key(name) {
        return Ok(name.to_owned());
    }
    Err(settings
        .refuse(key, "names a store that is not configured")
        .with_hint(format!("configured are: {}", listed(stores))))
}

fn listed(stores: &BTreeMap<String, Store>) -> String {
    stores.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn store(settings: &Settings, name: &str, aws: &AwsVariables) -> Result<Store, ConfigError> {
    let key = |key: &str| format!("stores.{name}.{key}");
    let path = settings.path(&key("path"))?;
    let of_bucket = BUCKET_KEYS
        .iter()
        .map(|name| key(name))
        .find(|key| settings.has(key));
    match (path, of_bucket) {
        (Some(path), None) => Ok(Store::Directory { path }),
        (Some(_), Some(other)) => {
            let problem = format!("stands beside `{other}`: a store is a directory or a bucket");
            Err(settings
                .refuse(&key("path"), problem)
                .with_hint("make two stores of it"))
        }
        (None, Some(_)) => bucket(settings, name, aws).map(Store::Bucket),
        (None, None) => Err(settings
            .refuse(&format!("stores.{name}"), "has neither a path nor a bucket")
            .with_hint("give it the path of a directory, or the bucket of an S3 service")),
    }
}

fn bucket(settings: &Settings, name: &str, aws: &AwsVariables) -> Result<Bucket, ConfigError> {
    let key = |key: &str| format!("stores.{name}.{key}");
    let endpoint = endpoint(settings, name)?;
    let (access_key_id, secret_access_key, session_token) = keys(settings, name, aws)?;
    let bucket = settings.parse(
        &key("bucket"),
        "the name of a bucket: 3 to 63 letters, digits, dots, dashes and underscores",
        bucket_name,
    )?;
    let region = settings.text(&key("region")).unwrap_or(DEFAULT_REGION);
    if region.is_empty() {
        return Err(settings.refuse(&key("region"), "must be the name of a region"));
    }
    let timeout = if settings.has(&key("timeout")) {
        settings.duration(
            &key("timeout"),
            Duration::from_millis(100)..=Duration::from_hours(1),
        )?
    } else {
        DEFAULT_TIMEOUT
    };
    Ok(Bucket {
        prefix: match settings.text(&key("prefix")) {
            None => String::new(),
            Some(_) => settings.parse(
                &key("prefix"),
                "names of letters, digits, dots, dashes and underscores, with slashes in between",
                prefix,
            )?,
        },
        region: region.to_owned(),
        // A bucket with a dot would not match the certificate of a host below it.
        path_style: settings
            .flag(&key("path_style"))
            .unwrap_or(endpoint.is_some() || bucket.contains('.')),
        allow_http: settings.flag(&key("allow_http")) == Some(true),
        bucket,
        endpoint,
        access_key_id,
        secret_access_key,
        session_token,
        timeout,
    })
}

fn endpoint(settings: &Settings, name: &str) -> Result<Option<String>, ConfigError> {
    let key = format!("stores.{name}.endpoint");
    if settings.text(&key).is_none() {
        return Ok(None);
    }
    let expected = "a URL such as https://s3.example.net:9000, without a path and without a user";
    let endpoint = settings.parse(&key, expected, |text| {
        let text = text.strip_suffix('/').unwrap_or(text);
        let (scheme, host) = text.split_once("://")?;
        let fits = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && !host.contains(['/', '@', '?', '#', ' '])
            && text.parse::<http::Uri>().is_ok();
        fits.then(|| text.to_owned())
    })?;
    let is_allowed = settings.flag(&format!("stores.{name}.allow_http")) == Some(true);
    if endpoint.starts_with("http://") && !is_allowed {
        let problem = "is not encrypted: keys are safe on it, and backups are not";
        return Err(settings.refuse(&key, problem).with_hint(format!(
            "use https, or set `stores.{name}.allow_http` where the network is your own"
        )));
    }
    Ok(Some(endpoint))
}

/// The key's two halves and its token: all from the configuration, or all from the environment.
fn keys(
    settings: &Settings,
    name: &str,
    aws: &AwsVariables,
) -> Result<(String, SecretString, Option<SecretString>), ConfigError> {
    let (id, secret) = (
        format!("stores.{name}.access_key_id"),
        format!("stores.{name}.secret_access_key"),
    );
    let missing = |key: &str, variable: &str| {
        settings.refuse(
            key,
            format!("is missing, and so is {variable} in the environment"),
        )
    };
    match (settings.text(&id), settings.text(&secret)) {
        (Some(""), _) => Err(settings.refuse(&id, "must not be empty")),
        (_, Some("")) => Err(settings.refuse(&secret, "must not be empty")),
        (Some(id), Some(secret)) => Ok((id.to_owned(), secret.to_owned().into(), None)),
        (Some(_), None) => Err(settings.refuse(&secret, format!("is missing beside `{id}`"))),
        (None, Some(_)) => Err(settings.refuse(&id, format!("is missing beside `{secret}`"))),
        (None, None) => Ok((
            aws.access_key_id
                .clone()
                .ok_or_else(|| missing(&id, "AWS_ACCESS_KEY_ID"))?,
            aws.secret_access_key
                .clone()
                .ok_or_else(|| missing(&secret, "AWS_SECRET_ACCESS_KEY"))?
                .into(),
            aws.session_token.clone().map(Into::into),
        )),
    }
}

fn bucket_name(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let fits = (3..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with(['.', '-'])
        && !text.contains("..");
    fits.then(|| text.to_owned())
}

/// Without the slashes at its ends, which add nothing.
fn prefix(text: &str) -> Option<String> {
    let text = text.trim_matches('/');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let fits =
        |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed);
    let is_fine = text.is_empty() || (text.len() <= 512 && text.split('/').all(fits));
    is_fine.then(|| text.to_owned())
}

fn is_store_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    name.len() <= 63
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
}

impl Store {
    fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory { path }, Self::Directory { path: other }) => path == other,
            (Self::Bucket(one), Self::Bucket(other)) => {
                one.bucket == other.bucket
                    && one.prefix == other.prefix
                    && one.endpoint == other.endpoint
            }
            _ => false,
        }
    }
}
