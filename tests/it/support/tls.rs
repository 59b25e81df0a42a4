//! Certificates made for one test, and clients that speak TLS.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use hyper_util::rt::TokioIo;
use pgsteward::proto::GetStatusRequest;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Endpoint, Uri};
use tower::service_fn;

use super::{Client, Site, wait::until};

/// One that signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate with its key, in files.
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("test roots {number}"));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Writes its own certificate into a file of the site.
    pub(crate) fn file(&self, site: &Site, name: &str) -> PathBuf {
        let path = site.path(name);
        fs::write(&path, &self.pem).unwrap();
        path
    }

    /// Writes a certificate of the names, and its key, into `<name>.pem` and `<name>.key` of the site.
    pub(crate) fn sign(
        &self,
        site: &Site,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let mut params = CertificateParams::default();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate: site.path(&format!("{name}.pem")),
            key: site.path(&format!("{name}.key")),
        };
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }
}

/// For a server on loopback.
pub(crate) fn loopback(params: &mut CertificateParams) {
    params.subject_alt_names = vec![
        SanType::IpAddress([127, 0, 0, 1].into()),
        SanType::DnsName("localhost".try_into().unwrap()),
    ];
}

/// The same, of the year 2000.
pub(crate) fn expired(params: &mut CertificateParams) {
    loopback(params);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2000, 12, 31);
}

/// A client that trusts the roots.
pub(crate) async fn client(address: &str, roots_pem: &str, token: &str) -> Client {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(roots_pem.as_bytes()).unwrap();
    roots.add(root).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let address = address.to_owned();
    let endpoint = Endpoint::new(format!("https://{address}")).unwrap();
    let connect = service_fn(move |_: Uri| {
        let (connector, address) = (connector.clone(), address.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::try_from("127.0.0.1").unwrap();
            connector.connect(name, stream).await.map(TokioIo::new)
        }
    });
    let channel = endpoint.connect_with_connector(connect).await.unwrap();
    Client::of_channel(channel, Some(token))
}

/// Waits until a client that trusts these roots, and no others, gets an answer.
pub(crate) async fn until_trusted(address: &str, roots_pem: &str, token: &str) {
    until("the daemon shows the new certificate", || async {
        let client = tokio::spawn({
            let (address, roots, token) =
                (address.to_owned(), roots_pem.to_owned(), token.to_owned());
            async move { client(&address, &roots, &token).await }
        });
        let client = client.await.ok()?;
        client.health().get_status(GetStatusRequest {}).await.ok()
    })
    .await;
}
