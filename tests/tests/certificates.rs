//! Client certificates on a real Envoy with TLS listeners: the filter, the sidecar behind it and the sidecar alone read the
//! same subject from the same certificate, and never one from a header. Envoy verifies them; that is not ours to test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SanType,
};
use sallyport_tests::Result;
use sallyport_tests::envoy::{Binary, CURRENT, OLDEST};
use sallyport_tests::failures::Failures;
use sallyport_tests::parts::{self, Parts};
use sallyport_tests::stage::{Setup, Stage, Way};
use serde_json::json;

/// Common names and alternative names of a client.
struct Client {
    common_names: &'static [&'static str],
    uris: &'static [&'static str],
    names: &'static [&'static str],
}

const ALICE: Client = Client {
    common_names: &["Alice, of \"acme\" + \u{e5}"],
    uris: &["spiffe://example.org/alice", "spiffe://example.org/ops"],
    names: &["alice.example.org", "ops.example.org"],
};
const OPS: Client = Client { common_names: &[], uris: &["spiffe://example.org/ops"], names: &[] };
const BARE: Client = Client { common_names: &["bare"], uris: &[], names: &[] };

/// Who comes (none: without a certificate), path, status and who that is upstream; the reason of a denial.
type Case = (Option<&'static Client>, &'static str, u16, &'static str);

const CASES: &[Case] = &[
    (Some(&ALICE), "/certificate/1", 200, "client_certificate:spiffe://example.org/alice"),
    (Some(&ALICE), "/certificate-dns/1", 200, "client_certificate:alice.example.org"),
    (Some(&OPS), "/certificate/2", 200, "client_certificate:spiffe://example.org/ops"),
    (Some(&OPS), "/certificate-dns/2", 401, "token_malformed"),
    (Some(&OPS), "/certificate-name/2", 401, "token_malformed"),
    (Some(&BARE), "/certificate/3", 401, "token_malformed"),
    (Some(&BARE), "/certificate-name/3", 200, "client_certificate:bare"),
    // The same path: a verdict on one certificate is none on another.
    (Some(&OPS), "/certificate-role/4", 200, "client_certificate:spiffe://example.org/ops"),
    (Some(&ALICE), "/certificate-role/4", 403, "role_missing"),
    (Some(&BARE), "/certificate-role/4", 401, "token_malformed"),
    (None, "/certificate-role/4", 401, "token_missing"),
    (Some(&OPS), "/certificate-role/4", 200, "client_certificate:spiffe://example.org/ops"),
    (None, "/certificate/5", 401, "token_missing"),
];

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Certificate and key.
    fn issue(&self, common_names: &[&str], alternatives: Vec<SanType>) -> Result<(String, String)> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "acme,CN=root");
        for name in common_names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        params.subject_alt_names = alternatives;
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }

    fn client(&self, client: &Client) -> Result<reqwest::Identity> {
        let mut alternatives = Vec::new();
        for name in client.names {
            alternatives.push(SanType::DnsName((*name).try_into()?));
        }
        for uri in client.uris {
            alternatives.push(SanType::URI((*uri).try_into()?));
        }
        let (certificate, key) = self.issue(client.common_names, alternatives)?;
        Ok(reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes())?)
    }
}

/// The agreement's policy behind listeners that ask for a certificate and do not insist.
async fn stage(version: &str, authority: &Authority) -> Result<Stage> {
    let (certificate, key) =
        authority.issue(&[], vec![SanType::IpAddress([127, 0, 0, 1].into())])?;
    let socket = json!({
        "name": "tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificates": [{
                    "certificate_chain": { "inline_string": certificate },
                    "private_key": { "inline_string": key },
                }],
                "validation_context": { "trusted_ca": { "inline_string": authority.0.pem() } },
            },
        },
    });
    let mut setup = Setup::quickstart(Parts::find()?, Binary::locate(version).await?);
    setup.policy = Some(parts::root().join("tests/fixtures/agreement"));
    let chain = "\"filter_chains\":[{\"filters\"";
    let secured = format!("\"filter_chains\":[{{\"transport_socket\":{socket},\"filters\"");
    setup.replaced = vec![(chain.to_owned(), secured)];
    Stage::open(setup).await
}

async fn differences(version: &str) -> Result<Option<String>> {
    let authority = Authority::new()?;
    let stage = stage(version, &authority).await?;
    let mut wrong = Failures::default();
    for way in [Way::Ask, Way::ExtAuthz, Way::Grpc, Way::Http] {
        for (client, path, status, told) in CASES {
            let root = reqwest::Certificate::from_pem(authority.0.pem().as_bytes())?;
            let mut builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
            if let Some(client) = client {
                builder = builder.identity(authority.client(client)?);
            }
            stage.echo.forget();
            let request =
                builder.build()?.get(format!("https://127.0.0.1:{}{path}", stage.port(way)?));
            let forged =
                "Hash=ab;Subject=\"CN=bare\";URI=spiffe://example.org/ops;DNS=ops.example.org";
            let request = request.header("host", "api.example.com");
            let response = request.header("x-forwarded-client-cert", forged).send().await?;
            let actual = response.status().as_u16();
            let body: serde_json::Value = response.json().await.unwrap_or_default();
            let reason = body.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default();
            let user = stage.echo.last().map(|seen| seen.values("x-user").concat());
            let said = (actual, user.unwrap_or_else(|| reason.to_owned()));
            // Over HTTP nobody tells the sidecar of certificates.
            let expected = if way == Way::Http { (401, "token_missing") } else { (*status, *told) };
            wrong.same(&format!("{way:?} {path}"), said, (expected.0, expected.1.to_owned()));
        }
    }
    // A common name that must be escaped to be written in a line.
    let name = format!("client_certificate:{}", ALICE.common_names.concat());
    for way in [Way::Ask, Way::Grpc] {
        stage.echo.forget();
        let root = reqwest::Certificate::from_pem(authority.0.pem().as_bytes())?;
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
        let client = builder.identity(authority.client(&ALICE)?).build()?;
        let url = format!("https://127.0.0.1:{}/certificate-name/1", stage.port(way)?);
        let status = client.get(url).header("host", "api.example.com").send().await?.status();
        let user = stage.echo.last().map(|seen| seen.values("x-user").concat());
        wrong.same(
            &format!("{way:?}, escaped"),
            (status.as_u16(), user),
            (200, Some(name.clone())),
        );
    }
    stage.close().await?;
    Ok(wrong.report())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_reads_the_same_subject() {
    assert_eq!(differences(CURRENT).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn also_on_the_oldest_envoy() {
    assert_eq!(differences(OLDEST).await.unwrap(), None);
}
