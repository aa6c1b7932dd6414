//! What a token must satisfy: one value per configured issuer, built by `policy` or by a test.
//! Holds no keys and no clock.

use crate::algorithm::AlgorithmSet;
use crate::claims::Claims;
use crate::limits::DEFAULT_LEEWAY_SECONDS;
use crate::tenant::tenant_of;

/// The rules for tokens of one issuer. Start from [`TokenRules::new`]: until audiences and algorithms are filled in,
/// it refuses every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// Whose tokens these are.
    pub issuer: IssuerRule,
    /// The audiences that are ours. Empty matches no token, except under [`AudienceMatch::Unchecked`].
    pub audiences: Vec<String>,
    /// How [`TokenRules::audiences`] is compared with `aud`.
    pub audience_match: AudienceMatch,
    /// The clients for which tokens are accepted, compared with [`Claims::client`]. Empty: not compared.
    pub clients: Vec<String>,
    /// The algorithms that may be used. Empty allows none.
    pub algorithms: AlgorithmSet,
    /// Allowed clock difference in seconds; more than [`MAX_LEEWAY_SECONDS`](crate::limits::MAX_LEEWAY_SECONDS) counts as that.
    pub leeway: u32,
    /// Whether a token without `exp` is refused.
    pub require_exp: bool,
    /// Longest time from `iat` to `exp` in seconds, without leeway: both are of one clock. Then both must be there.
    pub max_lifetime: Option<u32>,
    /// Which kind of token is wanted.
    pub token_type: TokenTypeRule,
}

impl TokenRules {
    /// Rules for exactly this issuer with no audience and no algorithm yet, any client, a leeway of 30 s, `exp` required,
    /// any lifetime, access tokens only.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: IssuerRule::Exact(issuer.into()),
            audiences: Vec::new(),
            audience_match: AudienceMatch::Any,
            clients: Vec::new(),
            algorithms: AlgorithmSet::EMPTY,
            leeway: DEFAULT_LEEWAY_SECONDS,
            require_exp: true,
            max_lifetime: None,
            token_type: TokenTypeRule::AccessToken,
        }
    }
}

/// Which `iss` is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerRule {
    /// This one, byte for byte (RFC 7519 section 4.1.1).
    Exact(String),
    /// Entra's tenants.
    Tenants {
        /// The issuer with `{tenantid}` once in the place of the tenant's GUID. Without it no token is accepted.
        template: String,
        /// The tenants whose tokens are accepted, in lower case as Entra writes them; empty: of any tenant. The token's
        /// `tid` must be the GUID in its `iss`, byte for byte.
        tenants: Vec<String>,
    },
}

impl IssuerRule {
    /// The configured text: the issuer or the template.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(issuer) => issuer,
            Self::Tenants { template, .. } => template,
        }
    }

    /// Whether `iss`, and `tid` where there are tenants, are as asked.
    pub(crate) fn admits(&self, claims: &Claims) -> bool {
        let Some(iss) = claims.issuer() else { return false };
        match self {
            Self::Exact(issuer) => iss == issuer,
            Self::Tenants { template, tenants } => tenant_of(template, iss).is_some_and(|tenant| {
                claims.str("tid") == Some(tenant)
                    && (tenants.is_empty() || tenants.iter().any(|admitted| admitted == tenant))
            }),
        }
    }
}

/// How the configured audiences are compared with a token's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AudienceMatch {
    /// At least one of the configured audiences is in `aud`.
    #[default]
    Any,
    /// Every configured audience is in `aud`.
    All,
    /// `aud` is not compared: for issuers that set none. Its shape is still checked.
    Unchecked,
}

/// Which kinds of token are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenTypeRule {
    /// Whatever does not say that it is something else: header `typ` absent, `JWT` or `at+jwt`; no mark of an ID,
    /// refresh or logout token in the claims.
    #[default]
    AccessToken,
    /// Only header `typ` `at+jwt` (RFC 9068 section 4), and no mark of another kind.
    AtJwt,
    /// Not checked. For issuers whose access tokens look like ID tokens (Dex puts `at_hash` into both).
    Unchecked,
}
