//! Makes a policy load: takes away what `sallyport lint` names, until it names nothing. The loader's
//! own rules decide; none of them is repeated here.

use serde_json::Value;

use super::case::World;
use super::dice::Dice;
use super::{policy, token};
use crate::folder::Folder;
use crate::parts::Parts;
use crate::{Result, stage};

/// How often the loader may find something new.
const ROUNDS: usize = 40;

/// A policy by chance that loads.
///
/// # Errors
/// When the loader names something that cannot be taken away.
pub(crate) async fn world(parts: &Parts, dice: &mut Dice) -> Result<World> {
    mended(parts, policy::world(dice)).await
}

/// A policy without what keeps it from loading.
///
/// # Errors
/// When the loader names something that cannot be taken away.
pub(crate) async fn mended(parts: &Parts, mut world: World) -> Result<World> {
    drop_unused(&mut world.policy);
    for _ in 0..ROUNDS {
        let wrong = errors(parts, &world).await?;
        if wrong.is_empty() {
            return Ok(world);
        }
        for (at, problem) in wrong.iter().enumerate() {
            let path = problem.get("path").and_then(Value::as_str).unwrap_or_default();
            // What is gone already, because of another problem, is not named in the next round.
            if !take_away(&mut world.policy, path) && at == 0 {
                let text = serde_json::to_string_pretty(&world.policy)?;
                let at = super::kept("policy.json", &text)?;
                return Err(format!("{} does not load: {problem}", at.display()).into());
            }
        }
        for (_, value) in world.policy.as_object_mut().into_iter().flatten() {
            if let Value::Array(items) = value {
                items.retain(|item| !item.is_null());
            }
        }
        drop_unused(&mut world.policy);
    }
    Err("a policy does not load, whatever is taken away".into())
}

/// What the loader has against a policy; warnings are none.
pub(crate) async fn errors(parts: &Parts, world: &World) -> Result<Vec<Value>> {
    let folder = write(world)?;
    let words = ["lint", "--policy", "policy.yaml", "--json"];
    let output = stage::run_program(&parts.sidecar, &words, "", folder.path()).await?;
    let mut found = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let problem: Value = serde_json::from_str(line)?;
        if problem.get("level").and_then(Value::as_str) == Some("error") {
            found.push(problem);
        }
    }
    if found.is_empty() && output.status.code() != Some(0) && output.status.code() != Some(1) {
        return Err(format!("lint: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(found)
}

/// A folder with the files of a world, as a sidecar takes them.
pub(crate) fn write(world: &World) -> Result<Folder> {
    let folder = Folder::create("world")?;
    folder.write("policy.yaml", &world.policy.to_string())?;
    folder.write("roles.yaml", &world.roles_text())?;
    std::fs::create_dir(folder.path().join("secrets"))?;
    folder.write("secrets/hs", token::HMAC_SECRET)?;
    folder.write("secrets/introspection-client-secret", "quickstart-secret")?;
    Ok(folder)
}

/// Takes the setting at a place away, or the whole route where it is about the route. An element of a
/// list leaves null behind, so that the places of the others stay what they are.
fn take_away(policy: &mut Value, path: &str) -> bool {
    let Some(policy) = policy.as_object_mut() else { return false };
    let name = path.split(['.', '[']).next().unwrap_or_default();
    if matches!(name, "routes" | "role_documents") {
        // Without a number it is about all of them.
        let Some(at) = path.split(['[', ']']).nth(1) else { return policy.remove(name).is_some() };
        let list = policy.get_mut(name).and_then(Value::as_array_mut);
        let own = at.parse::<usize>().ok().and_then(|at| list?.get_mut(at));
        return own.map(|own| *own = Value::Null).is_some();
    }
    if let Some(rest) = path.strip_prefix("hosts.") {
        let Some(hosts) = policy.get_mut("hosts").and_then(Value::as_object_mut) else {
            return false;
        };
        let of_host = |host: &&String| {
            rest.strip_prefix(host.as_str()).is_some_and(|it| it.is_empty() || it.starts_with('.'))
        };
        let Some(host) = hosts.keys().filter(of_host).max().cloned() else { return false };
        let rest = rest.get(host.len()..).unwrap_or_default().trim_start_matches('.');
        let setting = rest.split(['.', '[']).next().unwrap_or_default();
        let entry = hosts.get_mut(&host).and_then(Value::as_object_mut);
        let gone = entry.is_some_and(|entry| entry.remove(setting).is_some() && !entry.is_empty());
        return gone || hosts.remove(&host).is_some();
    }
    policy.remove(name).is_some()
}

/// An issuer that nobody names is a mistake, and so is a host that no route names.
pub(crate) fn drop_unused(policy: &mut Value) {
    let mut others = policy.clone();
    others.as_object_mut().and_then(|policy| policy.remove("issuers"));
    let text = others.to_string();
    let routes = others.get("routes").map(Value::to_string).unwrap_or_default();
    if let Some(issuers) = policy.get_mut("issuers").and_then(Value::as_object_mut) {
        issuers.retain(|name, _| {
            text.contains(&format!("\"jwt\":\"{name}\""))
                || text.contains(&format!("\"introspection\":\"{name}\""))
        });
    }
    if let Some(hosts) = policy.get_mut("hosts").and_then(Value::as_object_mut) {
        hosts.retain(|name, _| routes.contains(&format!("\"{name}\"")));
    }
}
