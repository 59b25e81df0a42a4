//! The connection itself: TCP, TLS or a Unix socket, with errors that say what is wrong with a certificate.

use std::{
    error::Error,
    fs,
    io::{self, Cursor},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::{address::Address, error::CliError};

/// How long the daemon's first word is waited for.
const FIRST_WORD: Duration = Duration::from_millis(500);

/// What TLS needs beside the address. All may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsOptions {
    /// File with the roots to trust in place of the system's.
    pub(super) ca: Option<PathBuf>,
    /// File with the certificate to show.
    pub(super) certificate: Option<PathBuf>,
    /// File with its key.
    pub(super) key: Option<PathBuf>,
    /// The name that the daemon's certificate must have, where it is not the address's host.
    pub(super) server_name: Option<String>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum TransportError {
    #[error("no connection to {0}")]
    Tcp(String, #[source] io::Error),
    #[error("no connection to {}", .0.display())]
    Unix(PathBuf, #[source] io::Error),
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
}

impl TransportError {
    /// What can be done, as far as the cause tells.
    fn hint(&self) -> Option<&'static str> {
        let Self::Handshake(error) = self else {
            return None;
        };
        let problem = match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(problem) => problem,
            rustls::Error::InvalidMessage(_) => {
                return Some("the daemon speaks no TLS there; try http://");
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
                return Some(
                    "the daemon wants a client certificate: give one with --cert and --key",
                );
            }
            rustls::Error::AlertReceived(
                AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                // Signed by one of the same name, who is another.
                | AlertDescription::DecryptError,
            ) => return Some("the daemon does not take the client certificate that was shown"),
            _ => return None,
        };
        Some(match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the daemon's certificate is not trusted: give the roots that signed it with --ca"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the daemon's certificate has expired: renew it; the daemon takes the new one without a restart"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the daemon's certificate is not good yet: look at the clocks"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the daemon's certificate is for another name: use that name in --addr, or give it with --server-name"
            }
            _ => "the daemon's certificate cannot be used",
        })
    }
}

/// What can be done about a transport's error, in which one of ours may hide.
pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<TransportError>() {
            return found.hint();
        }
        next = error.source();
    }
    None
}

/// Connects.
pub(super) async fn connect(
    address: &Address,
    tls: &TlsOptions,
    configure: impl FnOnce(Endpoint) -> Endpoint,
) -> Result<Channel, CliError> {
    let connected = match address {
        Address::Plain(uri) => {
            refuse_tls_options(tls)?;
            configure(Endpoint::from(uri.clone())).connect().await
        }
        Address::Unix(path) => {
            refuse_tls_options(tls)?;
            let path = path.clone();
            let connector = service_fn(move |_: Uri| to_socket(path.clone()));
            let endpoint = configure(Endpoint::from_static("http://localhost"));
            endpoint.connect_with_connector(connector).await
        }
        Address::Tls(uri) => {
            let connector = TlsConnector::from(Arc::new(client_config(tls)?));
            let name = server_name(uri, tls)?;
            let connector =
                service_fn(move |uri: Uri| secured(uri, name.clone(), connector.clone()));
            let endpoint = configure(Endpoint::from(uri.clone()));
            endpoint.connect_with_connector(connector).await
        }
    };
    connected.map_err(|source| CliError::Connect {
        address: address.to_string(),
        source,
    })
}

/// Who says whom to trust thinks that the connection is secured.
fn refuse_tls_options(tls: &TlsOptions) -> Result<(), CliError> {
    let given = [
        ("--ca", tls.ca.is_some()),
        ("--cert", tls.certificate.is_some()),
        ("--key", tls.key.is_some()),
        ("--server-name", tls.server_name.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => Err(CliError::Usage(format!(
            "{option} needs an address with TLS, such as https://host:port"
        ))),
    }
}

async fn to_socket(path: PathBuf) -> Result<TokioIo<UnixStream>, TransportError> {
    let stream = UnixStream::connect(&path).await;
    stream
        .map(TokioIo::new)
        .map_err(|error| TransportError::Unix(path, error))
}

async fn secured(
    uri: Uri,
    name: ServerName<'static>,
    connector: TlsConnector,
) -> Result<TokioIo<impl AsyncRead + AsyncWrite>, TransportError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or_default();
    let failed = |error| TransportError::Tcp(format!("{host}:{port}"), error);
    let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let mut stream = connector
        .connect(name, stream)
        .await
        .map_err(TransportError::Handshake)?;
    // With TLS 1.3 a daemon that does not take our certificate says so only now, where it would begin to speak HTTP/2; a
    // proxy in its place may wait for us to begin.
    let mut first = vec![0; 1024];
    let heard = tokio::time::timeout(FIRST_WORD, stream.read(&mut first)).await;
    first.truncate(heard.unwrap_or(Ok(0)).map_err(TransportError::Handshake)?);
    let (reader, writer) = tokio::io::split(stream);
    let whole = Cursor::new(first).chain(reader);
    Ok(TokioIo::new(tokio::io::join(whole, writer)))
}

fn server_name(uri: &Uri, tls: &TlsOptions) -> Result<ServerName<'static>, CliError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = tls.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned())
        .map_err(|_| CliError::Usage(format!("{name:?} is no name that a certificate can have")))
}

fn client_config(tls: &TlsOptions) -> Result<ClientConfig, CliError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CliError::Usage(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots(tls.ca.as_deref())?);
    let mut config = match (&tls.certificate, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let pem = read(key)?;
            let secret =
                PrivateKeyDer::from_pem_slice(&pem).map_err(|_| holds_no(key, "private key"))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, secret)
                .map_err(|error| {
                    let (certificate, key) = (certificate.display(), key.display());
                    let problem = format!("{certificate} cannot be used with {key}: {error}");
                    CliError::Usage(problem)
                })?
        }
        _ => {
            let problem = "--cert and --key go together";
            return Err(CliError::Usage(problem.to_owned()));
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, CliError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for root in certificates(path)? {
                roots.add(root).map_err(|error| {
                    CliError::Usage(format!("{} cannot be trusted: {error}", path.display()))
                })?;
            }
        }
        // Those that cannot be read are left out: what is missing shows when it is needed.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => {
            Ok(found.into_iter().map(CertificateDer::into_owned).collect())
        }
        _ => Err(holds_no(path, "certificate")),
    }
}

fn holds_no(path: &Path, what: &str) -> CliError {
    CliError::Usage(format!("{} holds no {what} in PEM", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(|source| CliError::Read {
        path: path.to_owned(),
        source,
    })
}
