//! Tokens that an identity provider signs (RFC 7519): read strictly, checked against its keys, and worth what the
//! configuration says of their roles.
//!
//! A token chooses neither its algorithm nor its key freely: the algorithm must be one of the configuration's, and a key is
//! good for the one algorithm of its kind only. Algorithms that share a secret, and `none`, do not exist here.

mod keys;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use self::keys::{KeySet, Keys};
use super::who::Refused;
use crate::{
    model::{
        failure::{Failure, Kind},
        permission::Rights,
    },
    ops::context::Principal,
};

/// The longest name that a principal may have, in bytes.
const LONGEST_NAME: usize = 200;

/// What tokens are taken, and what they are worth.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// The claim `iss`.
    pub issuer: String,
    /// One of the claim `aud`.
    pub audience: String,
    /// Where the keys are.
    pub keys: KeySource,
    /// The algorithms that are taken: of RS256, ES256 and EdDSA.
    pub algorithms: Vec<String>,
    /// By how much the clocks may differ.
    pub leeway: Duration,
    /// How often the keys are read again.
    pub refresh: Duration,
    /// The least time between two readings for the sake of an unknown key.
    pub refresh_pause: Duration,
    /// The claim with the principal's name.
    pub principal_claim: String,
    /// The claim with the roles.
    pub role_claim: String,
    /// What its values are worth.
    pub roles: Vec<(String, Rights)>,
}

/// Where the keys are.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At a URL.
    Url(String),
}

/// Checks tokens.
pub(super) struct Jwt {
    settings: JwtSettings,
    pub(super) keys: KeySet,
}

/// A token that is well formed. Nothing in it is believed yet.
struct Parts<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// What was signed.
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl Jwt {
    /// Keys in a file are read now: that they cannot be used must not show only at the first call.
    pub(super) fn new(settings: JwtSettings) -> Result<Self, Failure> {
        let keys = KeySet::new(
            settings.keys.clone(),
            settings.refresh,
            settings.refresh_pause,
        )?;
        Ok(Self { settings, keys })
    }

    /// Whether a bearer token has the three parts of a signed one.
    pub(super) fn looks_like_one(token: &[u8]) -> bool {
        token.split(|byte| *byte == b'.').count() == 3
    }

    /// The principal that a token stands for.
    pub(super) async fn principal(&self, token: &[u8]) -> Result<Principal, Refused> {
        let parts = parts(token).ok_or_else(|| refused("it is not well formed"))?;
        let algorithm = text(&parts.header, "alg").unwrap_or_default();
        if !self
            .settings
            .algorithms
            .iter()
            .any(|known| known == algorithm)
        {
            return Err(refused("its algorithm is not taken"));
        }
        if parts.header.contains_key("crit") {
            return Err(refused("it wants something understood that is not"));
        }
        let id = text(&parts.header, "kid");
        let mut keys = self.keys.current();
        if !keys.has(id, algorithm) {
            self.keys.look_again().await;
            keys = self.keys.current();
        }
        if keys.is_empty() {
            return Err(no_keys());
        }
        verify(&keys, id, algorithm, &parts)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0.0, |now| now.as_secs_f64());
        judge(&self.settings, &parts.claims, now).map_err(refused)
    }
}

fn verify(
    keys: &Keys,
    id: Option<&str>,
    algorithm: &str,
    parts: &Parts<'_>,
) -> Result<(), Refused> {
    if keys.verify(id, algorithm, parts.signed, &parts.signature) {
        return Ok(());
    }
    Err(refused(if keys.has(id, algorithm) {
        "its signature is wrong"
    } else {
        "its key is not known"
    }))
}

fn refused(why: &str) -> Refused {
    Refused::new(
        "CREDENTIALS_INVALID",
        format!("the signed token is not taken: {why}"),
    )
}

fn no_keys() -> Refused {
    let failure = Failure::new(
        Kind::Unavailable,
        "TOKEN_KEYS_UNAVAILABLE",
        "the signed token cannot be checked: the identity provider's keys could not be read yet",
    );
    Refused {
        failure: failure.with_retry_after(Duration::from_secs(10)),
        claimed: String::new(),
    }
}

fn parts(token: &[u8]) -> Option<Parts<'_>> {
    let last_dot = token.iter().rposition(|byte| *byte == b'.')?;
    let (signed, signature) = (&token[..last_dot], &token[last_dot + 1..]);
    let dot = signed.iter().position(|byte| *byte == b'.')?;
    let decode = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let object = |text: &[u8]| serde_json::from_slice(&decode(text)?).ok();
    Some(Parts {
        header: object(&signed[..dot])?,
        claims: object(&signed[dot + 1..])?,
        signed,
        signature: decode(signature)?,
    })
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// What the claims of a token whose signature is good are worth at a time, in seconds since 1970.
fn judge(
    settings: &JwtSettings,
    claims: &Map<String, Value>,
    now: f64,
) -> Result<Principal, &'static str> {
    if text(claims, "iss") != Some(&settings.issuer) {
        return Err("it is from another issuer");
    }
    let audience = settings.audience.as_str();
    let is_meant_for_us = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    };
    if !is_meant_for_us {
        return Err("it is meant for another audience");
    }
    let leeway = settings.leeway.as_secs_f64();
    match claims.get("exp").and_then(Value::as_f64) {
        None => return Err("it has no end"),
        Some(end) if now >= end + leeway => return Err("it has expired"),
        Some(_) => {}
    }
    match claims.get("nbf").map(Value::as_f64) {
        Some(None) => return Err("its beginning is no time"),
        Some(Some(begin)) if now < begin - leeway => return Err("it is not good yet"),
        Some(Some(_)) | None => {}
    }
    let name = text(claims, &settings.principal_claim).unwrap_or_default();
    let is_name = (1..=LONGEST_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    if !is_name {
        return Err("it names no principal");
    }
    let mut rights = Rights::default();
    for value in claim_values(claims, &settings.role_claim) {
        let worth = settings.roles.iter().filter(|(known, _)| *known == value);
        for (_, given) in worth {
            rights = rights.with(given.clone());
        }
    }
    Ok(Principal {
        name: name.to_owned(),
        rights,
    })
}

/// The values of a claim: of a list, or of a text with spaces in between. A name with dots that is no claim's leads into
/// objects.
fn claim_values<'a>(claims: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    let direct = claims.get(name);
    let found = direct.or_else(|| {
        let mut steps = name.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    });
    match found {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn settings() -> JwtSettings {
        JwtSettings {
            issuer: "https://login".to_owned(),
            audience: "pgsteward".to_owned(),
            keys: KeySource::File(PathBuf::new()),
            algorithms: Vec::new(),
            leeway: Duration::from_secs(30),
            refresh: Duration::from_mins(1),
            refresh_pause: Duration::from_secs(1),
            principal_claim: "sub".to_owned(),
            role_claim: "realm.roles".to_owned(),
            roles: vec![
                ("dba".to_owned(), "viewer, admin on app".parse().unwrap()),
                ("ops".to_owned(), "operator".parse().unwrap()),
            ],
        }
    }

    fn claims() -> Value {
        json!({
            "iss": "https://login", "aud": ["x", "pgsteward"], "exp": 1000, "nbf": 900, "sub": "ann",
            "realm": { "roles": ["dba", "ops", "unknown"] },
        })
    }

    fn judged(claims: &Value, now: f64) -> Result<Principal, &'static str> {
        judge(&settings(), claims.as_object().unwrap(), now)
    }

    #[test]
    fn a_token_is_worth_the_greatest_of_what_its_roles_give() {
        let principal = judged(&claims(), 950.0).unwrap();
        assert_eq!(principal.name, "ann");
        assert_eq!(principal.rights.to_string(), "operator, admin on app");
        let mut flat = claims();
        flat["realm.roles"] = json!("x ops");
        assert_eq!(judged(&flat, 950.0).unwrap().rights.to_string(), "operator");
        let mut none = claims();
        none["realm"] = json!({ "roles": 7 });
        assert!(judged(&none, 950.0).unwrap().rights.is_empty());
    }

    #[test]
    fn a_token_holds_from_its_beginning_to_its_end_give_or_take_the_leeway() {
        for (now, is_good) in [
            (869.0, false),
            (870.0, true),
            (1029.0, true),
            (1030.0, false),
        ] {
            assert_eq!(judged(&claims(), now).is_ok(), is_good, "{now}");
        }
    }

    #[test]
    fn each_claim_that_is_wrong_or_missing_is_enough_to_refuse_a_token() {
        for (claim, wrong) in [
            ("iss", json!("https://login/")),
            ("iss", Value::Null),
            ("aud", json!("pgsteward2")),
            ("aud", json!([])),
            ("exp", json!("1000")),
            ("exp", Value::Null),
            ("nbf", json!("soon")),
            ("sub", json!("")),
            ("sub", json!("a\nb")),
            ("sub", json!(7)),
        ] {
            let mut changed = claims();
            changed[claim] = wrong.clone();
            assert!(judged(&changed, 950.0).is_err(), "{claim} {wrong}");
        }
    }

    #[test]
    fn what_has_not_three_parts_of_json_and_a_signature_is_no_token() {
        for token in [
            "..",
            "a.b.c",
            "e30.e30",
            "e30.e30.e30.e30",
            "e30=.e30.AA",
            "W10.e30.AA",
        ] {
            assert!(parts(token.as_bytes()).is_none(), "{token}");
        }
        let found = parts(b"e30.e30.AA").unwrap();
        assert_eq!(
            (found.signed, found.signature.as_slice()),
            (&b"e30.e30"[..], &[0][..])
        );
    }
}
