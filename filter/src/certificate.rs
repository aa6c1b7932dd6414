//! The certificate that the client showed to the listener, from Envoy's attributes of the connection. Never from a header.
//! Read for routes that ask for it alone: each look is two host calls.

use sallyport_policy::{CertificateSubject, Inputs, PeerCertificate, common_name};

use crate::host;

/// The wanted name.
pub(crate) fn shown(subject: CertificateSubject) -> PeerCertificate {
    // One byte: whether the connection has TLS and the client showed a certificate.
    if host::property(b"connection\0mtls").as_deref() != Some(&[1]) {
        return PeerCertificate::Absent;
    }
    let text = |path| host::property(path).and_then(|bytes| String::from_utf8(bytes).ok());
    let name = match subject {
        CertificateSubject::UriSan => text(b"connection\0uri_san_peer_certificate".as_slice()),
        CertificateSubject::DnsSan => text(b"connection\0dns_san_peer_certificate"),
        CertificateSubject::CommonName => {
            text(b"connection\0subject_peer_certificate").and_then(|name| common_name(&name))
        }
    };
    match name {
        Some(name) if !name.is_empty() => PeerCertificate::Named(name),
        Some(_) | None => PeerCertificate::Without,
    }
}

/// What the sidecar is told of it, as context extensions: nothing where there is none, an empty name where it has none.
pub(crate) fn extensions(inputs: Option<&Inputs>) -> Vec<(String, String)> {
    let subjects = inputs.map(Inputs::certificate).unwrap_or_default();
    let told = |subject: &CertificateSubject| {
        let name = match shown(*subject) {
            PeerCertificate::Absent => return None,
            PeerCertificate::Without => String::new(),
            PeerCertificate::Named(name) => name,
        };
        Some((format!("sallyport.certificate.{}", subject.word()), name))
    };
    subjects.iter().filter_map(told).collect()
}
