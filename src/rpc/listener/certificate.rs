//! The names in a client certificate. That one of our roots has signed it was checked in the handshake.

use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer as _, X509Certificate},
};

/// All names that a certificate has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::rpc) struct Names {
    /// Host names among the alternative names, in lower case.
    pub(in crate::rpc) dns: Vec<String>,
    /// URIs among them.
    pub(in crate::rpc) uris: Vec<String>,
    /// E-mail addresses among them.
    pub(in crate::rpc) emails: Vec<String>,
    /// The common names of the subject.
    pub(in crate::rpc) subjects: Vec<String>,
}

impl Names {
    /// Reads a certificate; `None` of one that cannot be read.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut names = Self::default();
        for name in certificate.subject().iter_common_name() {
            names.subjects.extend(name.as_str().map(str::to_owned));
        }
        let alternative = certificate.subject_alternative_name().ok()?;
        for name in alternative
            .iter()
            .flat_map(|found| &found.value.general_names)
        {
            match name {
                GeneralName::DNSName(name) => names.dns.push(name.to_ascii_lowercase()),
                GeneralName::URI(uri) => names.uris.push((*uri).to_owned()),
                GeneralName::RFC822Name(email) => names.emails.push((*email).to_owned()),
                _ => {}
            }
        }
        Some(names)
    }

    /// One name, for a refusal to show.
    pub(in crate::rpc) fn first(&self) -> &str {
        let mut all = self.uris.iter().chain(&self.dns).chain(&self.emails);
        let first = all.next().or_else(|| self.subjects.first());
        first.map_or("", String::as_str)
    }
}
