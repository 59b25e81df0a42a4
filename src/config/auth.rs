//! Who may call: the principals, their rights, and how each is known.

mod jwt;

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

pub use self::jwt::{Jwks, Jwt, RoleOfClaim};
use super::{ConfigError, Listen, Rights, Role, Source, settings::Settings, shown};

/// What rights are written as.
const RIGHTS_RULE: &str =
    "viewer, operator or admin, or a list of roles on databases such as `viewer, operator on app`";
/// Names that stand for the daemon itself in its records.
const RESERVED: [&str; 3] = ["daemon", "scheduler", "local"];

/// Who may call.
#[derive(Clone, Debug, Serialize)]
pub struct Auth {
    /// What a caller on loopback without credentials may do; none where every call needs some.
    #[serde(rename = "loopback_role", serialize_with = "shown::rights_or_none")]
    pub loopback: Option<Rights>,
    /// Whether the standard health service answers everyone.
    pub open_health: bool,
    /// Whether server reflection answers everyone.
    pub open_reflection: bool,
    /// The known tokens.
    pub tokens: Vec<Token>,
    /// The known client certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    /// The known accounts of the Unix socket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
    /// Tokens that an identity provider signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
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

/// A client certificate, known by any of the names that it has.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// The principal that it stands for.
    pub name: String,
    /// What the principal may do.
    #[serde(rename = "role", serialize_with = "shown::rights")]
    pub rights: Rights,
    /// The names; at least one.
    #[serde(flatten)]
    pub names: CertificateNames,
}

/// Names that a certificate may have. Each of them is enough.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CertificateNames {
    /// A host name among the alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
    /// A URI among the alternative names, such as a SPIFFE id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// An e-mail address among the alternative names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The subject's common name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
}

/// Accounts of this machine that call over the Unix socket.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// The principal that they stand for.
    pub name: String,
    /// What the principal may do.
    #[serde(rename = "role", serialize_with = "shown::rights")]
    pub rights: Rights,
    /// The account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The name of a group whose members they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// SHA-256 of a token. `Debug` and `Serialize` hide it.
#[derive(Clone, Copy)]
pub struct TokenDigest(pub [u8; 32]);

impl Auth {
    /// Whether anyone is known who calls from another machine.
    pub(super) fn knows_remote_callers(&self) -> bool {
        !self.tokens.is_empty() || !self.certificates.is_empty() || self.jwt.is_some()
    }

    /// Whether two principals may restore a database, so that one can approve what the other asks for. Whom an identity
    /// provider makes an admin is its own affair, and may be many.
    pub(super) fn has_two_admins(&self, database: &str) -> bool {
        let is_admin = |rights: &Rights| rights.role_on(database) == Some(Role::Admin);
        let mut admins: BTreeSet<&str> = BTreeSet::new();
        let tokens = self.tokens.iter().map(|known| (&known.name, &known.rights));
        let certificates = self
            .certificates
            .iter()
            .map(|known| (&known.name, &known.rights));
        let accounts = self
            .accounts
            .iter()
            .map(|known| (&known.name, &known.rights));
        for (name, rights) in tokens.chain(certificates).chain(accounts) {
            if is_admin(rights) {
                admins.insert(name);
            }
        }
        let local = usize::from(self.loopback.as_ref().is_some_and(is_admin));
        let signed = self.jwt.iter().flat_map(|jwt| &jwt.roles);
        let many = signed.into_iter().any(|role| is_admin(&role.rights));
        many || admins.len() + local >= 2
    }
}

/// Reads the section. Rights may name only databases that are managed, so that a slip is no silent denial.
pub(super) fn auth(
    settings: &Settings,
    source: &Source,
    listen: &Listen,
) -> Result<Auth, ConfigError> {
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
    let certificates = settings
        .children("auth.certificates")
        .into_iter()
        .map(|place| certificate(settings, &format!("auth.certificates.{place}"), &known))
        .collect::<Result<Vec<_>, _>>()?;
    if !certificates.is_empty()
        && listen
            .tls
            .as_ref()
            .is_none_or(|tls| tls.client_ca.is_none())
    {
        let problem = "needs `listen.tls.client_ca`: no certificate would be asked for";
        return Err(settings.refuse("auth.certificates", problem));
    }
    let accounts = settings
        .children("auth.accounts")
        .into_iter()
        .map(|place| account(settings, &format!("auth.accounts.{place}"), &known))
        .collect::<Result<Vec<_>, _>>()?;
    if !accounts.is_empty() && listen.unix.is_none() {
        let problem = "needs `listen.unix`: accounts are known on the Unix socket alone";
        return Err(settings.refuse("auth.accounts", problem));
    }
    let jwt = jwt::jwt(settings, &known)?;
    let no_one_else =
        tokens.is_empty() && certificates.is_empty() && accounts.is_empty() && jwt.is_none();
    let loopback = match settings.text("auth.loopback_role") {
        None if no_one_else => Some(Rights::everywhere(Role::Admin)),
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
        certificates,
        accounts,
        jwt,
    })
}

fn certificate(
    settings: &Settings,
    path: &str,
    known: &[&str],
) -> Result<Certificate, ConfigError> {
    let text = |key: &str| optional_text(settings, &format!("{path}.{key}"));
    let names = CertificateNames {
        dns: text("dns")?,
        uri: text("uri")?,
        email: text("email")?,
        common_name: text("common_name")?,
    };
    let all = [&names.dns, &names.uri, &names.email, &names.common_name];
    if all.into_iter().all(Option::is_none) {
        let problem = "says nothing by which the certificate would be known";
        return Err(settings
            .refuse(path, problem)
            .with_hint("give it a dns, a uri, an email or a common_name"));
    }
    Ok(Certificate {
        name: name(settings, &format!("{path}.name"))?,
        rights: rights(settings, &format!("{path}.role"), RIGHTS_RULE, known)?,
        names,
    })
}

fn account(settings: &Settings, path: &str, known: &[&str]) -> Result<Account, ConfigError> {
    let text = |key: &str| optional_text(settings, &format!("{path}.{key}"));
    let (user, group) = (text("user")?, text("group")?);
    if user.is_none() && group.is_none() {
        return Err(settings
            .refuse(path, "has neither a user nor a group")
            .with_hint("give it the name of an account or of a group of this machine"));
    }
    Ok(Account {
        name: name(settings, &format!("{path}.name"))?,
        rights: rights(settings, &format!("{path}.role"), RIGHTS_RULE, known)?,
        user,
        group,
    })
}

fn optional_text(settings: &Settings, path: &str) -> Result<Option<String>, ConfigError> {
    match settings.text(path) {
        Some("") => Err(settings.refuse(path, "must not be empty")),
        text => Ok(text.map(str::to_owned)),
    }
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
