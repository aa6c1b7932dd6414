//! What whoever reads a reason does next: the last column of docs/status-codes.md. For operators; an answer to a client
//! says [`Reason::sentence`] and no more. `sallyport explain` prints it; the filter never does.

use crate::answer::reason::Reason;

impl Reason {
    /// What the client or the operator does about it, for documentation and tools; `-` where there is nothing to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Allowed | Self::AllowedUnauthenticated => "-",
            Self::AllowedByFailureMode => "operator: bring the dependency back",
            Self::TokenMissing => {
                "client: send what the route reads, mostly `Authorization: Bearer TOKEN`"
            }
            Self::TokenMalformed => {
                "client: send the token as the provider gave it, where the route reads it, mostly with the scheme Bearer"
            }
            Self::TokenExpired | Self::TokenRevoked => "client: get a new token",
            Self::TokenNotYetValid => "client: wait; operator: compare the clocks",
            Self::SignatureInvalid => {
                "client: get a new token; operator: is this the right issuer?"
            }
            Self::KeyUnknown => {
                "client: get a new token; operator: do the provider's keys reach us (`sallyport.jwks_fetches`)? Are they skipped (`sallyport.jwks_keys_skipped.*`)?"
            }
            Self::AlgorithmNotAllowed => {
                "operator: name the algorithm in `issuers.*.algorithms`, if it is wanted"
            }
            Self::IssuerUnknown => {
                "client: get the token from the right provider; operator: compare `iss` byte for byte, and `tid` with `issuers.*.tenants`"
            }
            Self::AudienceMismatch => {
                "client: ask for a token for this service; operator: `issuers.*.audiences`. Keycloak adds no audience without a mapper"
            }
            Self::ClientMismatch => {
                "client: get the token as a client that is accepted; operator: compare `azp`, `client_id`, `appid` or `cid`, the first of them that there is"
            }
            Self::TokenTypeMismatch => "client: send the access token, not the ID or refresh token",
            Self::TokenLifetimeExceeded => {
                "client: get a short-lived token; operator: the provider's token lifetime, or `max_lifetime`"
            }
            Self::TokenInactive => {
                "client: get a new token; operator: since Keycloak 26.6.2 introspection says inactive to a client that is not in the token's `aud`"
            }
            Self::BindingMismatch => {
                "client: get a token that is not bound; operator: have the provider issue bearer tokens for this service"
            }
            Self::ScopeMissing => "client: ask for the scope that the challenge names",
            Self::ScopeForbidden => {
                "client: get a token without that scope; operator: `routes[].scopes.none_of`"
            }
            Self::ClaimMismatch => {
                "client: get a token with that claim; operator: compare the route's `claims` with the token"
            }
            Self::RoleMissing => {
                "operator: add a binding for this subject, with a role that has this API, resource, namespace and verb"
            }
            Self::GroupsOverage => {
                "operator: have the provider send app roles, or only the groups assigned to the application"
            }
            Self::DeniedByRule => {
                "operator: the rule is meant to deny; change it where it should not"
            }
            Self::NoRoute => {
                "operator: `sallyport explain` with this request; paths and methods are exact"
            }
            Self::RuleAmbiguous => {
                "operator: `sallyport lint` names both; narrow one of them, or write it as a path"
            }
            Self::CorsRefused => {
                "operator: add the origin, method or header to `cors`, if it is wanted"
            }
            Self::AgentDenied => {
                "operator: the agent's own log names the attack; client: do not repeat the request"
            }
            Self::CredentialAmbiguous => "client: send one credential",
            Self::RequestMalformed => "client: send a canonical path and a valid host",
            Self::DependencyUnavailable => {
                "client: try again later; operator: which dependency is in the log and the counters"
            }
            Self::PolicyUnavailable => "operator: the policy does not load; `sallyport lint`",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::answer::Answer;
    use crate::answer::decision::Denial;
    use crate::answer::reason::Reason;

    /// Reason, status, gRPC status, challenge, meaning, remedy: one row for every reason, and every row for one.
    #[test]
    fn the_docs_have_one_row_for_every_reason() {
        let docs = include_str!("../../../docs/status-codes.md");
        let rows: Vec<Vec<&str>> = docs
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect();
        assert_eq!(rows.len(), Reason::ALL.len());
        for (row, reason) in rows.iter().zip(Reason::ALL) {
            let status = reason.status().to_string();
            let grpc = reason.grpc_status().to_string();
            let [word, said, code, challenge, meaning, remedy] = row[..] else {
                panic!("{reason}: {row:?}")
            };
            assert_eq!((word, said, code), (&*format!("`{reason}`"), &*status, &*grpc), "{reason}");
            assert_eq!(challenge, self::challenge(*reason), "{reason}");
            assert_eq!(remedy, reason.remedy(), "{reason}");
            assert!(meaning.len() > 5, "{reason}");
            let told = remedy.starts_with("client: ") || remedy.starts_with("operator: ");
            assert!(told || reason.allows() && remedy == "-", "{reason}: `{remedy}`");
        }
    }

    /// As the column spells it.
    fn challenge(reason: Reason) -> &'static str {
        let answer = Answer::new(&Denial::new(reason), "r", None, "");
        let found = answer.headers.iter().find(|(name, _)| name == "www-authenticate");
        match found.map(|(_, value)| value.as_str()) {
            None => "-",
            Some(value) if value.contains("error=\"invalid_token\"") => "`invalid_token`",
            Some(value) if value.contains("error=\"insufficient_scope\"") => "`insufficient_scope`",
            Some(_) => "`Bearer realm`",
        }
    }
}
