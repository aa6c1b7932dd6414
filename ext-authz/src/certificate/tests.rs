//! Certificates of all shapes, made here byte by byte or by rcgen.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType};
use sallyport_policy::CertificateSubject::{self, CommonName, DnsSan, UriSan};
use sallyport_policy::PeerCertificate::{self, Absent, Named, Without};

use super::{BEGIN, ClientCertificate, END, is_chain};

/// Three elements with one byte each.
const LEAST: &[u8] = &[0x30, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0];
const CASES: &[(&str, &[&[u8]], bool)] = &[
    ("one", &[LEAST], true),
    ("chain", &[LEAST, LEAST], true),
    ("none", &[], false),
    ("empty", &[&[]], false),
    ("long form", &[&[0x30, 0x81, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0]], true),
    ("more behind it", &[&[0x30, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0, 0]], false),
    ("cut", &[&[0x30, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1]], false),
    ("no signature", &[&[0x30, 6, 0x30, 1, 0, 0x30, 1, 0]], false),
    ("more inside", &[&[0x30, 12, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0, 2, 1, 0]], false),
    ("endless length", &[&[0x30, 0x80, 0x30, 1, 0]], false),
    ("second is none", &[LEAST, b"text"], false),
];

fn pem(der: &[u8]) -> String {
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
}

#[test]
fn certificates_and_other_bytes() {
    for (name, ders, expected) in CASES {
        let pem: String = ders.iter().map(|der| pem(der)).collect();
        assert_eq!(is_chain(&pem), *expected, "{name}: {pem}");
    }
    let good = format!("{BEGIN}{}{END}", STANDARD.encode(LEAST));
    assert!(is_chain(&good));
    for text in [BEGIN, "x", &format!("{good}x"), &format!("x{good}")] {
        assert!(!is_chain(text), "{text}");
    }
    assert!(!is_chain(&good.replace("CERTIFICATE", "PRIVATE KEY")));
}

fn made(names: &[DnValue], alternatives: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "acme, CN=mallory");
    for name in names {
        params.distinguished_name.push(DnType::CommonName, name.clone());
    }
    params.subject_alt_names = alternatives;
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn shown(pem: &str, subject: CertificateSubject) -> PeerCertificate {
    ClientCertificate::Pem(pem).shown(subject)
}

#[test]
fn names_of_a_certificate() {
    let named = |text: &str| Named(text.to_owned());
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let full = pem(&made(
        &[DnValue::Utf8String("\u{e5}lice".to_owned())],
        vec![dns("a.example"), uri("spiffe://x/a"), dns("b.example"), uri("spiffe://x/b")],
    ));
    assert_eq!(shown(&full, UriSan), named("spiffe://x/a"));
    assert_eq!(shown(&full, DnsSan), named("a.example"));
    assert_eq!(shown(&full, CommonName), named("\u{e5}lice"));
    // As Envoy sends it.
    let encoded = full.replace('\n', "%0A").replace('+', "%2B").replace(['/'], "%2F");
    assert_eq!(
        shown(&encoded.replace('=', "%3D").replace(' ', "%20"), UriSan),
        named("spiffe://x/a")
    );
    // The client's own comes first.
    let chain = format!("{full}{}", pem(&made(&[], vec![uri("spiffe://x/ca")])));
    assert_eq!(shown(&chain, UriSan), named("spiffe://x/a"));
    let bare = pem(&made(&[], vec![]));
    for subject in [UriSan, DnsSan, CommonName] {
        assert_eq!(shown(&bare, subject), Without);
    }
    let other = pem(&made(&[DnValue::TeletexString("alice".try_into().unwrap())], vec![]));
    assert_eq!(shown(&other, CommonName), Without, "not one of the three kinds of text");
}

#[test]
fn what_is_no_certificate_has_no_name() {
    let good = made(
        &[DnValue::Utf8String("alice".to_owned())],
        vec![SanType::DnsName("a".try_into().unwrap())],
    );
    for end in 0..good.len() {
        for subject in [UriSan, DnsSan, CommonName] {
            assert_eq!(shown(&pem(&good[..end]), subject), Without, "{end}");
        }
    }
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        shown(&pem(&bytes), DnsSan);
        shown(&pem(&bytes), CommonName);
    }
    for text in ["x", BEGIN, "%ff", "-----BEGIN CERTIFICATE-----!!!-----END CERTIFICATE-----"] {
        assert_eq!(shown(text, UriSan), Without, "{text}");
    }
}

#[test]
fn our_filter_tells_the_name_itself() {
    let extensions = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let named = extensions(&[("sallyport.certificate.uri_san", "spiffe://x/a"), ("other", "x")]);
    let told = |pem, subject| ClientCertificate::told(pem, &named).shown(subject);
    assert_eq!(told("", UriSan), Named("spiffe://x/a".to_owned()));
    assert_eq!(told("", DnsSan), Absent);
    assert_eq!(told("x", UriSan), Without, "the certificate itself comes first");
    let without = extensions(&[("sallyport.certificate.uri_san", "")]);
    assert_eq!(ClientCertificate::told("", &without).shown(UriSan), Without);
    assert_eq!(ClientCertificate::None.shown(UriSan), Absent);
}
