//! The folders of a Keycloak below `target/keycloak`: the distribution from Maven, built once for each place of its
//! paths, and the database with the imported realms. Every run has a folder of its own with links to the first and a
//! copy of the second, removed with it. Knows the layout of Keycloak's distribution and none of its answers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::process::Command;

use super::{Below, Keycloak, done, locked_file};
use crate::{Result, parts};

/// Keycloak's version.
const VERSION: &str = "26.7.3";
/// The administrator of the realm master, who exists on this machine's loopback alone.
pub(super) const ADMIN: &str = "admin";
/// Says in a distribution's folder what it was built with.
const BUILT: &str = "sallyport-built";
/// Says beside a database what was imported into it.
const IMPORTED: &str = "sallyport-imported";

/// The folder of one run.
#[derive(Debug)]
pub(super) struct Home {
    folder: PathBuf,
}

impl Home {
    /// A folder that a server with both realms can be started in; prepares what is not there yet.
    pub(super) async fn ready(below: Below) -> Result<Self> {
        runs("java", &["-version"]).await.then_some(()).ok_or(
            "missing: Java 17 or later, to run Keycloak (Debian: apt-get install default-jre-headless)",
        )?;
        let store = parts::target().join("keycloak");
        std::fs::create_dir_all(&store)?;
        // Released when the file is closed, however this ends.
        let lock = locked_file(&store.join("lock")).await?;
        remove_orphans(&store);
        let built = built(&store, below).await?;
        let seed = imported(&store).await?;
        let home = Self::create(&store, &built)?;
        copy(&seed, &home.folder.join("data/h2"))?;
        drop(lock);
        Ok(home)
    }

    fn create(store: &Path, built: &Path) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = Self { folder: store.join(format!("run-{}-{number}", std::process::id())) };
        link(built, &home.folder)?;
        Ok(home)
    }

    /// Where the server's output goes.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The server's script, without arguments.
    pub(super) fn command(&self) -> Command {
        script(&self.folder)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// `kc.sh` of a folder, with a small heap and a quick start, and without the caller's own settings.
fn script(folder: &Path) -> Command {
    let mut command = Command::new(folder.join("bin/kc.sh"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KC_") {
            command.env_remove(&name);
        }
    }
    command.env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN).env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN);
    command.env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx400m");
    // The script asks for G1 by itself, and two collectors are one too many.
    let quick = "-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC";
    command.env("JAVA_OPTS_APPEND", quick);
    command
}

/// The distribution, built for this place of its paths.
async fn built(store: &Path, below: Below) -> Result<PathBuf> {
    let plain = downloaded(store).await?;
    let folder = match below {
        Below::Root => plain,
        Below::Auth => {
            let folder = store.join(format!("keycloak-{VERSION}-auth"));
            if !folder.join(BUILT).is_file() {
                drop(std::fs::remove_dir_all(&folder));
                link(&plain, &folder)?;
                // A build writes here, and must not write into the other distribution.
                let quarkus = folder.join("lib/quarkus");
                std::fs::remove_dir_all(&quarkus)?;
                copy(&plain.join("lib/quarkus"), &quarkus)?;
            }
            folder
        }
    };
    if !folder.join(BUILT).is_file() {
        let mut command = script(&folder);
        command.args(["build", "--db=dev-file"]);
        if below == Below::Auth {
            command.arg("--http-relative-path=/auth");
        }
        done("keycloak's build", command, &store.join("build.log")).await?;
        std::fs::write(folder.join(BUILT), VERSION)?;
    }
    Ok(folder)
}

/// The distribution as Maven has it.
async fn downloaded(store: &Path) -> Result<PathBuf> {
    let folder = store.join(format!("keycloak-{VERSION}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    runs("mvn", &["--version"])
        .await
        .then_some(())
        .ok_or("missing: Maven (`mvn`), to fetch Keycloak (Debian: apt-get install maven)")?;
    // Unpacked beside its place and then moved, so that what is in its place is whole.
    let scratch = store.join("unpacking");
    drop(std::fs::remove_dir_all(&scratch));
    std::fs::create_dir_all(&scratch)?;
    let mut command = Command::new("mvn");
    command.current_dir(&scratch).args(["-q", "-B"]);
    command.arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack");
    command.arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"));
    // Else the plugin leaves a folder that is called `${project.basedir}`, and skips by it.
    command.args(["-DoutputDirectory=.", "-DmarkersDirectory=markers"]);
    done("mvn", command, &store.join("mvn.log")).await?;
    let unpacked = scratch.join(format!("keycloak-{VERSION}"));
    for entry in std::fs::read_dir(unpacked.join("bin"))? {
        executable(&entry?.path())?;
    }
    std::fs::rename(&unpacked, &folder)?;
    std::fs::remove_dir_all(&scratch)?;
    Ok(folder)
}

/// The database with the realms as they are in the fixtures.
async fn imported(store: &Path) -> Result<PathBuf> {
    let (seed, realms) = (store.join(format!("realms-{VERSION}")), realms()?);
    let text: String = realms.iter().map(|(_, text)| text.as_str()).collect();
    let database = seed.join("h2");
    if std::fs::read_to_string(seed.join(IMPORTED)).is_ok_and(|imported| imported == text) {
        return Ok(database);
    }
    let home = Home::create(store, &Box::pin(built(store, Below::Root)).await?)?;
    let import = home.folder.join("data/import");
    std::fs::create_dir_all(&import)?;
    for (name, text) in realms {
        std::fs::write(import.join(name), text)?;
    }
    let produced = home.folder.join("data/h2");
    let mut keycloak = Keycloak::launch(home, Below::Root, &["--import-realm"]).await?;
    keycloak.stop().await?;
    drop(std::fs::remove_dir_all(&seed));
    copy(&produced, &database)?;
    std::fs::write(seed.join(IMPORTED), text)?;
    Ok(database)
}

/// The realm files of the fixtures, by name.
pub(super) fn realms() -> Result<Vec<(String, String)>> {
    let mut realms = Vec::new();
    for entry in std::fs::read_dir(parts::root().join("tests/fixtures/keycloak"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with("-realm.json") {
            realms.push((name, std::fs::read_to_string(&path)?));
        }
    }
    realms.sort();
    Ok(realms)
}

/// Folders of runs whose process was killed before it could remove them.
fn remove_orphans(store: &Path) {
    for entry in std::fs::read_dir(store).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("run-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

/// The same tree with links to the same files; a server's own data is left out.
fn link(from: &Path, to: &Path) -> Result<()> {
    walk(from, to, &|from, to| std::fs::hard_link(from, to))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    walk(from, to, &|from, to| std::fs::copy(from, to).map(drop))
}

fn walk(from: &Path, to: &Path, put: &dyn Fn(&Path, &Path) -> std::io::Result<()>) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if name == "data" || name == BUILT {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &target, put)?;
        } else {
            put(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

async fn runs(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).stdin(std::process::Stdio::null()).kill_on_drop(true);
    command.output().await.is_ok_and(|output| output.status.success())
}
