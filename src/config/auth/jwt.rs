//! Bearer tokens that an identity provider signs: what they must say, and what their claims are worth here.

use std::{path::PathBuf, time::Duration};

use serde::{Serialize, Serializer};

use super::{RIGHTS_RULE, rights};
use crate::config::{ConfigError, Rights, build::POSITIVE, settings::Settings, shown};

/// The algorithms that a token may be signed with. None that shares a secret, and never `none`.
const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// Signed tokens.
#[derive(Clone, Debug, Serialize)]
pub struct Jwt {
    /// Whose tokens are taken: the claim `iss`.
    pub issuer: String,
    /// Whom they must be meant for: among the claim `aud`.
    pub audience: String,
    /// Where the keys are.
    #[serde(serialize_with = "place")]
    pub jwks: Jwks,
    /// Whether the URL may be a plain http one; then it is on loopback.
    pub allow_http: bool,
    /// The algorithms that are taken.
    #[serde(serialize_with = "shown::list")]
    pub algorithms: Vec<String>,
    /// By how much the clocks may differ.
    #[serde(serialize_with = "shown::duration")]
    pub leeway: Duration,
    /// How often the keys are fetched again.
    #[serde(serialize_with = "shown::duration")]
    pub refresh: Duration,
    /// The least time between two fetches, whatever key a token names.
    #[serde(serialize_with = "shown::duration")]
    pub refresh_pause: Duration,
    /// The claim with the principal's name.
    pub principal_claim: String,
    /// The claim with the roles; dots lead into objects.
    pub role_claim: String,
    /// What the claim's values are worth.
    pub roles: Vec<RoleOfClaim>,
}

/// Where the keys are.
#[derive(Clone, Debug)]
pub enum Jwks {
    /// A file.
    File(PathBuf),
    /// A URL.
    Url(String),
}

/// What one value of the role claim is worth.
#[derive(Clone, Debug, Serialize)]
pub struct RoleOfClaim {
    /// The value.
    pub value: String,
    /// What it gives.
    #[serde(rename = "role", serialize_with = "shown::rights")]
    pub rights: Rights,
}

fn place<S: Serializer>(jwks: &Jwks, serializer: S) -> Result<S::Ok, S::Error> {
    match jwks {
        Jwks::File(path) => shown::path(path, serializer),
        Jwks::Url(url) => serializer.serialize_str(url),
    }
}

/// Reads the section; none without an issuer.
pub(super) fn jwt(settings: &Settings, known: &[&str]) -> Result<Option<Jwt>, ConfigError> {
    let text = |key: &str| {
        settings.parse(
            &format!("auth.jwt.{key}"),
            "a text that is not empty",
            |text| (!text.is_empty()).then(|| text.to_owned()),
        )
    };
    if !settings.has("auth.jwt.issuer") {
        for key in ["auth.jwt.audience", "auth.jwt.jwks"] {
            if settings.has(key) {
                return Err(settings.refuse(key, "needs `auth.jwt.issuer` beside it"));
            }
        }
        return Ok(None);
    }
    let roles = settings
        .children("auth.jwt.roles")
        .into_iter()
        .map(|place| role(settings, &format!("auth.jwt.roles.{place}"), known))
        .collect::<Result<Vec<_>, _>>()?;
    if roles.is_empty() {
        let problem = "is empty: no token would be worth anything";
        return Err(settings.refuse("auth.jwt.roles", problem).with_hint(
            "add a table [[auth.jwt.roles]] with a value of the role claim and a role",
        ));
    }
    let allow_http = settings.flag("auth.jwt.allow_http") == Some(true);
    Ok(Some(Jwt {
        issuer: text("issuer")?,
        audience: text("audience")?,
        jwks: jwks(settings, allow_http)?,
        allow_http,
        algorithms: algorithms(settings)?,
        leeway: settings.duration("auth.jwt.leeway", Duration::ZERO..=Duration::from_mins(10))?,
        refresh: settings.duration("auth.jwt.refresh", POSITIVE)?,
        refresh_pause: settings.duration("auth.jwt.refresh_pause", POSITIVE)?,
        principal_claim: text("principal_claim")?,
        role_claim: text("role_claim")?,
        roles,
    }))
}

fn role(settings: &Settings, path: &str, known: &[&str]) -> Result<RoleOfClaim, ConfigError> {
    let rule = "a text that is not empty";
    Ok(RoleOfClaim {
        value: settings.parse(&format!("{path}.value"), rule, |text| {
            (!text.is_empty()).then(|| text.to_owned())
        })?,
        rights: rights(settings, &format!("{path}.role"), RIGHTS_RULE, known)?,
    })
}

/// Keys that come over a line on which others can change them are nobody's: http is for loopback alone.
fn jwks(settings: &Settings, allow_http: bool) -> Result<Jwks, ConfigError> {
    let key = "auth.jwt.jwks";
    let rule = "the path of a file, or an https URL";
    let text = settings.parse(key, rule, |text| {
        (!text.is_empty()).then(|| text.to_owned())
    })?;
    let Some((scheme, _)) = text.split_once("://") else {
        let path = settings.path(key)?;
        return path
            .map(Jwks::File)
            .ok_or_else(|| settings.refuse(key, "is missing"));
    };
    let uri: http::Uri = settings.parse(key, rule, |text| text.parse().ok())?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match scheme {
        "https" if !host.is_empty() => Ok(Jwks::Url(text)),
        "http" if is_loopback && allow_http => Ok(Jwks::Url(text)),
        "http" => Err(settings
            .refuse(
                key,
                "is not encrypted: whoever changes the keys on their way is let in",
            )
            .with_hint(
                "use https; `auth.jwt.allow_http` lets http through for a loopback address alone",
            )),
        _ => Err(settings.refuse(key, format!("must be {rule}"))),
    }
}

fn algorithms(settings: &Settings) -> Result<Vec<String>, ConfigError> {
    let rule = format!("a comma-separated list of {}", ALGORITHMS.join(", "));
    settings.parse("auth.jwt.algorithms", &rule, |text| {
        let named: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
        let known = |name: &String| ALGORITHMS.contains(&name.as_str());
        named.iter().all(known).then_some(named)
    })
}
