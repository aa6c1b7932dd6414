//! Which headers an allowed request loses on its way upstream, for doors that tell a proxy by name instead of seeing
//! what it sends. Envoy's ext_authz sets first and removes afterwards, so a name that is set is never named here.

use std::collections::BTreeSet;

use sallyport_policy::{Header, Mutations};

/// Most dashes of a name for which every mixture of `-` and `_` is named; beyond it, all dashes and all underscores.
const MAX_DASHES: usize = 4;

/// Every removed name, and every header of the request that upstreams read as one of them.
pub(crate) fn removed(mutations: &Mutations, headers: &[Header<'_>]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        mutations.removed_and_not_set().map(|name| name.to_string()).collect();
    for (name, _) in headers {
        if mutations.remove.contains(name)
            && let Ok(name) = std::str::from_utf8(name)
        {
            names.insert(name.to_ascii_lowercase());
        }
    }
    names.retain(|name| !is_set(mutations, name));
    names
}

/// For doors that do not see all headers: also the spellings with underscores, whether the client sent them or not.
pub(crate) fn removed_blindly(mutations: &Mutations, headers: &[Header<'_>]) -> BTreeSet<String> {
    let mut names = removed(mutations, headers);
    for name in mutations.remove.names() {
        names.extend(spellings(name).into_iter().filter(|name| !is_set(mutations, name)));
    }
    names
}

fn is_set(mutations: &Mutations, name: &str) -> bool {
    mutations.set.iter().any(|(set, _)| **set == *name)
}

/// `x-user` and `x_user`.
fn spellings(name: &str) -> Vec<String> {
    if name.bytes().filter(|byte| *byte == b'-').count() > MAX_DASHES {
        return vec![name.to_owned(), name.replace('-', "_")];
    }
    let mut all = vec![String::new()];
    for char in name.chars() {
        if char == '-' {
            let underscored = all.iter().map(|start| format!("{start}_")).collect::<Vec<_>>();
            all.iter_mut().for_each(|start| start.push('-'));
            all.extend(underscored);
        } else {
            all.iter_mut().for_each(|start| start.push(char));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::spellings;

    #[test]
    fn every_mixture_of_a_short_name() {
        let mut all = spellings("x-tenant-id");
        all.sort_unstable();
        assert_eq!(all, ["x-tenant-id", "x-tenant_id", "x_tenant-id", "x_tenant_id"]);
        assert_eq!(spellings("authorization"), ["authorization"]);
        assert_eq!(spellings("a-b-c-d-e-f"), ["a-b-c-d-e-f", "a_b_c_d_e_f"]);
    }
}
