//! Programs that insist on absolute paths and on users of their own: each runs in a mount namespace
//! (unshare(1), mount_namespaces(7)) in which `/etc` and a few folders more are the test's. The machine
//! itself stays as it is, and has to know none of the users.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::error::{Context, Result};
use crate::fetched;

/// The user and group of the last of a stage's users; the others have the numbers below. `nobody` is 65534.
const LAST_USER: u32 = 65533;

/// Mounts each pair of folders that it is given up to `--`, then becomes the program after it.
const MOUNT_AND_RUN: &str = r#"
while [ "$1" != -- ]; do
    mount --bind "$1" "$2" || exit
    shift 2
done
shift
LD_LIBRARY_PATH=$LIBRARIES exec "$@"
"#;

/// A temporary folder and what is mounted from it for one program.
#[derive(Debug)]
pub(crate) struct Stage {
    files: TempDir,
    shown: Vec<(PathBuf, PathBuf)>,
}

impl Stage {
    /// Makes one whose `/etc` knows root, nobody, `users` (each with a group of its own) and `host` as a
    /// name of this machine.
    pub(crate) fn new(users: &[&str], host: &str) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        // The program's users have to pass through the folder that we alone may enter.
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755)).context("open the folder")?;
        let mut stage = Self { files, shown: Vec::new() };
        let etc = stage.folder_shown_at("etc", "/etc")?;
        let (mut passwd, mut group) = accounts([("root", 0), ("nobody", 65534)]);
        let (more_passwd, more_group) = accounts(users.iter().copied().zip((0..=LAST_USER).rev()));
        passwd.push_str(&more_passwd);
        group.push_str(&more_group);
        let hosts = format!("127.0.0.1 localhost {host}\n");
        let sources = "passwd: files\ngroup: files\nhosts: files\n".to_owned();
        for (name, text) in
            [("passwd", passwd), ("group", group), ("hosts", hosts), ("nsswitch.conf", sources)]
        {
            fs::write(etc.join(name), text).context(name)?;
        }
        // The fetched programs, at a place that their users may enter wherever the repository is.
        let programs = stage.folder("programs")?;
        stage.shown.push((fetched::folder(), programs));
        Ok(stage)
    }

    /// Returns the path of a file or folder of the stage.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Returns the path at which the program sees what was fetched as `path`.
    pub(crate) fn program(&self, path: &str) -> PathBuf {
        self.path("programs").join(path)
    }

    /// Makes a folder that all may enter.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).context(name)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context(name)?;
        Ok(path)
    }

    /// Makes a folder that the program sees at `place`, which exists on every machine.
    pub(crate) fn folder_shown_at(&mut self, name: &str, place: &str) -> Result<PathBuf> {
        let folder = self.folder(name)?;
        self.shown.push((folder.clone(), place.into()));
        Ok(folder)
    }

    /// Lets the program see a fetched folder at `place`.
    pub(crate) fn show_fetched(&mut self, path: &str, place: &str) {
        self.shown.push((fetched::folder().join(path), place.into()));
    }

    /// Gives a file or folder to user number `index` of those that the stage was made with.
    pub(crate) fn give(&self, path: &Path, index: u32) -> Result<()> {
        let id = Some(LAST_USER - index);
        chown(path, id, id).context(format!("give {} away", path.display()))
    }

    /// Returns the command that runs a fetched program on the stage. Its process is the program itself.
    pub(crate) fn command(&self, path: &str) -> Command {
        let mut command = Command::new("unshare");
        command.env("LIBRARIES", self.program(fetched::LIBRARIES));
        command.args(["--mount", "sh", "-c", MOUNT_AND_RUN, "stage"]);
        for (folder, place) in &self.shown {
            command.arg(folder).arg(place);
        }
        command.arg("--").arg(self.program(path));
        command
    }
}

/// Writes accounts in the forms of passwd(5) and group(5).
fn accounts<'a>(accounts: impl IntoIterator<Item = (&'a str, u32)>) -> (String, String) {
    let (mut passwd, mut group) = (String::new(), String::new());
    for (name, id) in accounts {
        // Writing to a string does not fail.
        let _ = writeln!(passwd, "{name}:x:{id}:{id}::/:/usr/sbin/nologin");
        let _ = writeln!(group, "{name}:x:{id}:");
    }
    (passwd, group)
}
