//! The control socket: how commands on this machine reach the running server.

use super::Node;
use actix_web::web;
use mailwright_api::AppState;
use std::{
    fs::{self, Permissions},
    io,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
};

/// The socket's name in the state folder.
pub(crate) const CONTROL_SOCKET: &str = "control.sock";

/// A bound socket file, removed with this value.
pub(super) struct ControlSocket {
    path: PathBuf,
}

impl ControlSocket {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // One that stays is removed by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

impl Node {
    /// Serves the control socket. A server without one delivers all the same: what is wrong goes to the log.
    pub(super) fn serve_control(&mut self, state: web::Data<AppState>) {
        let path = self.state.path().join(CONTROL_SOCKET);
        let served = bind(&path).and_then(|socket| mailwright_api::serve_control(socket, state));
        match served {
            Ok(server) => {
                self.servers.push(server);
                self.control_socket = Some(ControlSocket { path });
            }
            Err(error) => {
                let path = path.display();
                tracing::error!(%path, %error, "no control socket: commands such as `mailwright queue` will not work");
            }
        }
    }
}

/// A socket at `path` that only its owner can open. What an earlier process left there is removed: its owner held
/// the lock of the state folder that we hold now.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_place_of_what_a_killed_process_left_and_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CONTROL_SOCKET);
        drop(bind(&path).unwrap());
        let _socket = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
