//! Tokens of the table, beyond those of [`crate::cases::Kind`]. Each is one small change of a good
//! one, so that nothing else is wrong with it.

use serde_json::{Value, json};

use crate::Result;
use crate::cases::Kind;
use crate::idp::{Alg, Claims, Idp, TokenSpec, now};

/// The subject of the administrator, whose role is for all namespaces.
const ROOT: &str = "9b2d7a40-root";

fn with(idp: &Idp, changes: &[(&str, Value)]) -> Result<String> {
    idp.access_token(|claims| change(claims, changes))
}

/// `null` takes a claim away.
fn change(claims: &mut Claims, changes: &[(&str, Value)]) {
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(*name);
        } else {
            claims.insert((*name).to_owned(), value.clone());
        }
    }
}

fn header(idp: &Idp, alg: Alg, name: &str, value: Value) -> Result<String> {
    idp.mint(&TokenSpec::new(alg, idp.claims()?).header(name, value))
}

/// An opaque token; the reply is good for `reports.read` but for the changes.
fn opaque(idp: &Idp, changes: &[(&str, Value)]) -> Result<String> {
    let Value::Object(mut reply) = idp.active_reply()? else { return Err("no object".into()) };
    reply.insert("scope".to_owned(), json!("reports.read"));
    change(&mut reply, changes);
    idp.opaque(Value::Object(reply))
}

fn later(seconds: u64) -> Value {
    json!(now().saturating_add(seconds))
}

macro_rules! mints {
    ($($(#[$doc:meta])* $name:ident => |$idp:ident| $body:expr;)*) => {
        $(pub(super) fn $name($idp: &Idp) -> Result<String> { $body })*
    };
}

mints! {
    nothing => |_idp| Ok(String::new());
    good => |idp| Kind::Rs256.mint(idp);
    es256 => |idp| Kind::Es256.mint(idp);
    eddsa => |idp| idp.access_token_with(Alg::EdDsa, |_| ());
    expired => |idp| Kind::Expired.mint(idp);
    not_yet => |idp| with(idp, &[("nbf", later(3600))]);
    issued_later => |idp| with(idp, &[("iat", later(3600))]);
    no_exp => |idp| with(idp, &[("exp", Value::Null)]);
    exp_text => |idp| with(idp, &[("exp", json!("tomorrow"))]);
    exp_fraction => |idp| with(idp, &[("exp", json!(4_102_444_800.5_f64))]);
    exp_zero => |idp| with(idp, &[("exp", json!(0))]);
    wrong_audience => |idp| Kind::WrongAudience.mint(idp);
    no_audience => |idp| with(idp, &[("aud", Value::Null)]);
    audience_list => |idp| with(idp, &[("aud", json!(["invoices", "orders"]))]);
    other_audiences => |idp| with(idp, &[("aud", json!(["invoices", "orders2"]))]);
    wrong_issuer => |idp| Kind::WrongIssuer.mint(idp);
    no_issuer => |idp| with(idp, &[("iss", Value::Null)]);
    issuer_slash => |idp| with(idp, &[("iss", json!(format!("{}/", idp.issuer())))]);
    unknown_kid => |idp| Kind::UnknownKid.mint(idp);
    no_kid => |idp| header(idp, Alg::Rs256, "kid", Value::Null);
    other_kid => |idp| header(idp, Alg::Rs256, "kid", json!("es-1"));
    number_kid => |idp| header(idp, Alg::Rs256, "kid", json!(1));
    bad_rs256 => |idp| Kind::BadSignature.mint(idp);
    bad_es256 => |idp| idp.bad_signature(Alg::Es256, |_| ());
    bad_eddsa => |idp| idp.bad_signature(Alg::EdDsa, |_| ());
    alg_none => |idp| Kind::AlgNone.mint(idp);
    hs256 => |idp| Kind::Hs256.mint(idp);
    rs384 => |idp| idp.mint(&TokenSpec::new(Alg::Rs384, idp.claims()?).kid("rs-1"));
    ps256 => |idp| idp.mint(&TokenSpec::new(Alg::Ps256, idp.claims()?).kid("rs-1"));
    encryption_key => |idp| idp.signed_by_encryption_key(|_| ());
    crit => |idp| header(idp, Alg::Rs256, "crit", json!(["x"]));
    jku => |idp| header(idp, Alg::Rs256, "jku", json!("https://evil.example/keys"));
    embedded_key => |idp| header(idp, Alg::Rs256, "jwk", json!({ "kty": "oct", "k": "AAAA" }));
    access_type => |idp| header(idp, Alg::Rs256, "typ", json!("at+jwt"));
    logout_type => |idp| header(idp, Alg::Rs256, "typ", json!("logout+jwt"));
    refresh_jwt => |idp| with(idp, &[("typ", json!("Refresh"))]);
    id_token => |idp| with(idp, &[("typ", json!("ID"))]);
    garbage => |_idp| Ok("aaaa.bbbb.cccc".to_owned());
    two_parts => |idp| Ok(good(idp)?.rsplit_once('.').map(|(head, _)| head.to_owned()).unwrap_or_default());
    four_parts => |idp| Ok(format!("{}.x", good(idp)?));
    trailing_character => |idp| Ok(format!("{}A", good(idp)?));
    padded => |idp| Ok(format!("{}==", good(idp)?));
    jwe => |_idp| Ok("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d".to_owned());
    too_long => |_idp| Ok("a".repeat(17 << 10));
    unknown_opaque => |_idp| Ok("mF_9.B5f-4.1JqM~+/=".to_owned());
    no_scope => |idp| Kind::NoScope.mint(idp);
    scope_prefix => |idp| with(idp, &[("scope", json!("orders.readx orders"))]);
    scope_case => |idp| with(idp, &[("scope", json!("Orders.Read"))]);
    scope_list => |idp| with(idp, &[("scope", Value::Null), ("scp", json!(["a", "orders.read"]))]);
    scope_number => |idp| with(idp, &[("scope", json!(7))]);
    latest => |idp| with(idp, &[("scope", json!("a orders.latest"))]);
    scope_parent => |idp| with(idp, &[("scope", json!("orders"))]);
    scope_child => |idp| with(idp, &[("scope", json!("orders.read.own.one"))]);
    scope_star => |idp| with(idp, &[("scope", json!("orders.*"))]);
    scope_stars => |idp| with(idp, &[("scope", json!("*.*.own"))]);
    scope_anything => |idp| with(idp, &[("scope", json!("*"))]);
    scope_glued_star => |idp| with(idp, &[("scope", json!("orders*"))]);
    scope_refused => |idp| with(idp, &[("scope", json!("orders.read.own orders.admin"))]);
    member => |idp| with(idp, &[("level", json!(7))]);
    member_text => |idp| with(idp, &[("level", json!("7"))]);
    member_acting => |idp| with(idp, &[("level", Value::from(7)), ("act", json!({}))]);
    member_large => |idp| with(idp, &[("level", json!(9_007_199_254_740_993_u64))]);
    member_too_large => |idp| with(idp, &[("level", json!(9_007_199_254_740_994_u64))]);
    member_suspended => |idp| with(idp, &[("level", json!(7)), ("suspended", json!(true))]);
    caller => |idp| with(idp, &[("callers", json!(["x", "GET api.example.com gold a b"]))]);
    in_support => |idp| with(idp, &[("sub", json!("bob")), ("groups", json!(["staff", "support"]))]);
    in_support_text => |idp| with(idp, &[("sub", json!("bob")), ("groups", json!("support"))]);
    in_support_case => |idp| with(idp, &[("sub", json!("bob")), ("groups", json!(["Support"]))]);
    in_support_comma => |idp| with(idp, &[("sub", json!("bob")), ("groups", json!("staff,support"))]);
    in_operators => |idp| with(idp, &[("sub", json!("bob")), ("groups", json!(["operators"]))]);
    groups_left_out => |idp| with(idp, &[
        ("sub", json!("bob")), ("_claim_names", json!({ "groups": "src1" })),
    ]);
    admin => |idp| with(idp, &[("scope", json!("orders.read admin"))]);
    reports => |idp| with(idp, &[("scope", json!("reports.read"))]);
    no_subject => |idp| with(idp, &[("sub", Value::Null)]);
    newline_subject => |idp| with(idp, &[("sub", json!("alice\r\nx-user: root"))]);
    unicode_subject => |idp| with(idp, &[("sub", json!("ålice"))]);
    no_role => |idp| with(idp, &[("realm_access", json!({ "roles": ["guest"] }))]);
    role_text => |idp| with(idp, &[("realm_access", json!({ "roles": "staff" }))]);
    roles_gone => |idp| with(idp, &[("realm_access", Value::Null)]);
    other_tenant => |idp| with(idp, &[("tenant", json!("globex"))]);
    path_tenant => |idp| with(idp, &[("tenant", json!("../admin"))]);
    no_tenant => |idp| with(idp, &[("tenant", Value::Null)]);
    tenant_list => |idp| with(idp, &[("tenant", json!(["globex", "acme"]))]);
    root => |idp| with(idp, &[("sub", json!(ROOT))]);
    root_other_tenant => |idp| with(idp, &[("sub", json!(ROOT)), ("tenant", json!("globex"))]);
    active => |idp| opaque(idp, &[]);
    active_root => |idp| opaque(idp, &[("sub", json!(ROOT))]);
    active_no_scope => |idp| opaque(idp, &[("scope", json!("orders.read"))]);
    inactive => |idp| Kind::OpaqueInactive.mint(idp);
    opaque_refresh => |idp| opaque(idp, &[("token_type", json!("refresh_token"))]);
    opaque_id => |idp| opaque(idp, &[("token_use", json!("id"))]);
    opaque_expired => |idp| opaque(idp, &[("exp", json!(1_000_000_000))]);
    opaque_not_yet => |idp| opaque(idp, &[("nbf", later(3600))]);
    opaque_audience => |idp| opaque(idp, &[("aud", json!(["invoices"]))]);
    opaque_no_audience => |idp| opaque(idp, &[("aud", Value::Null)]);
    opaque_junk => |idp| opaque(idp, &[("active", json!("yes"))]);
    foreign_but_vouched => |idp| with(idp, &[
        ("iss", json!("https://idp.example/other")), ("scope", json!("reports.read")),
    ]);
}
