//! The issuers whose JWTs one route accepts. A token that was not seen before is looked up by its `iss`, as it is or with
//! Entra's tenant cut out; a remembered one by the issuer that it was verified for. No two of a route's issuers accept
//! the same `iss`, so both ways lead to one answer, and neither costs more with more issuers.

use hashbrown::HashMap;
use sallyport_jwt::{IssuerRule, tenant_template};
use smallvec::SmallVec;

use crate::file::source::OnInvalid;
use crate::identity::issuer::{Issuer, IssuerId, IssuerKind};

/// One of them, and whether its refusal is final.
type Entry = (IssuerId, OnInvalid);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct RouteIssuers {
    /// For tokens that were not seen before; apart from what is asked for every token.
    by_iss: Box<ByIss>,
    /// Sorted by issuer.
    by_id: SmallVec<[Entry; 2]>,
    /// One of them signs with a secret, so the filter cannot judge all.
    hmac: bool,
}

/// Issuers by what stands in their tokens.
#[derive(Debug, Default)]
struct ByIss {
    exact: HashMap<Box<str>, Entry>,
    templates: HashMap<Box<str>, Tenants>,
}

/// What stands behind a template.
#[derive(Debug)]
struct Tenants {
    entry: Entry,
    /// None: every tenant.
    named: Vec<String>,
}

impl Tenants {
    /// Whether an `iss` of this template is one of theirs.
    #[inline]
    fn take(named: &[String], iss: &str) -> bool {
        named.is_empty() || named.iter().any(|tenant| iss.contains(tenant.as_str()))
    }
}

impl RouteIssuers {
    /// Adds an issuer of JWTs; others are left out.
    ///
    /// # Errors
    /// An `iss` that this issuer and one of those before both accept.
    #[inline]
    pub(crate) fn insert(&mut self, issuer: &Issuer, on_invalid: OnInvalid) -> Result<(), String> {
        let Some(rule) = issuer.issuer_rule() else { return Ok(()) };
        if let Some(iss) = self.shared(rule) {
            return Err(iss);
        }
        let entry = (issuer.id(), on_invalid);
        match rule {
            IssuerRule::Exact(iss) => {
                self.by_iss.exact.insert(iss.as_str().into(), entry);
            }
            IssuerRule::Tenants { template, tenants } => {
                let tenants = Tenants { entry, named: tenants.clone() };
                self.by_iss.templates.insert(template.as_str().into(), tenants);
            }
        }
        let at = self.by_id.partition_point(|(known, _)| *known < issuer.id());
        self.by_id.insert(at, entry);
        self.hmac |= matches!(issuer.kind(), IssuerKind::Hmac(_));
        Ok(())
    }

    #[inline]
    fn shared(&self, rule: &IssuerRule) -> Option<String> {
        match rule {
            IssuerRule::Exact(iss) => {
                let template = tenant_template(iss);
                let tenants = template.and_then(|template| self.by_iss.templates.get(&*template));
                let by_template = tenants.is_some_and(|tenants| Tenants::take(&tenants.named, iss));
                (by_template || self.by_iss.exact.contains_key(&**iss)).then(|| iss.clone())
            }
            IssuerRule::Tenants { template, tenants } => {
                if self.by_iss.templates.contains_key(&**template) {
                    return Some(template.clone());
                }
                let same = |iss: &&str| {
                    tenant_template(iss).is_some_and(|other| other == *template)
                        && Tenants::take(tenants, iss)
                };
                self.by_iss.exact.keys().map(|iss| &**iss).find(same).map(str::to_owned)
            }
        }
    }

    /// The issuer of tokens with this `iss`. Whether its tenant is one of those accepted, the issuer's rules say.
    #[inline]
    pub(crate) fn of_token(&self, iss: &str) -> Option<Entry> {
        if let Some(entry) = self.by_iss.exact.get(iss) {
            return Some(*entry);
        }
        if self.by_iss.templates.is_empty() {
            return None;
        }
        self.by_iss.templates.get(&*tenant_template(iss)?).map(|tenants| tenants.entry)
    }

    /// Whether this issuer is one of them: then, whether its refusal is final.
    #[inline]
    pub(crate) fn accepts(&self, issuer: IssuerId) -> Option<OnInvalid> {
        let at = self.by_id.binary_search_by_key(&issuer, |(id, _)| *id).ok()?;
        self.by_id.get(at).map(|(_, on_invalid)| *on_invalid)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether the sidecar alone can judge some of their tokens.
    #[inline]
    pub(crate) fn need_sidecar(&self) -> bool {
        self.hmac
    }
}
