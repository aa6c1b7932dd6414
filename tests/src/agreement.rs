//! One table of requests, judged by every door: offline by `sallyport check`, by the real filter in
//! Envoy (topology A), and by the sidecar over gRPC (both ways of carrying headers) and HTTP, asked
//! directly. All must agree on status, reason, rule, challenge and on what the upstream gets.
//! Exceptions stand in the row that needs them. The policy is `tests/fixtures/agreement/`.

use std::collections::BTreeMap;

use sallyport_policy::Reason;

use crate::Result;
use crate::idp::Idp;
use crate::stage::Stage;
use crate::wire::Sent;

mod credentials;
mod doors;
mod effects;
mod roles;
mod table;
mod tokens;

use doors::Doors;
pub use table::Row;

/// How a credential is sent.
#[derive(Debug, Clone, Copy)]
pub enum Credential {
    /// Not at all.
    No,
    /// As a bearer token.
    Bearer(Mint),
    /// An Authorization header with this value.
    Raw(&'static [u8]),
    /// An Authorization header: this, a token, this.
    Around(&'static str, Mint, &'static str),
    /// Two Authorization headers with a token each.
    Two(Mint, Mint),
    /// In these places.
    At(&'static [Place]),
}

/// A place of a credential, and what stands around a token in it.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// A header: its name, this, a token, this.
    Header(&'static str, &'static str, Mint, &'static str),
    /// Part of the query: this, a token, this.
    Query(&'static str, Mint, &'static str),
}

/// Makes a token.
pub type Mint = fn(&Idp) -> Result<String>;

/// What a door does that differs from the others, with reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// Nothing.
    No,
    /// The server in front of our code answers 400 by itself.
    Refuses,
    /// The door cannot be asked this.
    NotAsked,
    /// The server in front of our code hands on another path, which this reason and rule fit.
    Reads(Reason, &'static str),
}

/// The rows of the policy that holds its roles itself.
#[must_use]
pub fn role_rows() -> &'static [Row] {
    roles::ROWS
}

/// All rows of the first policy.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [table::ROWS, effects::ROWS, credentials::ROWS].into_iter().flatten()
}

/// A row with its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) row: &'static Row,
    /// The path with a query that no other row has, so that no verdict is reused.
    pub(crate) path: String,
    /// All headers but Host.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Ask {
    fn sent(&self) -> Sent<'_> {
        let (method, host) = (self.row.method, self.row.host);
        Sent { method, host, path: &self.path, headers: &self.headers }
    }
}

/// What a door said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    pub(crate) status: u16,
    /// Of an allow only where the door tells it.
    pub(crate) reason: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) would_deny: Option<String>,
    pub(crate) challenge: Option<String>,
    /// On denial: what it looks like. On allow: what a page of another origin is told, if anything.
    pub(crate) shape: Option<Shape>,
    /// On allow: the headers of [`OWNED`] as the upstream gets them.
    pub(crate) upstream: Option<BTreeMap<&'static str, Vec<String>>>,
    pub(crate) door: Option<String>,
}

/// What a denial looks like, besides what it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// Those of [`SHAPING`].
    pub(crate) headers: BTreeMap<&'static str, String>,
    /// The body where it is text, without the decision's id.
    pub(crate) text: Option<String>,
}

/// Headers of denials that are compared.
pub(crate) const SHAPING: &[&str] =
    &["content-type", "cache-control", "location", "grpc-status", "x-sallyport-reason"];

/// Headers of answers to pages of other origins, on allow and on denial.
pub(crate) const CORS: &[&str] = &[
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
    "vary",
];

/// Headers that the policy sets or removes.
pub(crate) const OWNED: &[&str] = &[
    "x-user",
    "x-client",
    "x-tenant",
    "x-order",
    "authorization",
    "x-token",
    "cookie",
    "x-trace",
    "x-gone",
];
/// Where the path that the upstream gets stands among them.
pub(crate) const PATH: &str = ":path";

/// Sent with every request; no upstream may see them.
pub(crate) const SPOOFED: &[(&str, &str)] =
    &[("X-User", "mallory"), ("x-client", "evil"), ("x-tenant", "rival"), ("x-order", "stolen")];

/// Runs the table on a fresh stage with the suite's policy. Gives every disagreement.
///
/// # Errors
/// When a door cannot be asked at all.
pub async fn disagreements(
    stage: &Stage,
    rows: impl Iterator<Item = &'static Row>,
) -> Result<Vec<String>> {
    let asks: Vec<Ask> =
        rows.enumerate().map(|(at, row)| ask(&stage.idp, at, row)).collect::<Result<_>>()?;
    let mut doors = Doors::open(stage).await?;
    let offline = doors.offline(&asks).await?;
    let mut wrong = Vec::new();
    let mut counted = doors::Counts::default();
    for (ask, offline) in asks.iter().zip(&offline) {
        let row = ask.row;
        let mut differ = |door: &str, said: &Said, expected: &Said| {
            if said != expected {
                wrong.push(format!("{}: {door} said {said:?}, expected {expected:?}", row.name));
            }
        };
        let own = Said {
            status: row.status.unwrap_or(row.reason.status()),
            reason: Some(row.reason.word().to_owned()),
            rule: Some(row.rule.to_owned()).filter(|rule| !rule.is_empty()),
            would_deny: row.would_deny.map(|reason| reason.word().to_owned()),
            ..offline.clone()
        };
        differ("check", offline, &own);
        counted.note_sidecar(row);
        for raw in [true, false] {
            let said = doors.grpc(ask, raw).await?;
            let told = Said { door: None, ..offline.clone() };
            differ(if raw { "gRPC with header_map" } else { "gRPC with headers" }, &said, &told);
        }
        if row.http != Differs::NotAsked {
            let said = comparable(doors.http(ask).await?, row.http);
            differ("HTTP", &said, &expected(offline, row.http));
        }
        let said = comparable(doors.envoy(ask).await?, row.envoy);
        counted.note_filter(row, offline);
        differ("the filter", &said, &expected(offline, row.envoy));
    }
    wrong.extend(counted.differences(stage).await?);
    Ok(wrong)
}

/// What a door has to say that shows its decision by an answer alone. The upstream of a request that
/// is read as another one is left to the row's own reading.
fn expected(offline: &Said, differs: Differs) -> Said {
    let said = match differs {
        Differs::No => offline.clone(),
        Differs::Refuses | Differs::NotAsked => return Said { status: 400, ..Said::default() },
        Differs::Reads(reason, rule) => Said {
            status: reason.status(),
            reason: Some(reason.word().to_owned()),
            rule: Some(rule.to_owned()).filter(|rule| !rule.is_empty()),
            challenge: (reason == Reason::ScopeMissing).then(|| {
                "Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"admin\"".to_owned()
            }),
            ..Said::default()
        },
    };
    let allowed = said.status == 200;
    let in_json = said.shape.as_ref().is_none_or(|shape| shape.text.is_none());
    // An allow tells nothing of itself here; the counters do.
    let told = |text: Option<String>| text.filter(|_| !allowed);
    let rule = told(said.rule).filter(|_| in_json);
    Said { reason: told(said.reason), rule, would_deny: None, door: None, ..said }
}

/// An answer of another server, or to another path, has a shape of its own. The HTTP door does not
/// know the client's scheme, and takes it for `https`.
fn comparable(mut said: Said, differs: Differs) -> Said {
    if differs != Differs::No {
        return Said { shape: None, ..said };
    }
    if let Some(location) = said.shape.as_mut().and_then(|shape| shape.headers.get_mut("location"))
    {
        *location = location.replace("=https%3A", "=http%3A");
    }
    said
}

fn ask(idp: &Idp, at: usize, row: &'static Row) -> Result<Ask> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut query = String::new();
    for (name, value) in SPOOFED {
        headers.push(((*name).to_owned(), value.as_bytes().to_vec()));
    }
    let mut authorization = |value: Vec<u8>| headers.push(("authorization".to_owned(), value));
    match row.credential {
        Credential::No => {}
        Credential::Bearer(mint) => authorization(format!("Bearer {}", mint(idp)?).into_bytes()),
        Credential::Raw(value) => authorization(value.to_vec()),
        Credential::Around(before, mint, after) => {
            authorization(format!("{before}{}{after}", mint(idp)?).into_bytes());
        }
        Credential::Two(one, two) => {
            authorization(format!("Bearer {}", one(idp)?).into_bytes());
            authorization(format!("Bearer {}", two(idp)?).into_bytes());
        }
        Credential::At(places) => {
            for place in places {
                match place {
                    Place::Header(name, before, mint, after) => {
                        let value = format!("{before}{}{after}", mint(idp)?);
                        headers.push(((*name).to_owned(), value.into_bytes()));
                    }
                    Place::Query(before, mint, after) => {
                        query.push_str(&format!("{before}{}{after}&", mint(idp)?));
                    }
                }
            }
        }
    }
    for (name, value) in row.headers {
        headers.push(((*name).to_owned(), value.to_vec()));
    }
    query.push_str(&format!("row={at}"));
    let separator = if row.path.contains('?') { '&' } else { '?' };
    let path = match row.path.split_once('#') {
        Some((path, fragment)) => format!("{path}{separator}{query}#{fragment}"),
        None => format!("{}{separator}{query}", row.path),
    };
    Ok(Ask { row, path, headers })
}
