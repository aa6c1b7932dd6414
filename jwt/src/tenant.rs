//! Entra's issuers of many tenants: `https://login.microsoftonline.com/{tenantid}/v2.0`, where each token's `iss` has its
//! tenant's GUID in that place. The configured issuer and the `issuer` beside a key may be such templates.

/// What stands for the tenant.
const PLACE: &str = "{tenantid}";

const GUID_BYTES: usize = 36;

/// The GUID in the place of `{tenantid}`, where `iss` is the template but for it. `None` as well for a template that
/// does not have the place exactly once.
pub(crate) fn tenant_of<'t>(template: &str, iss: &'t str) -> Option<&'t str> {
    let (before, after) = template.split_once(PLACE).filter(|(_, after)| !after.contains(PLACE))?;
    iss.strip_prefix(before)?.strip_suffix(after).filter(|tenant| is_guid(tenant.as_bytes()))
}

/// Whether the text has a place for the tenant.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains(PLACE)
}

/// `iss` with its first GUID replaced by `{tenantid}`: the template to look for, where issuers are kept by their text.
/// `None` without a GUID. Proves nothing: the rules of the issuer that is found say whether the token is its own.
pub fn tenant_template(iss: &str) -> Option<String> {
    let start = iss.as_bytes().windows(GUID_BYTES).position(is_guid)?;
    let (before, rest) = iss.split_at_checked(start)?;
    let (_, after) = rest.split_at_checked(GUID_BYTES)?;
    Some([before, PLACE, after].concat())
}

fn is_guid(text: &[u8]) -> bool {
    text.len() == GUID_BYTES
        && text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
