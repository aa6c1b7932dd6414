//! Compact JWS and tokens. `token` looks for ways through the readers, `mutation` stays near the valid tokens: none but
//! themselves may be accepted, and Pure and Native say the same of each.

use sallyport_jwt::{Jws, Unverified, looks_like_jws, tenant_template};

use super::{Outcome, Target, must, no_words};
use crate::mutate::Mutator;
use crate::seeds;
use crate::tokens::World;

pub(super) const TOKEN: Target = Target {
    name: "token",
    about: "compact JWS and tokens: readers, and verification by Pure and Native",
    run,
    seeds: || seeds::folder("fuzz/seeds/token"),
    words: no_words,
    mutate: Mutator::token,
    grows: true,
};

pub(super) const MUTATION: Target = Target {
    name: "mutation",
    about: "no mutation of a valid token is accepted",
    run: |input| World::get()?.judge(input),
    seeds: || seeds::folder("fuzz/seeds/token"),
    words: no_words,
    mutate: Mutator::token,
    grows: false,
};

fn run(input: &[u8]) -> Outcome {
    if let Ok(token) = Unverified::parse(input) {
        let jws = Jws::parse(input).map_err(|error| format!("a token, and as a JWS: {error}"))?;
        must(looks_like_jws(input) || token.untrusted_claims().as_object().is_empty(), || {
            "a token that does not look like one".to_owned()
        })?;
        must(jws.kid() == token.kid() && jws.algorithm() == token.algorithm(), || {
            "as a JWS it has another header".to_owned()
        })?;
        if let Some(template) = token.issuer().and_then(tenant_template) {
            must(template.contains("{tenantid}"), || "a template without its place".to_owned())?;
        }
        let shown = format!("{token:?} {jws:?}");
        must(shown.len() < 300, || "`Debug` shows the token".to_owned())?;
    }
    World::get()?.judge(input)
}
