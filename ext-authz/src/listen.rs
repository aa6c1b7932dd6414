//! Listeners: TCP and Unix sockets, bound before anything is served. A Unix socket file that nobody listens on any more
//! is removed first; who may connect is the directory's and the umask's business.

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};

use crate::config::Address;

/// A bound listener.
pub(crate) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The file of a socket; removed with it.
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
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

    /// Where it really listens.
    pub(crate) fn address(&self) -> Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
            Self::Unix(_, file) => Ok(Address::Unix(file.0.clone())),
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
    Ok(Bound::Unix(UnixListener::bind(path)?, SocketFile(path.to_owned())))
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
}
