//! What a token must satisfy: one value per configured issuer, built by `policy` or by a test.
//! Holds no keys and no clock.

use crate::algorithm::AlgorithmSet;
use crate::limits::DEFAULT_LEEWAY_SECONDS;

/// The rules for tokens of one issuer. Start from [`TokenRules::new`]: until audiences and algorithms are filled in,
/// it refuses every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// Must equal `iss` byte for byte (RFC 7519 section 4.1.1).
    pub issuer: String,
    /// The audiences that are ours. Empty matches no token, except under [`AudienceMatch::Unchecked`].
    pub audiences: Vec<String>,
    /// How [`TokenRules::audiences`] is compared with `aud`.
    pub audience_match: AudienceMatch,
    /// The algorithms that may be used. Empty allows none.
    pub algorithms: AlgorithmSet,
    /// Allowed clock difference in seconds; more than [`MAX_LEEWAY_SECONDS`](crate::limits::MAX_LEEWAY_SECONDS) counts as that.
    pub leeway: u32,
    /// Whether a token without `exp` is refused.
    pub require_exp: bool,
    /// Which kind of token is wanted.
    pub token_type: TokenTypeRule,
}

impl TokenRules {
    /// Rules for this issuer with no audience and no algorithm yet, a leeway of 30 s, `exp` required, access tokens only.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: Vec::new(),
            audience_match: AudienceMatch::Any,
            algorithms: AlgorithmSet::EMPTY,
            leeway: DEFAULT_LEEWAY_SECONDS,
            require_exp: true,
            token_type: TokenTypeRule::AccessToken,
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
