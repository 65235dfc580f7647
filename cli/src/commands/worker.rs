//! `mailwright worker`

mod deploy;
mod kv;
mod logs;
mod queue;
mod secret;
mod setup;
mod show;

pub(super) use logs::{Ended, Tail, lines};

use super::{CommandError, account::meant};
use crate::control_client::{ControlClient, Place, escaped};
use mailwright_engine::worker::ScriptName;

/// What to do with Workers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Find workerd, which runs Workers, or install it with npm into the state folder
    Setup(setup::Args),
    /// Upload a Worker and have it take what comes from now on
    Deploy(deploy::Args),
    /// List Workers
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Show a Worker: what it is bound to, its versions
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Show what a Worker does, and what it says with `console`, as it happens
    Logs(logs::Args),
    /// Have an earlier version take what comes from now on; the one before this, if none is named
    Rollback(deploy::Rollback),
    /// Remove a Worker with all its versions and secrets
    Delete {
        #[command(flatten)]
        which: Which,
    },
    /// Variables of a Worker that are shown to nobody
    Secret(secret::Args),
    /// Namespaces of keys and values
    Kv(kv::Args),
    /// Queues
    Queue(queue::Args),
}

/// Whose Workers.
#[derive(Debug, clap::Args)]
struct Of {
    /// The account, by its id; may be left out if there is one only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Which Worker.
#[derive(Debug, clap::Args)]
struct Which {
    /// Its name
    name: ScriptName,
    #[command(flatten)]
    of: Of,
}

impl Of {
    /// A client of the server, and the path of the account that is meant.
    fn account(&self) -> Result<(ControlClient, String), CommandError> {
        let client = self.place.client()?;
        let account = meant(&client, self.account.as_deref())?;
        let path = format!("accounts/{}", escaped(&account));
        Ok((client, path))
    }
}

impl Which {
    /// A client of the server, and the path of the Worker.
    fn script(&self) -> Result<(ControlClient, String), CommandError> {
        let (client, account) = self.of.account()?;
        let path = format!("{account}/workers/scripts/{}", self.name);
        Ok((client, path))
    }
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::Setup(args) => setup::run(args),
        Action::Deploy(args) => deploy::run(args),
        Action::List { of } => show::list(of),
        Action::Show { which } => show::show(which),
        Action::Logs(args) => logs::run(args),
        Action::Rollback(args) => deploy::roll_back(args),
        Action::Delete { which } => deploy::delete(which),
        Action::Secret(args) => secret::run(args),
        Action::Kv(args) => kv::run(args),
        Action::Queue(args) => queue::run(args),
    }
}
