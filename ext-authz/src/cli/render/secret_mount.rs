//! Where the policy's secrets come from in Kubernetes: one Secret with one key for each, brought to the places that the
//! policy names, as files or environment variables. Reads no secret. Called by `sidecar_manifest`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use sallyport_policy::{IssuerKind, Policy, SecretSource};
use serde_json::{Value, json};

use super::sidecar_manifest::FOLDER;
use crate::cli::failure::Failure;

/// The Secret. Its keys: the names of the files, without their folders, and of the environment variables.
pub(super) const SECRET: &str = "sallyport-secrets";

/// Folders of the image, or of its runtime, that the process needs: nothing can be mounted over them.
const OCCUPIED: &[&str] =
    &["/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var"];

/// The secrets of a policy. One may serve several issuers.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// By key of the Secret.
    places: BTreeMap<String, Place>,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A file: the folder that is mounted, and the path in it.
    File { folder: String, path: String },
    /// An environment variable with the key's name.
    Variable,
}

impl Secrets {
    /// Those that the sidecar reads.
    ///
    /// # Errors
    /// [`Failure::Usage`] for two places with one key, and for places that a Secret cannot be brought to.
    pub(super) fn of(policy: &Policy) -> Result<Self, Failure> {
        let mut secrets = Self::default();
        for issuer in policy.issuers() {
            let secret = match issuer.kind() {
                IssuerKind::Jwt(_) => None,
                IssuerKind::Introspection(introspection) => {
                    introspection.endpoint.as_ref().map(|endpoint| &endpoint.client_secret)
                }
                IssuerKind::Hmac(hmac) => hmac.secret.as_ref(),
            };
            let Some(secret) = secret else { continue };
            secrets.bring(secret)?;
        }
        for (_, swap) in policy.swaps() {
            if let Some(secret) = &swap.secret {
                secrets.bring(secret)?;
            }
        }
        secrets.check_folders()?;
        Ok(secrets)
    }

    fn bring(&mut self, SecretSource { file, env }: &SecretSource) -> Result<(), Failure> {
        if let Some(file) = file {
            let place = place(file)?;
            let name = Path::new(file).file_name().and_then(|name| name.to_str());
            self.add(key(name.unwrap_or_default())?, place)?;
        }
        if let Some(name) = env {
            self.add(key(name)?, Place::Variable)?;
        }
        Ok(())
    }

    /// Two places must not share a key: then one of two secrets would be sent where the other belongs.
    fn add(&mut self, key: String, place: Place) -> Result<(), Failure> {
        if self.places.get(&key).is_some_and(|other| *other != place) {
            return Err(Failure::Usage(format!(
                "two secrets would be `{key}` in the Secret `{SECRET}`; give their files different names"
            )));
        }
        self.places.insert(key, place);
        Ok(())
    }

    fn check_folders(&self) -> Result<(), Failure> {
        let folders: Vec<&str> = self.folders().chain([FOLDER]).collect();
        for folder in self.folders() {
            let hides = |other: &&&str| Path::new(other).starts_with(folder) && **other != folder;
            if let Some(other) = OCCUPIED.iter().chain(&folders).find(hides) {
                return Err(refused(folder, &format!("it would hide `{other}`")));
            }
            let inside = |other: &&&str| Path::new(folder).starts_with(other) && **other != folder;
            if let Some(other) = folders.iter().find(inside) {
                return Err(refused(
                    folder,
                    &format!("it is inside of `{other}`, which is mounted too"),
                ));
            }
            if OCCUPIED.contains(&folder) {
                return Err(refused(folder, "it would hide what the image has there"));
            }
        }
        Ok(())
    }

    /// The folders to mount besides our own.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        let folders: BTreeSet<&str> = self
            .places
            .values()
            .filter_map(|place| match place {
                Place::File { folder, .. } => Some(folder.as_str()),
                Place::Variable => None,
            })
            .filter(|folder| *folder != FOLDER)
            .collect();
        folders.into_iter()
    }

    /// A volume's items for one of the folders.
    pub(super) fn items(&self, of: &str) -> Vec<Value> {
        let items = self.places.iter().filter_map(|(key, place)| match place {
            Place::File { folder, path } if folder == of => {
                Some(json!({ "key": key, "path": path }))
            }
            Place::File { .. } | Place::Variable => None,
        });
        items.collect()
    }

    /// A container's environment variables.
    pub(super) fn variables(&self) -> Vec<Value> {
        let keys = self.places.iter().filter(|(_, place)| **place == Place::Variable);
        keys.map(|(key, _)| {
            let source = json!({ "secretKeyRef": { "name": SECRET, "key": key } });
            json!({ "name": key, "valueFrom": source })
        })
        .collect()
    }
}

/// Below our folder, beside the policy; any other absolute path has its own folder.
fn place(file: &str) -> Result<Place, Failure> {
    let path = Path::new(FOLDER).join(file);
    let plain =
        path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    // Kubernetes: a mount's path has no colon.
    let odd = file.ends_with('/') || file.contains(|char: char| char.is_control() || char == ':');
    let (folder, inside) = match path.strip_prefix(FOLDER) {
        Ok(inside) => (Some(Path::new(FOLDER)), Some(inside)),
        Err(_) => (path.parent(), path.file_name().map(Path::new)),
    };
    match (folder.and_then(normal), inside.and_then(normal)) {
        (Some(folder), Some(path)) if plain && !odd => Ok(Place::File { folder, path }),
        _ => Err(refused(file, "write a file's path, without `..` and `:`")),
    }
}

/// Without `//` and `/./`; none for nothing.
fn normal(path: &Path) -> Option<String> {
    let parts: PathBuf = path.components().collect();
    parts.to_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn refused(path: &str, why: &str) -> Failure {
    Failure::Usage(format!("`{}` cannot be mounted: {why}", path.escape_debug()))
}

/// Kubernetes: keys of ConfigMaps and Secrets are letters, digits, `-`, `_` and `.`, and begin with less than two dots.
pub(super) fn key(path: &str) -> Result<String, Failure> {
    let key = path.replace('/', ".");
    let valid = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if valid && !key.is_empty() && key != "." && !key.starts_with("..") {
        Ok(key)
    } else {
        Err(Failure::Usage(format!("`{path}` cannot be a key of a ConfigMap or Secret")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Secrets, key, place};

    /// Files, and the folders that are mounted for them; none: refused.
    const CASES: &[(&[&str], Option<&[&str]>)] = &[
        (&["gate"], Some(&[])),
        (&["secrets/gate", "/etc/sallyport/other"], Some(&[])),
        (&["/run/secrets/gate"], Some(&["/run/secrets"])),
        (&["/run//secrets/./gate"], Some(&["/run/secrets"])),
        (&["/run/a/x", "/run/b/y", "/run/a/z"], Some(&["/run/a", "/run/b"])),
        (&["/secrets/gate"], Some(&["/secrets"])),
        (&["/etc/sallyport-secrets/gate"], Some(&["/etc/sallyport-secrets"])),
        (&["/run/a/x", "/run/b/x"], None),
        (&["/run/a/x", "/run/a/b/y"], None),
        (&["/gate"], None),
        (&["/etc/gate"], None),
        (&["/etc/sallyport"], None),
        (&["/run/gate"], None),
        (&["/run/../gate"], None),
        (&["../gate"], None),
        (&["/run/a:b/gate"], None),
        (&["/run/a/"], None),
        (&[""], None),
    ];

    fn folders(files: &[&str]) -> Option<Vec<String>> {
        let mut secrets = Secrets::default();
        for file in files {
            let name = std::path::Path::new(file).file_name()?.to_str()?;
            secrets.add(key(name).ok()?, place(file).ok()?).ok()?;
        }
        secrets.check_folders().ok()?;
        Some(secrets.folders().map(str::to_owned).collect())
    }

    #[test]
    fn folders_of_secrets() {
        for (files, expected) in CASES {
            let expected =
                expected.map(|folders| folders.iter().map(ToString::to_string).collect());
            assert_eq!(folders(files), expected, "{files:?}");
        }
    }

    #[test]
    fn one_place_however_it_is_written() {
        let expected = Place::File { folder: "/etc/sallyport".to_owned(), path: "a/b".to_owned() };
        for file in ["a/b", "./a//b", "/etc/sallyport/a/b"] {
            assert_eq!(place(file).unwrap(), expected, "{file}");
        }
    }
}
