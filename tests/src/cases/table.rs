//! The table. It follows the routes of `envoy/quickstart/policy.yaml`.

use sallyport_policy::{Door, Reason};

use super::wallet::{Kind, Token};
use super::{Case, Told};
use crate::stage::Way;

use Door::{Cache, Filter, Sidecar};
use Reason::*;
use Token::{Fresh, Known, No, Two};

/// The host of every request.
pub const HOST: &str = "api.example.com";

/// Identity headers that every request brings along, and that no upstream may ever see.
pub(super) const SPOOFED: &[(&str, &str)] =
    &[("x-user", "mallory"), ("x-client", "evil"), ("X-Tenant", "rival")];

/// The subject of every good token.
pub(super) const ALICE: &str = "5f1c0c1e-alice";

/// What the upstream gets by rule; an identity header that is not named must not be there.
pub(super) const UPSTREAM: &[(&str, &[(&str, &str)])] = &[
    ("read-order", &[("x-user", ALICE), ("x-client", "shop"), ("x-tenant", "acme")]),
    ("read-report", &[("x-user", ALICE)]),
    ("cluster", &[("x-user", ALICE)]),
    ("cluster-open", &[("x-user", ALICE)]),
    ("cluster-shadow", &[("x-user", ALICE)]),
    ("write-note", &[("x-user", ALICE)]),
    ("health", &[]),
];

const fn ask(
    step: &'static str,
    request: &'static str,
    token: Token,
    door: Door,
    rule: &'static str,
    reason: Reason,
) -> Case {
    Case {
        step,
        way: Way::Ask,
        mode: "sync",
        request,
        token,
        header: None,
        rule,
        reason,
        status: reason.status(),
        answer: Told::ByUs,
        door,
        scope: None,
        provider_calls: None,
    }
}

impl Case {
    const fn through(mut self, way: Way) -> Self {
        self.way = way;
        self
    }

    const fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    const fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    const fn provider_calls(mut self, calls: u64) -> Self {
        self.provider_calls = Some(calls);
        self
    }

    /// Envoy answers 400 by itself.
    const fn by_envoy(mut self) -> Self {
        self.answer = Told::ByEnvoy;
        self
    }

    const fn asynchronous(mut self) -> Self {
        self.mode = "async";
        self
    }

    /// Over HTTP a 5xx loses its body.
    const fn over_http(mut self) -> Self {
        self.way = Way::Http;
        self.answer = Told::Lost;
        self
    }
}

/// Topology A: everything that the filter decides by itself.
pub(super) const INLINE: &[Case] = &[
    ask("RS256", "GET /orders/o-1", Known(Kind::Rs256), Filter, "read-order", Allowed),
    ask("ES256", "GET /orders/o-1", Fresh(Kind::Es256), Filter, "read-order", Allowed),
    ask("open route", "GET /healthz", No, Filter, "health", AllowedUnauthenticated),
    ask("no token", "GET /orders/o-1", No, Filter, "read-order", TokenMissing),
    ask("expired", "GET /orders/o-1", Fresh(Kind::Expired), Filter, "read-order", TokenExpired),
    ask(
        "wrong audience",
        "GET /orders/o-1",
        Fresh(Kind::WrongAudience),
        Filter,
        "read-order",
        AudienceMismatch,
    ),
    ask(
        "wrong issuer",
        "GET /orders/o-1",
        Fresh(Kind::WrongIssuer),
        Filter,
        "read-order",
        IssuerUnknown,
    ),
    ask(
        "unknown kid",
        "GET /orders/o-1",
        Fresh(Kind::UnknownKid),
        Filter,
        "read-order",
        KeyUnknown,
    ),
    ask(
        "bad signature",
        "GET /orders/o-1",
        Fresh(Kind::BadSignature),
        Filter,
        "read-order",
        SignatureInvalid,
    ),
    ask(
        "alg none",
        "GET /orders/o-1",
        Fresh(Kind::AlgNone),
        Filter,
        "read-order",
        AlgorithmNotAllowed,
    ),
    ask(
        "HS256 with the public key",
        "GET /orders/o-1",
        Fresh(Kind::Hs256),
        Filter,
        "read-order",
        AlgorithmNotAllowed,
    ),
    ask(
        "scope missing",
        "GET /orders/o-1",
        Fresh(Kind::NoScope),
        Filter,
        "read-order",
        ScopeMissing,
    )
    .scope("orders.read"),
    ask("no route", "GET /nowhere", Known(Kind::Rs256), Filter, "", NoRoute),
    ask("no route for the method", "PUT /orders/o-1", Known(Kind::Rs256), Filter, "", NoRoute),
    ask("protected path", "GET /admin/users", Known(Kind::Rs256), Filter, "admin", ScopeMissing)
        .scope("admin"),
    ask(
        "protected path with %2e%2e",
        "GET /orders/%2e%2e/admin/users",
        Known(Kind::Rs256),
        Filter,
        "admin",
        ScopeMissing,
    )
    .scope("admin"),
    ask(
        "protected path with two slashes",
        "GET //admin//users",
        Known(Kind::Rs256),
        Filter,
        "admin",
        ScopeMissing,
    )
    .scope("admin"),
    ask(
        "protected path with %2f",
        "GET /admin%2fusers",
        Known(Kind::Rs256),
        Filter,
        "",
        RequestMalformed,
    )
    .by_envoy(),
    ask(
        "protected path with %61",
        "GET /%61dmin/users",
        Known(Kind::Rs256),
        Filter,
        "admin",
        ScopeMissing,
    )
    .scope("admin"),
    ask("two credentials", "GET /orders/o-1", Two, Filter, "", CredentialAmbiguous),
    ask(
        "underscore in an identity header",
        "GET /orders/o-1",
        Known(Kind::Rs256),
        Filter,
        "",
        RequestMalformed,
    )
    .header("x_user", "mallory")
    .by_envoy(),
];

/// What the sidecar decides: in topology A by the filter's question.
pub(super) const ASKED: &[Case] = &[
    ask("role allows", "GET /clusters/c-1", Fresh(Kind::Rs256), Sidecar, "cluster", Allowed),
    ask("role denies", "DELETE /clusters/c-1", Known(Kind::Rs256), Sidecar, "cluster", RoleMissing),
    ask("opaque token", "GET /reports/r-1", Fresh(Kind::Opaque), Sidecar, "read-report", Allowed)
        .provider_calls(1),
    ask(
        "inactive",
        "GET /reports/r-1",
        Fresh(Kind::OpaqueInactive),
        Sidecar,
        "read-report",
        TokenInactive,
    )
    .provider_calls(1),
    ask(
        "refresh token",
        "GET /reports/r-1",
        Fresh(Kind::OpaqueRefresh),
        Sidecar,
        "read-report",
        TokenTypeMismatch,
    )
    .provider_calls(1),
    ask(
        "opaque, scope missing",
        "GET /reports/r-1",
        Fresh(Kind::OpaqueNoScope),
        Sidecar,
        "read-report",
        ScopeMissing,
    )
    .scope("reports.read")
    .provider_calls(1),
];

/// Topology A: verdicts that the filter reuses.
pub(super) const AGAIN: &[Case] = &[
    ask(
        "opaque token again",
        "GET /reports/r-1",
        Known(Kind::Opaque),
        Cache,
        "read-report",
        Allowed,
    )
    .provider_calls(0),
    ask("role allows again", "GET /clusters/c-1", Known(Kind::Rs256), Cache, "cluster", Allowed),
];

/// Topologies B and C, besides [`ASKED`].
pub(super) const OTHERS: &[Case] = &[
    ask("RS256", "GET /orders/o-1", Known(Kind::Rs256), Sidecar, "read-order", Allowed)
        .through(Way::ExtAuthz),
    ask("no token", "GET /orders/o-1", No, Filter, "read-order", TokenMissing)
        .through(Way::ExtAuthz),
    ask(
        "known opaque token",
        "GET /reports/r-1",
        Known(Kind::Opaque),
        Sidecar,
        "read-report",
        Allowed,
    )
    .through(Way::ExtAuthz)
    .provider_calls(0),
    ask("RS256", "GET /orders/o-1", Known(Kind::Rs256), Sidecar, "read-order", Allowed)
        .through(Way::Grpc),
    ask("no token", "GET /orders/o-1", No, Sidecar, "read-order", TokenMissing).through(Way::Grpc),
    ask("two credentials", "GET /orders/o-1", Two, Sidecar, "", CredentialAmbiguous)
        .through(Way::Grpc),
    ask(
        "known opaque token",
        "GET /reports/r-1",
        Known(Kind::Opaque),
        Sidecar,
        "read-report",
        Allowed,
    )
    .through(Way::Grpc)
    .provider_calls(0),
    ask("RS256", "GET /orders/o-1", Known(Kind::Rs256), Sidecar, "read-order", Allowed)
        .through(Way::Http),
    ask("no token", "GET /orders/o-1", No, Sidecar, "read-order", TokenMissing).through(Way::Http),
    ask("two credentials", "GET /orders/o-1", Two, Sidecar, "", CredentialAmbiguous)
        .through(Way::Http),
    ask(
        "known opaque token",
        "GET /reports/r-1",
        Known(Kind::Opaque),
        Sidecar,
        "read-report",
        Allowed,
    )
    .through(Way::Http)
    .provider_calls(0),
];

/// Nobody waits for the sidecar, and it denies.
pub(super) const SHADOW: Case = ask(
    "role would deny",
    "GET /shadow/clusters/c-1",
    Fresh(Kind::Rs256),
    Filter,
    "cluster-shadow",
    Allowed,
)
.asynchronous();

/// One of the twenty that are mirrored; their headers and bodies are in `mirror.rs`.
pub(super) const NOTE: Case = ask(
    "twenty requests with secrets",
    "POST /notes",
    Known(Kind::Rs256),
    Filter,
    "write-note",
    Allowed,
)
.asynchronous();

/// The first requests, sent at once to both filters, while none has a key yet.
pub(super) const COLD: Case = ask(
    "sixteen at once, keys fetched once",
    "GET /orders/cold",
    Fresh(Kind::Rs256),
    Filter,
    "read-order",
    Allowed,
);

/// With the provider stopped.
pub(super) const WITHOUT_PROVIDER: &[Case] = &[
    ask(
        "provider down, known token",
        "GET /orders/o-1",
        Known(Kind::Rs256),
        Filter,
        "read-order",
        Allowed,
    ),
    UNASKED,
    UNASKED.through(Way::ExtAuthz),
    UNASKED.through(Way::Grpc),
    UNASKED.over_http(),
];

const UNASKED: Case = ask(
    "provider down, fresh opaque token",
    "GET /reports/r-1",
    Fresh(Kind::Opaque),
    Sidecar,
    "read-report",
    DependencyUnavailable,
);

/// With the sidecar killed.
pub(super) const WITHOUT_SIDECAR: &[Case] = &[
    ask(
        "sidecar down, route fails closed",
        "GET /clusters/c-1",
        Fresh(Kind::Rs256),
        Filter,
        "cluster",
        DependencyUnavailable,
    ),
    ask(
        "sidecar down, failure_mode: open",
        "GET /clusters-open/c-1",
        Fresh(Kind::Rs256),
        Filter,
        "cluster-open",
        AllowedByFailureMode,
    ),
    ask(
        "sidecar down, decided inline",
        "GET /orders/o-1",
        Fresh(Kind::Rs256),
        Filter,
        "read-order",
        Allowed,
    ),
];

/// After the sidecar came back.
pub(super) const BACK: &[Case] = &[
    ask("sidecar back", "GET /clusters/c-1", Fresh(Kind::Rs256), Sidecar, "cluster", Allowed),
    ask(
        "sidecar back, role denies",
        "DELETE /clusters-open/c-1",
        Fresh(Kind::Rs256),
        Sidecar,
        "cluster-open",
        RoleMissing,
    ),
];

/// [`ASKED`] through the other doors, and [`OTHERS`], door by door.
pub(super) fn other_doors() -> Vec<Case> {
    let mut cases = Vec::new();
    for way in [Way::ExtAuthz, Way::Grpc, Way::Http] {
        cases.extend(OTHERS.iter().copied().filter(|case| case.way == way));
        cases.extend(ASKED.iter().map(|case| case.by_sidecar(way)));
    }
    cases
}

/// Every case in the order of the run, the twenty and the sixteen as one each.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut cases = vec![COLD];
    cases.extend_from_slice(INLINE);
    cases.extend_from_slice(ASKED);
    cases.extend_from_slice(AGAIN);
    cases.extend(other_doors());
    cases.extend([SHADOW, NOTE]);
    cases.extend_from_slice(WITHOUT_PROVIDER);
    cases.extend_from_slice(WITHOUT_SIDECAR);
    cases.extend_from_slice(BACK);
    cases
}
