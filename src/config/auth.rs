//! Who may call: the principals, their rights, and how each is known.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{ConfigError, Rights, Role, Source, settings::Settings, shown};

/// What rights are written as.
const RIGHTS_RULE: &str =
    "viewer, operator or admin, or a list of roles on databases such as `viewer, operator on app`";
/// Names that stand for the daemon itself in its records.
const RESERVED: [&str; 3] = ["daemon", "scheduler", "local"];

/// Who may call.
#[derive(Clone, Debug, Serialize)]
pub struct Auth {
    /// What a caller without a token may do; none where every call needs one.
    #[serde(rename = "loopback_role", serialize_with = "shown::rights_or_none")]
    pub loopback: Option<Rights>,
    /// Whether the standard health service answers everyone.
    pub open_health: bool,
    /// Whether server reflection answers everyone.
    pub open_reflection: bool,
    /// The known tokens.
    pub tokens: Vec<Token>,
}

/// A bearer token, known by its digest alone.
#[derive(Clone, Debug, Serialize)]
pub struct Token {
    /// The principal that it stands for.
    pub name: String,
    /// What the principal may do.
    #[serde(rename = "role", serialize_with = "shown::rights")]
    pub rights: Rights,
    /// SHA-256 of the token.
    pub sha256: TokenDigest,
}

/// SHA-256 of a token. `Debug` and `Serialize` hide it.
#[derive(Clone, Copy)]
pub struct TokenDigest(pub [u8; 32]);

impl Auth {
    /// Whether two principals may restore a database, so that one can approve what the other asks for.
    pub(super) fn has_two_admins(&self, database: &str) -> bool {
        let tokens = self.tokens.iter().map(|token| &token.rights);
        let admins = tokens
            .chain(&self.loopback)
            .filter(|rights| rights.role_on(database) == Some(Role::Admin));
        admins.count() >= 2
    }
}

/// Reads the section. Rights may name only databases that are managed, so that a slip is no silent denial.
pub(super) fn auth(settings: &Settings, source: &Source) -> Result<Auth, ConfigError> {
    let known = source.names();
    let mut names = BTreeSet::new();
    let mut tokens = Vec::new();
    for place in settings.children("auth.tokens") {
        let token = token(settings, &format!("auth.tokens.{place}"), &known)?;
        if !names.insert(token.name.clone()) {
            return Err(settings.refuse(
                &format!("auth.tokens.{place}.name"),
                "is the name of another token too",
            ));
        }
        tokens.push(token);
    }
    let loopback = match settings.text("auth.loopback_role") {
        None if tokens.is_empty() => Some(Rights::everywhere(Role::Admin)),
        None | Some("none") => None,
        Some(_) => {
            let rule = format!("none, {RIGHTS_RULE}");
            Some(rights(settings, "auth.loopback_role", &rule, &known)?)
        }
    };
    Ok(Auth {
        loopback,
        open_health: settings.flag("auth.open_health") == Some(true),
        open_reflection: settings.flag("auth.open_reflection") == Some(true),
        tokens,
    })
}

fn token(settings: &Settings, path: &str, known: &[&str]) -> Result<Token, ConfigError> {
    Ok(Token {
        name: name(settings, &format!("{path}.name"))?,
        rights: rights(settings, &format!("{path}.role"), RIGHTS_RULE, known)?,
        sha256: settings.parse(
            &format!("{path}.sha256"),
            "the 64 hexadecimal digits of a SHA-256",
            digest,
        )?,
    })
}

fn name(settings: &Settings, path: &str) -> Result<String, ConfigError> {
    let rule = "1 to 63 letters, digits and any of . _ - @";
    let name = settings.parse(path, rule, |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        let fits = (1..=63).contains(&text.len()) && text.bytes().all(allowed);
        fits.then(|| text.to_owned())
    })?;
    if RESERVED.contains(&name.as_str()) {
        let problem = "is a name under which the daemon's own deeds are recorded";
        return Err(settings.refuse(path, problem));
    }
    Ok(name)
}

fn rights(
    settings: &Settings,
    path: &str,
    rule: &str,
    known: &[&str],
) -> Result<Rights, ConfigError> {
    let rights: Rights = settings.parse(path, rule, |text| text.parse().ok())?;
    if rights.named_databases().any(|name| !known.contains(&name)) {
        return Err(settings
            .refuse(path, "names a database that is not managed")
            .with_hint(format!("managed are: {}", known.join(", "))));
    }
    Ok(rights)
}

fn digest(text: &str) -> Option<TokenDigest> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(TokenDigest(bytes))
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Serialize for TokenDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}
