//! The rules of `issuers` in docs/policy.md, on tokens whose truth is known. Everything that is
//! wrong with a token is told, since the documents leave open what is looked at first.

use serde_json::{Value, json};

use super::super::token::Truth;
use super::{Identity, Reference, Refusal, value};

/// What an issuer allows two clocks to differ where the policy says nothing; the generator's tokens
/// are hours off or not at all.
const LEEWAY: i64 = 60;

fn issuer<'r>(reference: &Reference<'r>, name: &str) -> Option<&'r Value> {
    reference.world.policy.get("issuers")?.get(name)
}

/// Whether a JWT's `iss` is that of an issuer; `{tenantid}` stands for any tenant's id.
pub(crate) fn names(reference: &Reference<'_>, name: &str, truth: &Truth) -> bool {
    let Some(policy) = issuer(reference, name) else { return false };
    // Another tenant's token is none of this issuer's.
    if !tenant(policy, &truth.claims) {
        return false;
    }
    let own = value::text(policy, "issuer");
    let iss = value::text(&truth.claims, "iss");
    let (Some(own), Some(iss)) = (own, iss) else { return false };
    match own.split_once("{tenantid}") {
        Some((before, after)) => {
            let fits = iss.starts_with(before) && iss.ends_with(after);
            fits && iss.len() > before.len().saturating_add(after.len())
        }
        None => own == iss,
    }
}

/// Checks a JWT by the rules of the issuer it names.
pub(crate) fn verify(
    reference: &Reference<'_>,
    name: &str,
    truth: &Truth,
) -> Result<Identity, Refusal> {
    let Some(own) = issuer(reference, name) else { return Err(vec!["issuer_unknown"]) };
    let mut wrong: Refusal = Vec::new();
    if let Some(reason) = signature(reference, own, truth) {
        wrong.push(reason);
    }
    if reference.unreachable.contains(&name) {
        wrong.push("dependency_unavailable");
    }
    wrong.extend(header_type(own, &truth.header));
    wrong.extend(lifetime(own, &truth.claims));
    wrong.extend(claims(own, &truth.claims));
    wrong.extend(times(reference, own, &truth.claims, value::flag(own, "require_exp", true)));
    if wrong.is_empty() {
        Ok(Identity { issuer: name.to_owned(), claims: truth.claims.clone() })
    } else {
        Err(wrong)
    }
}

/// RFC 7662, and the same rules for what the reply says.
pub(crate) fn introspect(
    reference: &Reference<'_>,
    name: &str,
    truth: &Truth,
) -> Result<Identity, Refusal> {
    let Some(own) = issuer(reference, name) else { return Err(vec!["token_inactive"]) };
    match truth.reply.get("active").and_then(Value::as_bool) {
        None => return Err(vec!["dependency_unavailable"]),
        Some(false) => return Err(vec!["token_inactive"]),
        // A reply that says what no reply says is none.
        Some(true) if has_wrong_types(&truth.reply) => return Err(vec!["dependency_unavailable"]),
        Some(true) => {}
    }
    let mut wrong = claims(own, &truth.reply);
    wrong.extend(times(reference, own, &truth.reply, false));
    if wrong.is_empty() {
        Ok(Identity { issuer: name.to_owned(), claims: truth.reply.clone() })
    } else {
        Err(wrong)
    }
}

fn signature(reference: &Reference<'_>, own: &Value, truth: &Truth) -> Option<&'static str> {
    let alg = value::text(&truth.header, "alg")?;
    let is_hmac = own.get("hmac").is_some();
    let mut allowed = value::words(own, "algorithms");
    if allowed.is_empty() && is_hmac {
        allowed.push("HS256");
    }
    if !allowed.contains(&alg) {
        return Some("algorithm_not_allowed");
    }
    if is_hmac {
        return truth.signed.is_none().then_some("signature_invalid");
    }
    let kid = match truth.header.get("kid") {
        Some(Value::String(kid)) => Some(kid),
        Some(_) => return Some("token_malformed"),
        None => None,
    };
    if let Some(kid) = kid {
        let Some((_, own)) = reference.keys.iter().find(|(own, _)| own == kid) else {
            return Some("key_unknown");
        };
        if own != alg {
            return Some("algorithm_not_allowed");
        }
    }
    let good = match (&truth.signed, kid) {
        (Some((by, with)), Some(kid)) => by == kid && with == alg,
        (Some((by, with)), None) => {
            with == alg && reference.keys.iter().any(|(own, own_alg)| own == by && own_alg == alg)
        }
        (None, _) => false,
    };
    (!good).then_some("signature_invalid")
}

/// A template's tenants: `tid` is the one in `iss`, and one of those named.
fn tenant(own: &Value, claims: &Value) -> bool {
    let Some(template) = value::text(own, "issuer").filter(|it| it.contains("{tenantid}")) else {
        return true;
    };
    let (Some(tid), Some(iss)) = (value::text(claims, "tid"), value::text(claims, "iss")) else {
        return false;
    };
    let tenants = value::words(own, "tenants");
    template.replace("{tenantid}", tid) == iss && (tenants.contains(&tid) || tenants == ["*"])
}

/// `typ` of the header: `JWT`, `at+jwt`, or not there.
fn header_type(own: &Value, header: &Value) -> Option<&'static str> {
    let wanted = value::text(own, "token_type").unwrap_or("access");
    let typ = match header.get("typ") {
        None => None,
        Some(Value::String(typ)) => Some(typ.to_ascii_lowercase()),
        Some(_) => return Some("token_malformed"),
    };
    let is_access = typ.as_deref() == Some("at+jwt");
    let good = match wanted {
        "any" => true,
        "at+jwt" => is_access,
        _ => is_access || matches!(typ.as_deref(), None | Some("jwt")),
    };
    (!good).then_some("token_type_mismatch")
}

/// Whether a JWT's claims, or its header, cannot be read: it looks like one and is none.
pub(crate) fn is_ill_typed(truth: &Truth) -> bool {
    let kid = truth.header.get("kid").is_none_or(Value::is_string);
    let typ = truth.header.get("typ").is_none_or(Value::is_string);
    let extended = truth.header.get("crit").is_some();
    !kid || !typ || extended || has_wrong_types(&truth.claims)
}

/// docs/threats.md: the types of the registered claims are fixed.
pub(crate) fn has_wrong_types(claims: &Value) -> bool {
    let is = |name: &str, fits: &dyn Fn(&Value) -> bool| claims.get(name).is_none_or(fits);
    let texts = |value: &Value| match value.as_array() {
        Some(items) => items.iter().all(Value::is_string),
        None => value.is_string(),
    };
    let numbers = ["exp", "nbf", "iat"].iter().all(|name| is(name, &Value::is_number));
    !(numbers && is("aud", &texts) && is("iss", &Value::is_string) && is("sub", &Value::is_string))
}

/// What both kinds of tokens have to say.
fn claims(own: &Value, claims: &Value) -> Refusal {
    let mut wrong = Vec::new();
    if value::text(own, "token_type") != Some("any") && is_no_access_token(claims) {
        wrong.push("token_type_mismatch");
    }
    if has_wrong_types(claims) {
        return vec!["token_malformed"];
    }
    let wanted = value::words(own, "audiences");
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(_)) => value::words(claims, "aud"),
        _ => Vec::new(),
    };
    let is_named = |wanted: &&str| named.contains(wanted);
    let good = match value::text(own, "audience_match") {
        Some("all") => wanted.iter().all(is_named),
        _ => wanted.is_empty() || wanted.iter().any(is_named),
    };
    if !good {
        wrong.push("audience_mismatch");
    }
    let clients = value::words(own, "clients");
    let client = client(claims);
    if !clients.is_empty() && !client.is_some_and(|client| clients.contains(&client)) {
        wrong.push("client_mismatch");
    }
    if claims.get("cnf").is_some() {
        wrong.push("binding_mismatch");
    }
    wrong
}

/// `azp`, else `client_id`, `appid`, `cid`.
pub(crate) fn client(claims: &Value) -> Option<&str> {
    ["azp", "client_id", "appid", "cid"].iter().find_map(|name| value::text(claims, name))
}

/// Marks of refresh and ID tokens.
fn is_no_access_token(claims: &Value) -> bool {
    let says = |name: &str, word: &str| {
        value::text(claims, name).is_some_and(|own| own.eq_ignore_ascii_case(word))
    };
    says("typ", "Refresh")
        || says("typ", "ID")
        || says("token_use", "id")
        || says("token_use", "refresh")
        || says("token_type", "refresh_token")
}

fn lifetime(own: &Value, claims: &Value) -> Refusal {
    let Some(longest) = value::seconds(own, "max_lifetime") else { return Vec::new() };
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    match (number("iat"), number("exp")) {
        (Some(iat), Some(exp)) if exp.saturating_sub(iat) <= longest => Vec::new(),
        (Some(_), Some(_)) => vec!["token_lifetime_exceeded"],
        // "which must both be there": the reason is not said.
        _ => vec!["token_lifetime_exceeded", "token_malformed"],
    }
}

fn times(reference: &Reference<'_>, own: &Value, claims: &Value, needs_exp: bool) -> Refusal {
    let leeway = value::seconds(own, "leeway").unwrap_or(LEEWAY);
    let mut wrong = Vec::new();
    let mut time = |name: &str| match claims.get(name) {
        None => None,
        Some(value) if value.is_number() => value.as_f64(),
        Some(_) => {
            wrong.push("token_malformed");
            None
        }
    };
    let (exp, nbf, iat) = (time("exp"), time("nbf"), time("iat"));
    let float = |number: i64| json!(number).as_f64().unwrap_or(0.0);
    let (now, leeway) = (float(reference.now), float(leeway));
    if exp.is_some_and(|exp| exp + leeway <= now) {
        wrong.push("token_expired");
    }
    if exp.is_none() && claims.get("exp").is_none() && needs_exp {
        wrong.push("token_malformed");
    }
    if [nbf, iat].into_iter().flatten().any(|from| from - leeway > now) {
        wrong.push("token_not_yet_valid");
    }
    wrong
}
