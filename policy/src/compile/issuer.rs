//! `issuers` of the file, compiled: which evidence an issuer gives, and what its tokens must satisfy. Where keys are and
//! how long they live is `keys.rs`. Every finding has its place, its value and its fix.

use sallyport_jwt::{
    Algorithm, AlgorithmSet, AudienceMatch, IssuerRule, TokenRules, TokenTypeRule, tenant_template,
};

use crate::compile::Half;
use crate::compile::introspection::introspection_issuer;
use crate::compile::keys::jwks_issuer;
use crate::file::issuer_source::{
    AudienceMatchSource, HmacSource, IssuerSource, SecretSource, TokenTypeSource,
};
use crate::file::problem::Problems;
use crate::file::scalar::{label, seconds, url, within};
use crate::file::source::Source;
use crate::identity::issuer::{
    HmacIssuer, IntrospectionIssuer, IntrospectionRules, Issuer, IssuerId, IssuerKind,
};
use crate::identity::{ANONYMOUS, CLIENT_CERTIFICATE};
use crate::limits::{DEFAULT_TOKEN_MEMORY_SECONDS, TOKEN_LIFETIME_BOUNDS, TOKEN_MEMORY_BOUNDS};

/// What stands in an issuer in the place of the tenant.
const PLACE: &str = "{tenantid}";
/// A tenant like every other, to try templates with.
const ANY_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// A JWT issuer without the evidence: what its tokens must satisfy.
pub(crate) struct TokenSide {
    pub(crate) rules: TokenRules,
    pub(crate) cache_seconds: u32,
}

/// What `{issuer}` says of a caller without a token.
const RESERVED_NAMES: [&str; 2] = [ANONYMOUS, CLIENT_CERTIFICATE];

pub(crate) fn compile_issuers(source: &Source, half: Half, problems: &mut Problems) -> Vec<Issuer> {
    let mut out = Vec::new();
    for (index, (name, issuer)) in source.issuers.iter().enumerate() {
        let place = format!("issuers.{name}");
        label(&place, name, problems);
        if RESERVED_NAMES.contains(&name.as_str()) {
            problems.error(
                &place,
                format!("`{name}` stands for callers that no issuer vouched for"),
                "give the issuer another name",
            );
        }
        let Ok(id) = u32::try_from(index).map(IssuerId) else { continue };
        if issuer.audiences.iter().any(String::is_empty) {
            problems.error(
                format!("{place}.audiences"),
                "holds an empty audience",
                "name the audience, or remove it",
            );
        }
        // A stand-in keeps indices right; with an error among the problems it is never part of a policy.
        let kind = kind(&place, issuer, half, problems).unwrap_or_else(|| {
            IssuerKind::Introspection(IntrospectionIssuer {
                endpoint: None,
                rules: IntrospectionRules { issuer: None, audiences: Vec::new(), leeway: 0 },
                cache_seconds: 0,
            })
        });
        out.push(Issuer { id, name: name.as_str().into(), kind });
    }
    out
}

fn kind(
    place: &str,
    source: &IssuerSource,
    half: Half,
    problems: &mut Problems,
) -> Option<IssuerKind> {
    match (&source.jwks, &source.hmac, &source.introspection) {
        (Some(jwks), None, None) => {
            let tokens = token_side(place, source, Family::Asymmetric, problems)?;
            jwks_issuer(place, tokens, jwks, problems).map(IssuerKind::Jwt)
        }
        (None, Some(hmac), None) => {
            let tokens = token_side(place, source, Family::Symmetric, problems)?;
            hmac_issuer(place, tokens, hmac, half, problems).map(IssuerKind::Hmac)
        }
        (None, None, Some(introspection)) => {
            introspection_issuer(place, source, introspection, half, problems)
                .map(IssuerKind::Introspection)
        }
        (None, None, None) => {
            problems.error(
                place,
                "has neither `jwks`, `hmac` nor `introspection`",
                "say how its tokens are checked",
            );
            None
        }
        (jwks, hmac, introspection) => {
            let named = [
                ("`jwks`", jwks.is_some()),
                ("`hmac`", hmac.is_some()),
                ("`introspection`", introspection.is_some()),
            ];
            let named: Vec<&str> =
                named.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
            let number = if named.len() == 2 { "both " } else { "" };
            problems.error(
                place,
                format!("has {number}{}", named.join(" and ")),
                "make an issuer of each",
            );
            None
        }
    }
}

/// Which algorithms an issuer may name: keys that are published sign nothing symmetric, and a secret nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Asymmetric,
    Symmetric,
}

fn token_side(
    place: &str,
    source: &IssuerSource,
    family: Family,
    problems: &mut Problems,
) -> Option<TokenSide> {
    let Some(issuer) = &source.issuer else {
        problems.error(format!("{place}.issuer"), "is missing", "write the `iss` of its tokens");
        return None;
    };
    let discovered = source.jwks.as_ref().is_some_and(|jwks| jwks.discovery.is_below_issuer());
    issuer_text(&format!("{place}.issuer"), issuer, discovered, problems);
    let mut rules = TokenRules::new(issuer.clone());
    rules.issuer = issuer_rule(place, issuer, &source.tenants, problems);
    audiences(place, source, &mut rules, problems);
    if source.clients.iter().any(String::is_empty) {
        problems.error(
            format!("{place}.clients"),
            "holds an empty client",
            "name the client as `azp`, `client_id`, `appid` or `cid` does, or remove it",
        );
    }
    rules.clients.clone_from(&source.clients);
    rules.token_type = match source.token_type.unwrap_or_default() {
        TokenTypeSource::Access => TokenTypeRule::AccessToken,
        TokenTypeSource::AtJwt => TokenTypeRule::AtJwt,
        TokenTypeSource::Any => {
            problems.warning(
                format!("{place}.token_type"),
                "is `any`, so ID, refresh and logout tokens of this issuer pass as access tokens",
                "write `access`, unless the provider's access tokens look like ID tokens",
            );
            TokenTypeRule::Unchecked
        }
    };
    expiry(place, source, &mut rules, problems);
    rules.algorithms = algorithms(place, &source.algorithms, family, problems);
    rules.leeway = u32::try_from(leeway(place, source, problems)).unwrap_or(0);
    let cache = format!("{place}.cache");
    let cache_seconds =
        whole_seconds(&cache, source.cache.as_deref(), TOKEN_MEMORY_BOUNDS, problems);
    Some(TokenSide { rules, cache_seconds: cache_seconds.unwrap_or(DEFAULT_TOKEN_MEMORY_SECONDS) })
}

/// An `iss` is any text or address (RFC 7519 section 4.1.1, StringOrURI): Google signs for `accounts.google.com` too. It
/// has to be an address where the keys are found below it.
fn issuer_text(place: &str, issuer: &str, discovered: bool, problems: &mut Problems) {
    if discovered || issuer.contains("://") {
        url(place, issuer, problems);
    } else if issuer.is_empty() || !issuer.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.error(
            place,
            "is empty, or holds a space or another character that no `iss` may hold",
            "write the `iss` of its tokens",
        );
    }
}

/// Exact, or Entra's tenants: the template is then what `{tenantid}` stands in, and it says which tenants.
fn issuer_rule(
    place: &str,
    issuer: &str,
    tenants: &[String],
    problems: &mut Problems,
) -> IssuerRule {
    let at = format!("{place}.tenants");
    if !issuer.contains(['{', '}']) {
        if !tenants.is_empty() {
            problems.error(
                at,
                format!("has no effect, since `{issuer}` is one issuer"),
                format!("remove it, or write `{PLACE}` in `issuer` in the place of the tenant"),
            );
        }
        return IssuerRule::Exact(issuer.to_owned());
    }
    // What tokens are looked up by: their `iss` with the first GUID replaced.
    let usable = issuer.split('/').filter(|segment| *segment == PLACE).count() == 1
        && tenant_template(&issuer.replace(PLACE, ANY_GUID)).as_deref() == Some(issuer)
        && !issuer.replace(PLACE, "").contains(['{', '}']);
    if !usable {
        problems.error(
            format!("{place}.issuer"),
            format!("`{issuer}` is no template for tenants"),
            format!("write `{PLACE}` once, as a whole segment of the path, and no other tenant before it"),
        );
    }
    if tenants.is_empty() {
        problems.error(
            &at,
            format!("is missing, and `{issuer}` is a template"),
            "name the tenants by GUID, or write `[\"*\"]` for every tenant of the provider",
        );
    }
    let any = tenants.iter().any(|tenant| tenant == "*");
    if any && tenants.len() == 1 {
        problems.warning(
            &at,
            "is `*`, so every tenant of the provider, anybody's own too, is accepted",
            "name your tenants; else have routes ask for claims that only you can give",
        );
    } else if any {
        problems.error(
            &at,
            "has `*` beside tenants, which then have no effect",
            "keep one of both",
        );
    }
    for (index, tenant) in tenants.iter().enumerate().filter(|(_, tenant)| *tenant != "*") {
        let at = format!("{at}[{index}]");
        let guid = tenant_template(tenant).as_deref() == Some(PLACE);
        if !guid || tenant.bytes().any(|byte| byte.is_ascii_uppercase()) {
            problems.error(
                at,
                format!("`{tenant}` is no tenant id"),
                format!("write a GUID in lower case, like `{ANY_GUID}`"),
            );
        } else if tenants.iter().take(index).any(|other| other == tenant) {
            problems.error(at, format!("`{tenant}` is named twice"), "name it once");
        }
    }
    let tenants = if any { Vec::new() } else { tenants.to_vec() };
    IssuerRule::Tenants { template: issuer.to_owned(), tenants }
}

fn audiences(place: &str, source: &IssuerSource, rules: &mut TokenRules, problems: &mut Problems) {
    rules.audiences.clone_from(&source.audiences);
    rules.audience_match = match (source.audiences.is_empty(), source.audience_match) {
        (false, None | Some(AudienceMatchSource::Any)) => AudienceMatch::Any,
        (false, Some(AudienceMatchSource::All)) => AudienceMatch::All,
        (true, None) => {
            problems.warning(
                format!("{place}.audiences"),
                "is empty, so tokens for any audience are accepted",
                "name the audience of this service (RFC 8725 section 3.9)",
            );
            AudienceMatch::Unchecked
        }
        (true, Some(_)) => {
            problems.error(
                format!("{place}.audience_match"),
                "has no effect without `audiences`",
                "name the audiences, or remove it",
            );
            AudienceMatch::Any
        }
    };
}

/// `require_exp` and `max_lifetime`.
fn expiry(place: &str, source: &IssuerSource, rules: &mut TokenRules, problems: &mut Problems) {
    let max_lifetime = format!("{place}.max_lifetime");
    rules.max_lifetime = whole_seconds(
        &max_lifetime,
        source.max_lifetime.as_deref(),
        TOKEN_LIFETIME_BOUNDS,
        problems,
    );
    let place = format!("{place}.require_exp");
    match source.require_exp {
        None | Some(true) => {}
        Some(false) if source.max_lifetime.is_some() => problems.error(
            place,
            "is `false`, and has no effect beside `max_lifetime`, which needs `exp`",
            "remove one of both",
        ),
        Some(false) => {
            rules.require_exp = false;
            problems.warning(
                place,
                "is `false`, so a token without `exp` is good for ever",
                "remove it; where the provider cannot write `exp`, rotate its keys",
            );
        }
    }
}

fn algorithms(
    place: &str,
    names: &[String],
    family: Family,
    problems: &mut Problems,
) -> AlgorithmSet {
    if names.is_empty() {
        return match family {
            Family::Asymmetric => [Algorithm::Rs256, Algorithm::Es256].into_iter().collect(),
            Family::Symmetric => [Algorithm::Hs256].into_iter().collect(),
        };
    }
    let fix = match family {
        Family::Asymmetric => {
            "use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA"
        }
        Family::Symmetric => "use HS256, HS384 or HS512",
    };
    let mut set = AlgorithmSet::EMPTY;
    for (index, name) in names.iter().enumerate() {
        let place = format!("{place}.algorithms[{index}]");
        match (name.parse::<Algorithm>(), family) {
            (Ok(algorithm), _) if algorithm.is_symmetric() == (family == Family::Symmetric) => {
                set.insert(algorithm);
            }
            (Ok(_), Family::Asymmetric) => problems.error(
                place,
                format!("`{name}` signs with a shared secret, and the keys of `jwks` are public"),
                format!("{fix}, or `hmac` instead of `jwks`"),
            ),
            (Ok(_), Family::Symmetric) => problems.error(
                place,
                format!("`{name}` signs with a private key, and `hmac` is a shared secret"),
                format!("{fix}, or `jwks` instead of `hmac`"),
            ),
            (Err(_), _) => problems.error(
                place,
                format!("`{name}` is no signature algorithm that is accepted here"),
                fix,
            ),
        }
    }
    set
}

fn hmac_issuer(
    place: &str,
    tokens: TokenSide,
    source: &HmacSource,
    half: Half,
    problems: &mut Problems,
) -> Option<HmacIssuer> {
    let TokenSide { rules, cache_seconds } = tokens;
    let secret = match (half, &source.secret) {
        (Half::Filter, _) => None,
        (Half::Whole, Some(secret)) => {
            check_secret(&format!("{place}.hmac.secret"), secret, problems);
            Some(secret.clone())
        }
        (Half::Whole, None) => {
            problems.error(
                format!("{place}.hmac.secret"),
                "is missing",
                "write `{ file: /run/secrets/name }`",
            );
            return None;
        }
    };
    Some(HmacIssuer { rules, secret, encoding: source.encoding, cache_seconds })
}

pub(crate) fn check_secret(place: &str, secret: &SecretSource, problems: &mut Problems) {
    if secret.file.is_some() == secret.env.is_some() {
        problems.error(
            place,
            "needs exactly one of `file` and `env`",
            "write `{ file: /run/secrets/name }`",
        );
    }
    if secret.file.as_deref() == Some("") {
        problems.error(format!("{place}.file"), "is empty", "write the path of the file");
    }
    if let Some(name) = secret.env.as_deref().filter(|it| it.is_empty() || it.contains(['=', '\0']))
    {
        let message = format!("`{name}` is no name of an environment variable");
        problems.error(format!("{place}.env"), message, "write the variable's name alone");
    }
}

pub(crate) fn leeway(place: &str, source: &IssuerSource, problems: &mut Problems) -> i64 {
    let place = format!("{place}.leeway");
    let default = i64::from(sallyport_jwt::limits::DEFAULT_LEEWAY_SECONDS);
    let Some(seconds) = seconds(&place, source.leeway.as_deref(), problems) else { return default };
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    if seconds > i64::from(sallyport_jwt::limits::MAX_LEEWAY_SECONDS) {
        problems.error(place, format!("`{seconds}s` is too much"), "write at most `300s`");
    }
    seconds
}

/// Whole seconds within bounds.
pub(crate) fn whole_seconds(
    place: &str,
    text: Option<&str>,
    bounds: (&str, &str),
    problems: &mut Problems,
) -> Option<u32> {
    let before = problems.0.len();
    let seconds = seconds(place, text, problems)?;
    if problems.0.len() == before {
        within(place, text, bounds, problems);
    }
    u32::try_from(seconds).ok()
}
