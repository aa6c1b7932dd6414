//! Listeners: TCP and Unix sockets, bound before anything is served. A Unix socket file that nobody listens on any more
//! is removed first. Owner and group may connect; whether others reach the file before its mode is set, and who gets at
//! it at all, is the directory's business.

use std::fs::{Metadata, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::net::{TcpListener, UnixListener};

use crate::config::Address;
use crate::swap::Channel;

/// A bound listener.
pub(crate) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// Owner and group read and write, which is to connect.
const SOCKET_MODE: u32 = 0o660;

/// The file of a socket; removed with it, unless another server's is there by then.
pub(crate) struct SocketFile {
    path: PathBuf,
    ours: FileIdentity,
}

/// Device, inode, and the time of creation where the file system knows it: a freed inode is soon another file's.
#[derive(PartialEq, Eq)]
struct FileIdentity(u64, u64, Option<SystemTime>);

impl From<&Metadata> for FileIdentity {
    fn from(file: &Metadata) -> Self {
        Self(file.dev(), file.ino(), file.created().ok())
    }
}

impl SocketFile {
    fn new(path: &Path) -> Result<Self> {
        let ours = FileIdentity::from(&std::fs::symlink_metadata(path)?);
        let file = Self { path: path.to_owned(), ours };
        std::fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
        Ok(file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = std::fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| FileIdentity::from(&found) != self.ours) {
            tracing::warn!(path = %self.path.display(), "socket file is another's by now; it stays");
        } else if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "socket file is gone already");
        }
    }
}

impl Bound {
    /// Binds.
    ///
    /// # Errors
    /// Of the operating system, with the address.
    pub(crate) async fn bind(address: &Address) -> Result<Self> {
        let bound = match address {
            Address::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => unix(path).await,
        };
        bound.map_err(|error| {
            Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        })
    }

    /// Who gets at its connections.
    pub(crate) fn channel(&self) -> Channel {
        match self {
            Self::Tcp(_) => Channel::Public,
            Self::Unix(..) => Channel::Private,
        }
    }

    /// Where it really listens.
    pub(crate) fn address(&self) -> Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
            Self::Unix(_, file) => Ok(Address::Unix(file.path.clone())),
        }
    }
}

async fn unix(path: &Path) -> Result<Bound> {
    use std::os::unix::fs::FileTypeExt as _;
    // Only a socket, and only one that nobody answers on: another server's must not be taken from it.
    if std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        if tokio::net::UnixStream::connect(path).await.is_ok() {
            return Err(ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    Ok(Bound::Unix(listener, SocketFile::new(path)?))
}

#[cfg(test)]
mod tests {
    use super::Bound;
    use crate::config::Address;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_live_one_is_not() {
        let path = std::env::temp_dir().join(format!("sallyport-listen-{}", std::process::id()));
        // Dropping a listener leaves the file, as a crash would.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let address = Address::Unix(path.clone());
        let bound = Bound::bind(&address).await.unwrap();
        assert_eq!(bound.address().unwrap(), address);
        assert!(Bound::bind(&address).await.is_err());
        drop(bound);
        assert!(!path.exists());
        std::fs::write(&path, "a file").unwrap();
        assert!(Bound::bind(&address).await.is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn owner_and_group_may_connect_and_only_our_own_file_is_removed() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = std::env::temp_dir().join(format!("sallyport-owned-{}", std::process::id()));
        let aside = path.with_extension("aside");
        let address = Address::Unix(path.clone());
        let bound = Bound::bind(&address).await.unwrap();
        let mode = std::fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        std::fs::rename(&path, &aside).unwrap();
        let successor = Bound::bind(&address).await.unwrap();
        drop(bound);
        assert!(tokio::net::UnixStream::connect(&path).await.is_ok(), "the successor's");
        drop(successor);
        assert!(!path.exists());
        std::fs::remove_file(&aside).unwrap();
    }
}
