//! What the client's certificate says, as a proxy hands it on: PEM (RFC 7468), or the names that our own filter read. The
//! TLS listener verified it; here no signature, chain or date is looked at. Headers are never read: anybody may send one.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use sallyport_policy::{CertificateSubject, PeerCertificate};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// DER tags (ITU-T X.690).
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
/// UTF8String, PrintableString, IA5String: those of which the bytes are the text.
const TEXTS: [u8; 3] = [0x0c, 0x13, 0x16];
/// RFC 5280 section 4.1: `[0]` before the serial number, `[3]` around the extensions.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// RFC 5280 section 4.2.1.6.
const DNS_NAME: u8 = 0x82;
const URI: u8 = 0x86;
/// 2.5.4.3 and 2.5.29.17.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// Before the name of a subject, among the context extensions that our filter sends. Envoy's own ext_authz sends none
/// but those of its configuration.
const EXTENSION: &str = "sallyport.certificate.";

/// The certificate of the connection that a request came over.
#[derive(Clone, Copy)]
pub(crate) enum ClientCertificate<'a> {
    /// There is none, or the door cannot know.
    None,
    /// PEM, percent-encoded as Envoy does, or plain.
    Pem(&'a str),
    /// What our filter found in it, among other context extensions; an empty name is none.
    Named(&'a HashMap<String, String>),
}

impl<'a> ClientCertificate<'a> {
    /// From both places where a proxy may tell it.
    pub(crate) fn told(pem: &'a str, extensions: &'a HashMap<String, String>) -> Self {
        if pem.is_empty() { Self::Named(extensions) } else { Self::Pem(pem) }
    }

    /// The wanted name.
    pub(crate) fn shown(self, subject: CertificateSubject) -> PeerCertificate {
        let named = match self {
            Self::None => return PeerCertificate::Absent,
            Self::Pem(pem) => name_in_pem(pem, subject),
            Self::Named(extensions) => {
                let own = extensions.iter().find(|(name, _)| {
                    name.strip_prefix(EXTENSION).is_some_and(|name| name == subject.word())
                });
                let Some((_, name)) = own else { return PeerCertificate::Absent };
                Some(name.clone()).filter(|name| !name.is_empty())
            }
        };
        named.map_or(PeerCertificate::Without, PeerCertificate::Named)
    }
}

/// Whether this is what a proxy hands on: one certificate or a chain, and nothing else.
pub(crate) fn is_chain(pem: &str) -> bool {
    let mut rest = pem.trim_ascii();
    let mut found = false;
    while !rest.is_empty() {
        let Some((der, after)) = first(rest) else { return false };
        if !is_certificate(&der) {
            return false;
        }
        found = true;
        rest = after.trim_ascii_start();
    }
    found
}

/// The client's own certificate is the first.
fn name_in_pem(pem: &str, subject: CertificateSubject) -> Option<String> {
    let pem = percent_decode_str(pem).decode_utf8().ok()?;
    let (der, _) = first(pem.trim_ascii())?;
    let certificate = Element::only(&der, SEQUENCE)?;
    let mut signed = certificate.inside().take(SEQUENCE)?.inside();
    signed.skip(VERSION);
    // Serial number, algorithm, issuer, validity.
    signed.take(INTEGER)?;
    for _ in 0..3 {
        signed.take(SEQUENCE)?;
    }
    let name = signed.take(SEQUENCE)?;
    match subject {
        CertificateSubject::CommonName => common_name(name),
        CertificateSubject::UriSan => alternative_name(signed, URI),
        CertificateSubject::DnsSan => alternative_name(signed, DNS_NAME),
    }
}

/// The one common name; two of them are none.
fn common_name(name: Element<'_>) -> Option<String> {
    let mut found = None;
    let mut parts = name.inside();
    while let Some(part) = parts.next() {
        let mut pairs = part.is(SET)?.inside();
        while let Some(pair) = pairs.next() {
            let mut pair = pair.is(SEQUENCE)?.inside();
            if pair.take(OBJECT_ID)?.content != COMMON_NAME {
                continue;
            }
            let value = pair.next().filter(|value| TEXTS.contains(&value.tag))?;
            if found.replace(value.content).is_some() {
                return None;
            }
        }
    }
    text(found?)
}

/// The first of a kind. `rest`: what follows the subject.
fn alternative_name(mut rest: Elements<'_>, kind: u8) -> Option<String> {
    let mut extensions = loop {
        let element = rest.next()?;
        if element.tag == EXTENSIONS {
            break element.inside().take(SEQUENCE)?.inside();
        }
    };
    while let Some(extension) = extensions.next() {
        let mut extension = extension.is(SEQUENCE)?.inside();
        if extension.take(OBJECT_ID)?.content != ALTERNATIVE_NAMES {
            continue;
        }
        extension.skip(BOOLEAN);
        let value = extension.take(OCTET_STRING)?;
        let mut names = Element::only(value.content, SEQUENCE)?.inside();
        while let Some(name) = names.next() {
            if name.tag == kind {
                return text(name.content);
            }
        }
    }
    None
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// The first certificate's bytes, and what follows it.
fn first(pem: &str) -> Option<(Vec<u8>, &str)> {
    let (body, after) = pem.strip_prefix(BEGIN)?.split_once(END)?;
    let base64: String = body.split_ascii_whitespace().collect();
    Some((STANDARD.decode(base64).ok()?, after))
}

/// A sequence of what is signed, algorithm and signature.
fn is_certificate(der: &[u8]) -> bool {
    let Some(certificate) = Element::only(der, SEQUENCE) else { return false };
    let mut inside = certificate.inside();
    let expected = [SEQUENCE, SEQUENCE, BIT_STRING];
    let whole = |tag: u8| inside.take(tag).is_some_and(|element| !element.content.is_empty());
    expected.into_iter().all(whole) && inside.0.is_empty()
}

/// A tag and what it holds.
#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The one element of these bytes.
    fn only(bytes: &'a [u8], tag: u8) -> Option<Self> {
        let mut elements = Elements(bytes);
        elements.take(tag).filter(|_| elements.0.is_empty())
    }

    fn is(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }

    fn inside(self) -> Elements<'a> {
        Elements(self.content)
    }
}

/// Elements one after the other.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// None at the end, and where the next one is none.
    fn next(&mut self) -> Option<Element<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first.checked_sub(0x80) {
            None => (usize::from(*first), rest),
            Some(bytes @ 1..=4) => {
                let (length, rest) = rest.split_at_checked(usize::from(bytes))?;
                let length = length.iter().try_fold(0_usize, |sum, byte| {
                    sum.checked_mul(256)?.checked_add(usize::from(*byte))
                })?;
                (length, rest)
            }
            Some(_) => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag: *tag, content })
    }

    /// The next one, which must be of this kind.
    fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next()?.is(tag)
    }

    /// The next one, if it is of this kind.
    fn skip(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }
}

#[cfg(test)]
mod tests;
