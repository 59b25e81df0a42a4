//! Where the daemon listens, and what it takes to listen where others can reach it.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Serialize, Serializer};

use super::{Auth, ConfigError, settings::Settings, shown};

/// The longest path that a Unix socket can have on Linux, in bytes.
const LONGEST_SOCKET: usize = 107;

/// Where the daemon listens.
#[derive(Clone, Debug, Serialize)]
pub struct Listen {
    /// The TCP listener. Port 0 takes a free port.
    pub grpc: SocketAddr,
    /// The Unix socket, if there is one.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub unix: Option<UnixListen>,
    /// TLS on the TCP listener; none for no TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsListen>,
}

/// A Unix socket.
#[derive(Clone, Debug, Serialize)]
pub struct UnixListen {
    /// The socket's path.
    #[serde(rename = "unix", serialize_with = "shown::path")]
    pub path: PathBuf,
    /// Who may connect, as the permission bits of the file.
    #[serde(rename = "unix_mode", serialize_with = "octal")]
    pub mode: u32,
}

/// TLS on the TCP listener.
#[derive(Clone, Debug, Serialize)]
pub struct TlsListen {
    /// File with the certificate and those between it and its root, in PEM.
    #[serde(serialize_with = "shown::path")]
    pub certificate: PathBuf,
    /// File with its private key, in PEM.
    #[serde(serialize_with = "shown::path")]
    pub key: PathBuf,
    /// File with the roots that client certificates are checked against; none where they are not asked for.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "shown::path_if_any"
    )]
    pub client_ca: Option<PathBuf>,
    /// Whether a connection without a client certificate is refused.
    #[serde(rename = "client_certificates", serialize_with = "required")]
    pub require_certificates: bool,
}

// serde hands each field to its `serialize_with` function by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn required<S: Serializer>(required: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *required { "required" } else { "optional" })
}

/// Reads the section.
pub(super) fn listen(settings: &Settings) -> Result<Listen, ConfigError> {
    Ok(Listen {
        grpc: settings.parse(
            "listen.grpc",
            "an address and port such as 127.0.0.1:7432",
            |text| text.parse().ok(),
        )?,
        unix: unix(settings)?,
        tls: tls(settings)?,
    })
}

fn unix(settings: &Settings) -> Result<Option<UnixListen>, ConfigError> {
    let mode = settings.parse("listen.unix_mode", "octal digits such as 0660", |text| {
        let mode = u32::from_str_radix(text, 8).ok()?;
        (mode <= 0o777).then_some(mode)
    })?;
    let Some(path) = settings.path("listen.unix")? else {
        return Ok(None);
    };
    if path.as_os_str().len() > LONGEST_SOCKET {
        let problem =
            format!("is longer than the {LONGEST_SOCKET} bytes that the path of a socket can have");
        return Err(settings.refuse("listen.unix", problem));
    }
    Ok(Some(UnixListen { path, mode }))
}

fn tls(settings: &Settings) -> Result<Option<TlsListen>, ConfigError> {
    let certificates = "listen.tls.client_certificates";
    let require_certificates =
        settings.parse(certificates, "optional or required", |text| match text {
            "optional" => Some(false),
            "required" => Some(true),
            _ => None,
        })?;
    let Some(certificate) = settings.path("listen.tls.certificate")? else {
        for key in ["listen.tls.key", "listen.tls.client_ca"] {
            if settings.has(key) {
                return Err(settings.refuse(key, "needs `listen.tls.certificate` beside it"));
            }
        }
        return Ok(None);
    };
    let key = settings.path("listen.tls.key")?.ok_or_else(|| {
        let problem = "is missing beside `listen.tls.certificate`";
        settings.refuse("listen.tls.key", problem)
    })?;
    let client_ca = settings.path("listen.tls.client_ca")?;
    if require_certificates && client_ca.is_none() {
        let problem = "is required, but `listen.tls.client_ca` is missing";
        return Err(settings.refuse(certificates, problem));
    }
    Ok(Some(TlsListen {
        certificate,
        key,
        client_ca,
        require_certificates,
    }))
}

/// Refuses an address that others can reach, unless what they send is encrypted and who they are is known.
pub(super) fn refuse_exposure(
    settings: &Settings,
    listen: &Listen,
    auth: &Auth,
) -> Result<(), ConfigError> {
    if listen.grpc.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let missing = match (listen.tls.is_some(), auth.knows_remote_callers()) {
        (true, true) => return Ok(()),
        (false, false) => "TLS and authentication, and neither is configured",
        (false, true) => "TLS, which is not configured",
        (true, false) => "authentication, which is not configured",
    };
    let problem = format!("is no loopback address: others can reach it, so it needs {missing}");
    Err(settings.refuse("listen.grpc", problem).with_hint(
        "give listen.tls.certificate and listen.tls.key, and one of auth.tokens (`pgsteward token new` makes one), \
         auth.certificates or auth.jwt; or listen on 127.0.0.1 or [::1]",
    ))
}
