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
    let mut world = policy::world(dice);
    drop_unused_issuers(&mut world);
    for _ in 0..ROUNDS {
        let wrong = errors(parts, &world).await?;
        if wrong.is_empty() {
            return Ok(world);
        }
        for problem in &wrong {
            let path = problem.get("path").and_then(Value::as_str).unwrap_or_default();
            if !take_away(&mut world.policy, path) {
                let text = serde_json::to_string_pretty(&world.policy)?;
                let at = super::kept("policy.json", &text)?;
                return Err(format!("{} does not load: {problem}", at.display()).into());
            }
        }
        world.policy.as_object_mut().into_iter().flatten().for_each(|(_, value)| {
            if let Value::Array(items) = value {
                items.retain(|item| !item.is_null());
            }
        });
        drop_unused_issuers(&mut world);
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

/// Takes the setting at a place away, or the whole route where it is about the route. A route leaves
/// null behind, so that the places of the others stay what they are.
fn take_away(policy: &mut Value, path: &str) -> bool {
    if let Some(rest) = path.strip_prefix("routes[") {
        let at = rest.split(']').next().and_then(|at| at.parse::<usize>().ok());
        let routes = policy.get_mut("routes").and_then(Value::as_array_mut);
        let route = at.and_then(|at| routes?.get_mut(at));
        return route.map(|route| *route = Value::Null).is_some();
    }
    let Some(policy) = policy.as_object_mut() else { return false };
    policy.remove(path).is_some()
}

/// An issuer that no route names is a mistake.
fn drop_unused_issuers(world: &mut World) {
    let routes = world.policy.get("routes").map(Value::to_string).unwrap_or_default();
    if let Some(issuers) = world.policy.get_mut("issuers").and_then(Value::as_object_mut) {
        issuers.retain(|name, _| {
            routes.contains(&format!("\"jwt\":\"{name}\""))
                || routes.contains(&format!("\"introspection\":\"{name}\""))
        });
    }
}
