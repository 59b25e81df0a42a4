//! From the configuration to who may call, where, and how much.

use crate::{
    config::{Config, Jwks, Jwt, Limits as Configured},
    model::{attempts::Attempt, failure::Failure, permission::Rights},
    ops::context::Principal,
    rpc::{
        Access, AccountCredential, CallLimits, CertificateCredential, Credentials, JwtSettings,
        KeySource, Limits, Open, Places, SeatLimits, TlsFiles, TokenCredential, UnixSocket,
    },
};

/// Where to listen.
pub(super) fn places(config: &Config) -> Places {
    let listen = &config.listen;
    Places {
        tcp: listen.grpc,
        tls: listen.tls.as_ref().map(|tls| TlsFiles {
            certificate: tls.certificate.clone(),
            key: tls.key.clone(),
            client_ca: tls.client_ca.clone(),
            require_certificates: tls.require_certificates,
        }),
        unix: listen.unix.as_ref().map(|unix| UnixSocket {
            path: unix.path.clone(),
            mode: unix.mode,
        }),
    }
}

/// Who may call, and where failed attempts are told of.
pub(super) fn access(
    config: &Config,
) -> Result<(Access, tokio::sync::mpsc::Receiver<Attempt>), Failure> {
    let open = Open {
        health: config.auth.open_health,
        reflection: config.auth.open_reflection,
    };
    let limits = CallLimits {
        call: config.limits.call_timeout,
        request: config.limits.request_timeout,
        stall: config.limits.stall_timeout,
        failed_attempts: config.limits.failed_attempts,
    };
    Access::new(credentials(config), open, limits)
}

/// What callers may take of the server.
pub(super) fn limits(configured: &Configured) -> Limits {
    Limits {
        seats: SeatLimits {
            total: size(configured.connections),
            per_peer: size(configured.connections_per_peer),
            unproven: configured.handshake_timeout,
            idle: configured.idle_timeout,
        },
        streams: configured.streams,
        message_bytes: size(configured.message_bytes),
        header_bytes: configured.header_bytes,
    }
}

/// A number of 32 bits as the size that it is on every machine that this is built for.
pub(super) fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn credentials(config: &Config) -> Credentials {
    let principal = |name: &str, rights: &Rights| Principal {
        name: name.to_owned(),
        rights: rights.clone(),
    };
    let auth = &config.auth;
    let tokens = auth.tokens.iter().map(|token| TokenCredential {
        principal: principal(&token.name, &token.rights),
        sha256: token.sha256.0,
    });
    let certificates = auth.certificates.iter().map(|known| CertificateCredential {
        principal: principal(&known.name, &known.rights),
        dns: known.names.dns.clone(),
        uri: known.names.uri.clone(),
        email: known.names.email.clone(),
        common_name: known.names.common_name.clone(),
    });
    let accounts = auth.accounts.iter().map(|known| AccountCredential {
        principal: principal(&known.name, &known.rights),
        user: known.user.clone(),
        group: known.group.clone(),
    });
    Credentials {
        tokens: tokens.collect(),
        certificates: certificates.collect(),
        accounts: accounts.collect(),
        jwt: auth.jwt.as_ref().map(signed),
        loopback: auth.loopback.clone(),
    }
}

fn signed(jwt: &Jwt) -> JwtSettings {
    let roles = jwt.roles.iter();
    JwtSettings {
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        keys: match &jwt.jwks {
            Jwks::File(path) => KeySource::File(path.clone()),
            Jwks::Url(url) => KeySource::Url(url.clone()),
        },
        algorithms: jwt.algorithms.clone(),
        leeway: jwt.leeway,
        refresh: jwt.refresh,
        refresh_pause: jwt.refresh_pause,
        principal_claim: jwt.principal_claim.clone(),
        role_claim: jwt.role_claim.clone(),
        roles: roles
            .map(|role| (role.value.clone(), role.rights.clone()))
            .collect(),
    }
}
