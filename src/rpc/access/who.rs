//! Who calls: by bearer token, by client certificate, by account, or nobody in particular from loopback.
//!
//! An authorization header counts before all else, and a wrong one is refused, whatever else would let the caller in.

use http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::jwt::{Jwt, JwtSettings};
use crate::{
    model::{
        failure::{Failure, Kind},
        method::Role,
        peer::Peer,
        permission::Rights,
    },
    ops::context::Principal,
    rpc::listener::{Account, Caller, Names},
};

/// Everyone who may call.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Bearer tokens.
    pub tokens: Vec<TokenCredential>,
    /// Client certificates.
    pub certificates: Vec<CertificateCredential>,
    /// Accounts on the Unix socket.
    pub accounts: Vec<AccountCredential>,
    /// Tokens that an identity provider signs.
    pub jwt: Option<JwtSettings>,
    /// What callers on loopback without credentials may do.
    pub loopback: Option<Rights>,
}

/// A bearer token, known by its digest alone.
#[derive(Clone)]
pub struct TokenCredential {
    /// Whom it stands for.
    pub principal: Principal,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for TokenCredential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.principal.name;
        write!(formatter, "TokenCredential({name:?})")
    }
}

/// A client certificate that has one of these names.
#[derive(Clone, Debug)]
pub struct CertificateCredential {
    /// Whom it stands for.
    pub principal: Principal,
    /// A host name among the alternative names.
    pub dns: Option<String>,
    /// A URI among them.
    pub uri: Option<String>,
    /// An e-mail address among them.
    pub email: Option<String>,
    /// The common name of the subject.
    pub common_name: Option<String>,
}

impl CertificateCredential {
    fn fits(&self, names: &Names) -> bool {
        let among = |wanted: &Option<String>, found: &[String]| {
            wanted.as_ref().is_some_and(|name| found.contains(name))
        };
        let dns = self.dns.as_ref().map(|name| name.to_ascii_lowercase());
        among(&dns, &names.dns)
            || among(&self.uri, &names.uris)
            || among(&self.email, &names.emails)
            || among(&self.common_name, &names.subjects)
    }
}

/// An account, or the members of a group.
#[derive(Clone, Debug)]
pub struct AccountCredential {
    /// Whom it stands for.
    pub principal: Principal,
    /// The account's name.
    pub user: Option<String>,
    /// The group's name.
    pub group: Option<String>,
}

/// Why a caller is not let in, and whom it claimed to be, as far as that is known.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) failure: Failure,
    pub(super) claimed: String,
}

impl Refused {
    pub(super) fn new(reason: &str, message: impl Into<String>) -> Self {
        let failure = Failure::new(Kind::Unauthenticated, reason, message);
        Self {
            failure: failure.with_hint("send the header `authorization: Bearer TOKEN`"),
            claimed: String::new(),
        }
    }

    fn claimed(mut self, claimed: &str, hint: &str) -> Self {
        self.failure = self.failure.with_hint(hint);
        self.claimed = claimed.chars().take(100).collect();
        self
    }
}

/// Finds out who calls.
pub(super) struct Who {
    tokens: Vec<TokenCredential>,
    certificates: Vec<CertificateCredential>,
    accounts: Vec<AccountCredential>,
    pub(super) jwt: Option<Jwt>,
    loopback: Option<Principal>,
    own_uid: u32,
    own_name: String,
}

impl Who {
    pub(super) fn new(credentials: Credentials) -> Result<Self, Failure> {
        let jwt = credentials.jwt.map(Jwt::new).transpose()?;
        let own_uid = nix::unistd::geteuid();
        let own_account = nix::unistd::User::from_uid(own_uid).ok().flatten();
        Ok(Self {
            tokens: credentials.tokens,
            certificates: credentials.certificates,
            accounts: credentials.accounts,
            jwt,
            loopback: credentials.loopback.map(|rights| Principal {
                name: "local".to_owned(),
                rights,
            }),
            own_uid: own_uid.as_raw(),
            own_name: own_account.map_or_else(|| name_of_uid(own_uid.as_raw()), |user| user.name),
        })
    }

    /// The principal behind a call.
    pub(super) async fn principal(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<Principal, Refused> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        match (given.next(), given.next()) {
            (Some(value), None) => self.by_header(value.as_bytes()).await,
            (Some(_), Some(_)) => Err(Refused::new(
                "CREDENTIALS_INVALID",
                "the call has several authorization headers",
            )),
            (None, _) => self.by_connection(caller),
        }
    }

    async fn by_header(&self, value: &[u8]) -> Result<Principal, Refused> {
        let token = match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
            _ => {
                return Err(Refused::new(
                    "CREDENTIALS_INVALID",
                    "the authorization header holds no bearer token",
                ));
            }
        };
        let digest: [u8; 32] = Sha256::digest(token).into();
        // Every credential is compared, each in constant time: timing tells nothing of which one came near.
        let mut found = None;
        for credential in &self.tokens {
            if bool::from(credential.sha256.ct_eq(&digest)) {
                found = Some(credential.principal.clone());
            }
        }
        match (found, &self.jwt) {
            (Some(principal), _) => Ok(principal),
            (None, Some(jwt)) if Jwt::looks_like_one(token) => self.signed(jwt, token).await,
            (None, _) => Err(Refused::new(
                "CREDENTIALS_INVALID",
                "the token is not known",
            )),
        }
    }

    async fn signed(&self, jwt: &Jwt, token: &[u8]) -> Result<Principal, Refused> {
        let principal = jwt.principal(token).await?;
        // Two who share a name would be one in the records, and could approve what they ask for themselves.
        let tokens = self.tokens.iter().map(|known| &known.principal);
        let certificates = self.certificates.iter().map(|known| &known.principal);
        let accounts = self.accounts.iter().map(|known| &known.principal);
        let mut known = tokens.chain(certificates).chain(accounts);
        let own = ["daemon", "scheduler", "local", self.own_name.as_str()];
        let name = &principal.name;
        let is_own = own.contains(&name.as_str()) || *name == name_of_uid(self.own_uid);
        if is_own || known.any(|other| other.name == *name) {
            let refused = Refused::new(
                "PRINCIPAL_TAKEN",
                "the token's principal has the name of another one of this daemon",
            );
            let hint = "rename the one in the configuration, or set auth.jwt.principal_claim";
            return Err(refused.claimed(name, hint));
        }
        Ok(principal)
    }

    fn by_connection(&self, caller: &Caller) -> Result<Principal, Refused> {
        if let Some(names) = &caller.certificate {
            let mut known = self.certificates.iter();
            return match known.find(|known| known.fits(names)) {
                Some(known) => Ok(known.principal.clone()),
                None => Err(Refused::new(
                    "CERTIFICATE_UNKNOWN",
                    "the certificate stands for nobody",
                )
                .claimed(names.first(), "name it in auth.certificates")),
            };
        }
        if let Some(account) = &caller.account {
            return self.by_account(account).ok_or_else(|| {
                let uid = account.uid.to_string();
                let name = account.user.as_deref().unwrap_or(&uid);
                Refused::new("ACCOUNT_UNKNOWN", "the account stands for nobody")
                    .claimed(name, "name it in auth.accounts")
            });
        }
        let is_local = match caller.peer {
            Peer::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Peer::Daemon | Peer::Unix { .. } => false,
        };
        let local = self.loopback.as_ref().filter(|_| is_local);
        local
            .cloned()
            .ok_or_else(|| Refused::new("CREDENTIALS_MISSING", "the call has no credentials"))
    }

    /// An account that is named itself goes before the groups that it is in. The daemon's own account may do what the
    /// daemon does.
    fn by_account(&self, account: &Account) -> Option<Principal> {
        let is_user =
            |known: &&AccountCredential| known.user.is_some() && known.user == account.user;
        let is_member = |known: &&AccountCredential| {
            let group = known.group.as_ref();
            group.is_some_and(|group| account.groups.contains(group))
        };
        let known = self.accounts.iter().find(is_user);
        if let Some(known) = known {
            return Some(known.principal.clone());
        }
        if account.uid == self.own_uid {
            let name = account.user.clone();
            return Some(Principal {
                name: name.unwrap_or_else(|| name_of_uid(account.uid)),
                rights: Rights::everywhere(Role::Admin),
            });
        }
        let known = self.accounts.iter().find(is_member);
        known.map(|known| known.principal.clone())
    }
}

/// What an account without a name is called in the records.
fn name_of_uid(uid: u32) -> String {
    format!("uid-{uid}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn principal(name: &str) -> Principal {
        Principal {
            name: name.to_owned(),
            rights: Rights::everywhere(Role::Viewer),
        }
    }

    #[test]
    fn a_certificate_is_known_by_any_of_its_names_and_by_no_other() {
        let known = CertificateCredential {
            principal: principal("ci"),
            dns: Some("CI.example.net".to_owned()),
            uri: Some("spiffe://example.net/ci".to_owned()),
            email: None,
            common_name: None,
        };
        let names = |dns: &[&str], uris: &[&str], common: &[&str]| {
            let texts = |found: &[&str]| found.iter().map(|&text| text.to_owned()).collect();
            Names {
                dns: texts(dns),
                uris: texts(uris),
                emails: Vec::new(),
                subjects: texts(common),
            }
        };
        assert!(known.fits(&names(&["ci.example.net"], &[], &[])));
        assert!(known.fits(&names(&[], &["spiffe://example.net/ci"], &[])));
        assert!(!known.fits(&names(&[], &["spiffe://example.net/CI"], &[])));
        assert!(!known.fits(&names(&["x.example.net"], &[], &["ci.example.net"])));
        assert!(!known.fits(&names(&[], &[], &[])));
    }

    #[test]
    fn an_account_is_itself_before_it_is_a_member_and_the_daemons_own_is_an_admin() {
        let credential = |name: &str, user: Option<&str>, group: Option<&str>| AccountCredential {
            principal: principal(name),
            user: user.map(str::to_owned),
            group: group.map(str::to_owned),
        };
        let who = Who::new(Credentials {
            accounts: vec![
                credential("members", None, Some("dba")),
                credential("ann", Some("ann"), None),
            ],
            ..Credentials::default()
        })
        .unwrap();
        let account = |uid, user: Option<&str>, groups: &[&str]| Account {
            uid,
            user: user.map(str::to_owned),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
        };
        let stranger = who.own_uid + 1;
        let name = |account: &Account| who.by_account(account).map(|known| known.name);
        assert_eq!(
            name(&account(stranger, Some("ann"), &["dba"])).unwrap(),
            "ann"
        );
        assert_eq!(
            name(&account(stranger, Some("bob"), &["dba"])).unwrap(),
            "members"
        );
        assert_eq!(name(&account(stranger, Some("bob"), &["users"])), None);
        assert_eq!(name(&account(stranger, None, &[])), None);
        let own = who.by_account(&account(who.own_uid, None, &[])).unwrap();
        assert_eq!(own.rights, Rights::everywhere(Role::Admin));
    }
}
