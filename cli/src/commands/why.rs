//! `mailwright why`

use super::{
    CommandError, say, say_json,
    table::{table, until},
};
use crate::control_client::{Place, escaped};
use mailwright_actors::clock;
use mailwright_api::delivery::model::HoldingRow;
use serde_json::Value;

/// Which message.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its id, as logs and `mailwright queue list` have it
    id: String,
    #[command(flatten)]
    place: Place,
}

/// Prints what holds each entry of the message.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let client = args.place.client()?;
    let answer: Value = client.get(&format!("delivery/queue/messages/{}/why", escaped(&args.id)))?;
    if args.place.json {
        return say_json(&answer);
    }
    let now = clock::now();
    let rows: Vec<HoldingRow> = serde_json::from_value(answer)?;
    let row = |row: HoldingRow| [row.domain, row.reason, until(row.until, now), row.detail];
    Ok(say(&table(["DOMAIN", "HELD BY", "GOES", "WHY"], rows.into_iter().map(row)))?)
}
