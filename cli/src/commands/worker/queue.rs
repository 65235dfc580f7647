//! `mailwright worker queue`

use super::{
    super::{
        CommandError,
        account::{meant, word},
        say, say_json,
        table::{or_dash, table},
    },
    Of,
};
use crate::{
    control_client::{ControlClient, escaped},
    worker::{Missing, queue},
};
use serde_json::{Value, json};

/// What to do with queues.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List queues, who sends to them and who gets what is sent
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Make a queue
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        of: Of,
    },
    /// Throw away what waits in a queue
    Purge {
        #[command(flatten)]
        which: Which,
    },
    /// Remove a queue with everything in it
    Delete {
        #[command(flatten)]
        which: Which,
    },
}

/// Which queue.
#[derive(Debug, clap::Args)]
struct Which {
    /// Its name
    name: String,
    #[command(flatten)]
    of: Of,
}

impl Which {
    /// A client of the server, and the queue's path.
    fn path(&self) -> Result<(ControlClient, String), CommandError> {
        let client = self.of.place.client()?;
        let account = meant(&client, self.of.account.as_deref())?;
        let id = word(&queue(&client, &account, &self.name, Missing::Refused)?, "queue_id");
        let path = format!("accounts/{}/queues/{}", escaped(&account), escaped(&id));
        Ok((client, path))
    }

    fn tell(&self, answer: &Value, done: &str) -> Result<(), CommandError> {
        if self.of.place.json { say_json(answer) } else { Ok(say(&format!("{done}: queue {}", self.name))?) }
    }
}

/// Does it.
pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::List { of } => list(of),
        Action::Create { name, of } => {
            let (client, account) = of.account()?;
            let made: Value = client.post(&format!("{account}/queues"), &json!({ "queue_name": name }))?;
            if of.place.json { say_json(&made) } else { Ok(say(&format!("made: queue {name}"))?) }
        }
        Action::Purge { which } => {
            let (client, path) = which.path()?;
            let body = json!({ "delete_messages_permanently": true });
            which.tell(&client.post(&format!("{path}/purge"), &body)?, "purged")
        }
        Action::Delete { which } => {
            let (client, path) = which.path()?;
            which.tell(&client.delete(&path)?, "removed")
        }
    }
}

fn list(of: &Of) -> Result<(), CommandError> {
    let (client, account) = of.account()?;
    let queues = client.list(&format!("{account}/queues"))?;
    if of.place.json {
        return say_json(&queues.into());
    }
    Ok(say(&table(["NAME", "FROM", "TO", "DEAD LETTERS"], queues.iter().map(row)))?)
}

fn row(queue: &Value) -> [String; 4] {
    let scripts = |list: &str| {
        let list = queue[list].as_array().into_iter().flatten();
        let names = list.filter_map(|one| one["script"].as_str().or(one["service"].as_str()));
        or_dash(&names.collect::<Vec<_>>().join(" "))
    };
    let dead = word(&queue["consumers"][0], "dead_letter_queue");
    [word(queue, "queue_name"), scripts("producers"), scripts("consumers"), dead]
}
