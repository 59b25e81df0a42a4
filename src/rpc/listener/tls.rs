//! TLS on the TCP listener: the certificate and its key, the roots of client certificates, and their reading again when
//! the files change.
//!
//! Files are read every second and compared, since a certificate may be put in place by renames, by links or in place. A
//! change takes effect for new connections; those that exist go on. What cannot be used is said in the log once, and what
//! was in use stays.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::certificate::Names;
use crate::model::failure::{Classified, Kind, chain};

const LOOK: Duration = Duration::from_secs(1);

/// The files of TLS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and those between it and its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The roots of client certificates; none where they are not asked for.
    pub client_ca: Option<PathBuf>,
    /// Whether a connection without a client certificate is refused.
    pub require_certificates: bool,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {what} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is looked for.
        what: &'static str,
    },
    /// Certificate and key do not go together, or cannot be used.
    #[error("the certificate in {} cannot be used with the key in {}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The roots of client certificates cannot be used.
    #[error("the roots in {} cannot be used", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        source: VerifierBuilderError,
    },
    /// The protocol's settings cannot be used.
    #[error("TLS cannot be set up")]
    Settings(#[source] rustls::Error),
}

impl Classified for TlsError {
    fn kind(&self) -> Kind {
        Kind::FailedPrecondition
    }

    fn reason(&self) -> &'static str {
        "TLS_UNUSABLE"
    }

    fn hint(&self) -> Option<String> {
        Some("see listen.tls in the configuration".to_owned())
    }
}

/// The present settings. Cheap to clone; all clones see the same.
#[derive(Clone)]
pub(super) struct Tls {
    files: Arc<TlsFiles>,
    current: Arc<RwLock<Arc<ServerConfig>>>,
    read: [u8; 32],
}

/// What the files hold.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: files.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [&self.certificate, &self.key]
            .into_iter()
            .chain(&self.client_ca)
        {
            hasher.update(Sha256::digest(part));
        }
        hasher.finalize().into()
    }
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, TlsError> {
    let path = path.as_ref();
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

impl Tls {
    /// Reads the files.
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let config = config(&files, &contents)?;
        Ok(Self {
            files: Arc::new(files),
            current: Arc::new(RwLock::new(Arc::new(config))),
            read: contents.digest(),
        })
    }

    /// Makes the handshake.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let current = self.current.read();
        let config = Arc::clone(&current.unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Looks at the files every second, and at once when `reload` changes, until `stop`.
    pub(super) async fn watch(mut self, mut reload: watch::Receiver<u64>, stop: CancellationToken) {
        let mut refused = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                Ok(()) = reload.changed() => {}
            }
            let told = match self.look() {
                Ok(false) => None,
                Ok(true) => {
                    let certificate = self.files.certificate.display();
                    tracing::info!(%certificate, "the TLS certificate was read again, for new connections");
                    refused = None;
                    None
                }
                Err(error) => Some(chain(&error)),
            };
            // Once for each way in which they are wrong, not each second.
            if let Some(error) = told.filter(|error| refused.as_ref() != Some(error)) {
                tracing::error!(
                    error,
                    "the changed TLS files cannot be used: new connections go on with those before"
                );
                refused = Some(error);
            }
        }
    }

    /// Takes what the files hold, if that has changed and can be used.
    fn look(&mut self) -> Result<bool, TlsError> {
        let contents = Contents::read(&self.files)?;
        let digest = contents.digest();
        if digest == self.read {
            return Ok(false);
        }
        let config = config(&self.files, &contents)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        self.read = digest;
        Ok(true)
    }
}

fn certificates<'a>(path: &Path, pem: &'a [u8]) -> Result<Vec<CertificateDer<'a>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::Pem {
            path: path.to_owned(),
            what: "certificate",
        }),
    }
}

fn config(files: &TlsFiles, contents: &Contents) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Settings)?;
    let builder = match (&files.client_ca, &contents.client_ca) {
        (Some(path), Some(pem)) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(path, pem)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if files.require_certificates {
                verifier
            } else {
                verifier.allow_unauthenticated()
            };
            let verifier = verifier.build().map_err(|source| TlsError::Roots {
                path: path.clone(),
                source,
            })?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|_| TlsError::Pem {
        path: files.key.clone(),
        what: "private key",
    })?;
    let chain = certificates(&files.certificate, &contents.certificate)?;
    let chain = chain.into_iter().map(CertificateDer::into_owned).collect();
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })?;
    // The listener speaks HTTP/2 and nothing else; who asks for something else is told so in the handshake.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The names of the certificate that the caller showed, if one. One whose names cannot be read is nobody's: its caller must
/// not come in as one that showed none.
pub(super) fn names(stream: &TlsStream<TcpStream>) -> Option<Names> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    Some(Names::read(certificate).unwrap_or_default())
}
