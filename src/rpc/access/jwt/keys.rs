//! The identity provider's keys (RFC 7517), from a file or a URL: read in the background, and again when a token names one
//! that is not known, though not at every such token. What cannot be read leaves those in use that were read last.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{KeySource, text};
use crate::model::failure::{Failure, Kind, chain};

/// How long a URL may take to answer; calls with an unknown key wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// One key, good for one algorithm.
enum Key {
    Rs256 { n: Vec<u8>, e: Vec<u8> },
    Es256 { point: Vec<u8> },
    EdDsa { point: Vec<u8> },
}

impl Key {
    /// Reads a key; `None` of one that is for something else, or of a kind that is not taken.
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let is_for_signatures = text(jwk, "use").is_none_or(|purpose| purpose == "sig");
        let may_verify = match jwk.get("key_ops") {
            None => true,
            Some(Value::Array(deeds)) => deeds.iter().any(|deed| deed == "verify"),
            Some(_) => false,
        };
        let number = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(jwk, name)?).ok();
        let unsigned = |name: &str| {
            let bytes = number(name)?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Some(bytes[zeros..].to_vec())
        };
        let key = match (text(jwk, "kty")?, text(jwk, "crv")) {
            ("RSA", _) => Self::Rs256 {
                n: unsigned("n")?,
                e: unsigned("e")?,
            },
            ("EC", Some("P-256")) => {
                let (x, y) = (number("x")?, number("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                Self::Es256 {
                    point: [&[4], x.as_slice(), y.as_slice()].concat(),
                }
            }
            ("OKP", Some("Ed25519")) => Self::EdDsa {
                point: number("x")?,
            },
            _ => return None,
        };
        let is_its_own = text(jwk, "alg").is_none_or(|named| named == key.algorithm());
        (is_for_signatures && may_verify && is_its_own).then_some(key)
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256 { .. } => "RS256",
            Self::Es256 { .. } => "ES256",
            Self::EdDsa { .. } => "EdDSA",
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rs256 { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
                .is_ok(),
            Self::Es256 { point } => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed, signature)
                .is_ok(),
            Self::EdDsa { point } => UnparsedPublicKey::new(&ED25519, point)
                .verify(signed, signature)
                .is_ok(),
        }
    }
}

/// A set of keys, each with its id if it has one.
#[derive(Default)]
pub(super) struct Keys(Vec<(Option<String>, Key)>);

impl Keys {
    fn read(json: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(json).ok()?;
        let listed = document.get("keys")?.as_array()?;
        let keys = listed.iter().filter_map(|jwk| {
            let jwk = jwk.as_object()?;
            Some((text(jwk, "kid").map(str::to_owned), Key::read(jwk)?))
        });
        Some(Self(keys.collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that a token may be signed with: that of its id, or all of its algorithm where it names none.
    fn of<'a>(&'a self, id: Option<&'a str>, algorithm: &'a str) -> impl Iterator<Item = &'a Key> {
        let keys = self.0.iter();
        keys.filter(move |(known, key)| {
            key.algorithm() == algorithm && (id.is_none() || known.as_deref() == id)
        })
        .map(|(_, key)| key)
    }

    pub(super) fn has(&self, id: Option<&str>, algorithm: &str) -> bool {
        self.of(id, algorithm).next().is_some()
    }

    pub(super) fn verify(
        &self,
        id: Option<&str>,
        algorithm: &str,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        self.of(id, algorithm)
            .any(|key| key.verify(signed, signature))
    }

    fn ids(&self) -> BTreeSet<Option<&str>> {
        self.0.iter().map(|(id, _)| id.as_deref()).collect()
    }
}

/// Why keys could not be read.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error("cannot read {0}")]
    File(std::path::PathBuf, #[source] std::io::Error),
    #[error("no answer from {0}")]
    Fetch(String, #[source] reqwest::Error),
    #[error("the answer of {0} has more than {LARGEST} bytes")]
    TooLarge(String),
    #[error("{0} is no set of keys that can verify RS256, ES256 or EdDSA")]
    NotKeys(String),
}

/// The present keys.
pub(in crate::rpc::access) struct KeySet {
    source: KeySource,
    refresh: Duration,
    pause: Duration,
    client: reqwest::Client,
    current: RwLock<Arc<Keys>>,
    /// When they were last read, or tried to be. Held while they are.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

impl KeySet {
    pub(super) fn new(
        source: KeySource,
        refresh: Duration,
        pause: Duration,
    ) -> Result<Self, Failure> {
        let unusable = |error: String| {
            Failure::new(Kind::FailedPrecondition, "TOKEN_KEYS_UNUSABLE", error)
                .with_hint("see auth.jwt.jwks in the configuration")
        };
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unusable(chain(&error)))?;
        let current = match &source {
            KeySource::File(path) => from_file(path).map_err(|error| unusable(chain(&error)))?,
            KeySource::Url(_) => Keys::default(),
        };
        Ok(Self {
            source,
            refresh,
            pause,
            client,
            current: RwLock::new(Arc::new(current)),
            looked: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn current(&self) -> Arc<Keys> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the keys again for the sake of one that is not known, unless that was done a moment ago.
    pub(super) async fn look_again(&self) {
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|last| last.elapsed() >= self.pause) {
            *looked = Some(Instant::now());
            self.look().await;
        }
    }

    /// Reads the keys at once, and then again and again until `stop`; also when `reload` changes.
    pub(in crate::rpc::access) async fn watch(
        &self,
        mut reload: tokio::sync::watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        loop {
            {
                let mut looked = self.looked.lock().await;
                *looked = Some(Instant::now());
                self.look().await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.refresh) => {}
                Ok(()) = reload.changed() => {}
            }
        }
    }

    async fn look(&self) {
        let read = match &self.source {
            KeySource::File(path) => from_file(path),
            KeySource::Url(url) => self.fetch(url).await,
        };
        match read {
            Ok(keys) => {
                if keys.ids() != self.current().ids() {
                    tracing::info!(keys = keys.0.len(), "the keys of signed tokens were read");
                }
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Err(error) => {
                let kept = self.current().0.len();
                let error = chain(&error);
                tracing::error!(error, kept, "the keys of signed tokens could not be read");
            }
        }
    }

    async fn fetch(&self, url: &str) -> Result<Keys, KeysError> {
        let failed = |error: reqwest::Error| KeysError::Fetch(url.to_owned(), error.without_url());
        let request = self.client.get(url).send().await.map_err(failed)?;
        let mut answer = request.error_for_status().map_err(failed)?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(failed)? {
            if body.len() + part.len() > LARGEST {
                return Err(KeysError::TooLarge(url.to_owned()));
            }
            body.extend_from_slice(&part);
        }
        usable(&body, url)
    }
}

fn from_file(path: &std::path::Path) -> Result<Keys, KeysError> {
    let text = std::fs::read(path).map_err(|error| KeysError::File(path.to_owned(), error))?;
    usable(&text, &path.display().to_string())
}

fn usable(json: &[u8], place: &str) -> Result<Keys, KeysError> {
    Keys::read(json)
        .filter(|keys| !keys.is_empty())
        .ok_or_else(|| KeysError::NotKeys(place.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn keys(list: &Value) -> Keys {
        Keys::read(json!({ "keys": list }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_good_for_the_algorithm_of_its_kind_and_for_signatures_alone() {
        let rsa = json!({ "kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB" });
        let with = |name: &str, value: Value| {
            let mut changed = rsa.clone();
            changed[name] = value;
            changed
        };
        let good = keys(&json!([
            rsa,
            with("use", json!("sig")),
            with("alg", json!("RS256"))
        ]));
        assert_eq!(good.0.len(), 3);
        assert!(good.has(Some("a"), "RS256") && good.has(None, "RS256"));
        assert!(!good.has(Some("a"), "ES256") && !good.has(Some("b"), "RS256"));
        for other in [
            with("use", json!("enc")),
            with("alg", json!("RS512")),
            with("alg", json!("HS256")),
            with("key_ops", json!(["encrypt"])),
            with("kty", json!("oct")),
            json!({ "kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB" }),
            json!({ "kty": "OKP", "crv": "X25519", "x": "AQAB" }),
            json!("text"),
        ] {
            assert!(keys(&json!([other])).is_empty(), "{other}");
        }
    }

    #[test]
    fn what_is_no_set_of_keys_is_refused() {
        for text in ["", "[]", "{}", "{\"keys\":7}", "{\"keys\":[]}"] {
            assert!(usable(text.as_bytes(), "it").is_err(), "{text}");
        }
    }
}
