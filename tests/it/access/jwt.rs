//! Tokens that an identity provider signs, with keys that are made here.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use pgsteward::{model::method::Method, proto::GetStatusRequest};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tonic::{Code, Status};

use crate::support::{Daemon, Site, expect_reason, raw::call, wait::until};

/// A key of this test alone: ring makes no RSA keys.
const RSA: &str = include_str!("rsa_test_key.b64");

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    fn rsa() -> Self {
        let text: String = RSA.split_whitespace().collect();
        let der = BASE64_STANDARD.decode(text).unwrap();
        Self::Rsa(RsaKeyPair::from_pkcs8(&der).unwrap())
    }

    fn ec() -> Self {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(kind, der.as_ref(), &random).unwrap())
    }

    fn ed() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    /// The public half as an identity provider shows it.
    fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "use": "sig", "kid": id, "n": encoded(parts.n), "e": encoded(parts.e) })
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y })
            }
            Self::Ed(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": encoded(key.public_key()) })
            }
        }
    }

    fn sign(&self, id: &str, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm(), "typ": "JWT", "kid": id });
        self.sign_under(&header, claims)
    }

    fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let text = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(claims.to_string())
        );
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(key) => key
                .sign(&random, text.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ed(key) => key.sign(text.as_bytes()).as_ref().to_vec(),
        };
        format!("{text}.{}", encoded(signature))
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims(role: &str) -> Value {
    json!({
        "iss": "https://login.test", "aud": "pgsteward", "sub": "ann@example.net", "exp": now() + 600,
        "roles": [role],
    })
}

fn keys(list: &[Value]) -> String {
    json!({ "keys": list }).to_string()
}

async fn site(jwks: &str) -> Site {
    let mut site = Site::new().await;
    for (key, value) in [
        ("issuer", "https://login.test"),
        ("audience", "pgsteward"),
        ("jwks", jwks),
        ("refresh_pause", "10ms"),
        ("roles.0.value", "dba"),
        ("roles.0.role", "admin"),
        ("roles.1.value", "looker"),
        ("roles.1.role", "viewer on app"),
    ] {
        site.set(&format!("auth.jwt.{key}"), value);
    }
    site
}

async fn ask(daemon: &Daemon, token: &str, method: Method) -> Result<(), Status> {
    call(&daemon.client_with(token).await, method).await
}

#[tokio::test]
async fn signed_tokens_are_worth_what_their_roles_are_and_forged_ones_nothing() {
    let (rsa, ec, ed) = (Key::rsa(), Key::ec(), Key::ed());
    let mut site = site("").await;
    let path = site.path("keys.json");
    site.set("auth.jwt.jwks", path.to_str().unwrap());
    fs::write(&path, "{}").unwrap();
    let (_, said) = site.start_in_vain().await;
    assert!(said.contains("is no set of keys"), "{said}");
    let shown = [rsa.jwk("r"), ec.jwk("e"), ed.jwk("d")];
    fs::write(&path, keys(&shown)).unwrap();
    let daemon = site.start().await;

    for (key, id) in [(&rsa, "r"), (&ec, "e"), (&ed, "d")] {
        ask(&daemon, &key.sign(id, &claims("dba")), Method::GetStatus)
            .await
            .unwrap();
        let looker = key.sign(id, &claims("looker"));
        ask(&daemon, &looker, Method::GetStatus).await.unwrap();
        let answer = ask(&daemon, &looker, Method::CheckDrift).await;
        expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
        let nobody = key.sign(id, &claims("cook"));
        for method in [Method::GetStatus, Method::CreateRevision] {
            let answer = ask(&daemon, &nobody, method).await;
            expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
        }
    }
    // Of whom may do nothing no request is recorded: it is counted among the failed attempts.
    let calls =
        "SELECT count(*) FROM audit_records WHERE kind = 'CALL' AND method LIKE '%/CreateRevision'";
    let calls: i64 = site.databases.control_value(calls).await;
    assert_eq!(calls, 0);

    let good = claims("dba");
    let with = |claim: &str, value: Value| {
        let mut changed = good.clone();
        changed[claim] = value;
        ec.sign("e", &changed)
    };
    let header = |value: Value| ec.sign_under(&value, &good);
    let text = |alg: &str| {
        let header = json!({ "alg": alg, "kid": "r" });
        format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(good.to_string())
        )
    };
    // The public key as if it were a shared secret: what it is signed with, everybody has.
    let secret = hmac::Key::new(
        hmac::HMAC_SHA256,
        rsa.jwk("r")["n"].as_str().unwrap().as_bytes(),
    );
    let shared = text("HS256");
    let shared = format!(
        "{shared}.{}",
        encoded(hmac::sign(&secret, shared.as_bytes()))
    );
    let signed = ec.sign("e", &claims("looker"));
    let mut parts = signed.split('.');
    let swapped = format!(
        "{}.{}.{}",
        parts.next().unwrap(),
        encoded(good.to_string()),
        parts.nth(1).unwrap()
    );
    for (what, token) in [
        ("expired", with("exp", json!(now() - 60))),
        ("not good yet", with("nbf", json!(now() + 60))),
        ("another audience", with("aud", json!("other"))),
        ("another issuer", with("iss", json!("https://evil.test"))),
        ("no principal", with("sub", json!(""))),
        ("its key is not known", ec.sign("other", &good)),
        ("its signature is wrong", Key::ec().sign("e", &good)),
        ("its signature is wrong", swapped),
        (
            "its key is not known",
            header(json!({ "alg": "ES256", "kid": "r" })),
        ),
        (
            "something understood",
            header(json!({ "alg": "ES256", "kid": "e", "crit": ["b64"], "b64": false })),
        ),
        ("algorithm is not taken", header(json!({ "kid": "e" }))),
        ("algorithm is not taken", format!("{}.", text("none"))),
        ("algorithm is not taken", shared),
        ("not well formed", "a.b.c".to_owned()),
    ] {
        let answer = ask(&daemon, &token, Method::GetStatus).await;
        let said = answer.as_ref().unwrap_err().message().to_owned();
        assert!(said.contains(what), "{what}: {said}");
        expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_INVALID");
    }
    // A name of the daemon's own would be another's in the records.
    let answer = ask(&daemon, &with("sub", json!("scheduler")), Method::GetStatus).await;
    expect_reason(answer, Code::Unauthenticated, "PRINCIPAL_TAKEN");
    let log = daemon.process.log();
    assert!(!log.contains(&signed) && log.contains("ann@example.net"));
    daemon.stop().await;
}

/// An identity provider that shows its keys, or answers with an error where there are none.
async fn provider() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let shown = Arc::new(Mutex::new(String::new()));
    let keys = Arc::clone(&shown);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = keys.lock().unwrap().clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let asked = stream.read(&mut request).await.unwrap();
                assert!(asked > 0, "no request came");
                let status = if body.is_empty() {
                    "503 Service Unavailable"
                } else {
                    "200 OK"
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (url, shown)
}

#[tokio::test]
async fn keys_are_fetched_when_they_are_needed_and_kept_while_they_cannot_be() {
    let (url, shown) = provider().await;
    let (first, second) = (Key::ed(), Key::ec());
    let mut site = site(&url).await;
    site.set("auth.jwt.allow_http", "true");
    let daemon = site.start().await;

    // The provider is away, and there are no keys yet: that is the daemon's trouble, not the caller's.
    let token = first.sign("1", &claims("dba"));
    let answer = ask(&daemon, &token, Method::GetStatus).await;
    expect_reason(answer, Code::Unavailable, "TOKEN_KEYS_UNAVAILABLE");
    shown.lock().unwrap().clone_from(&keys(&[first.jwk("1")]));
    until("the first key is taken", || async {
        ask(&daemon, &token, Method::GetStatus).await.ok()
    })
    .await;

    // It goes over to another key, while calls with the old one go on.
    let rotated = second.sign("2", &claims("dba"));
    let answer = ask(&daemon, &rotated, Method::GetStatus).await;
    expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_INVALID");
    shown
        .lock()
        .unwrap()
        .clone_from(&keys(&[first.jwk("1"), second.jwk("2")]));
    until("the second key is taken", || async {
        ask(&daemon, &rotated, Method::GetStatus).await.ok()
    })
    .await;

    shown.lock().unwrap().clear();
    let unknown = second.sign("3", &claims("dba"));
    let answer = ask(&daemon, &unknown, Method::GetStatus).await;
    expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_INVALID");
    let client = daemon.client_with(&rotated).await;
    client
        .health()
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
    assert!(
        daemon
            .process
            .log()
            .contains("the keys of signed tokens could not be read")
    );
    daemon.stop().await;
}
