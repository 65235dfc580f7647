//! The hostile Worker, its honest neighbour, and a tenant who is nobody's business.

use std::ops::Deref;
use std::time::{Duration, Instant};

use mailwright_tests::error::Result;
use mailwright_tests::smtp::{Reply, SmtpClient, dot_stuffed};
use mailwright_tests::wait;
use mailwright_tests::worker::Worker;
use mailwright_tests::worker_world::{LIMIT, SENDER, WorkerWorld, letter};
use serde_json::Value;

/// Where mail for the hostile Worker goes.
pub(crate) const HOSTILE: &str = "any@hostile.test";

/// Nobody here knows it.
pub(crate) const STRANGER: &str = "stranger@elsewhere.example";

/// The longest that mail for a neighbour may take, on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(10);

const HONEST: &str =
    "export default { async email(message) { await message.forward('friend@box.example'); } };";

pub(crate) struct Scene {
    world: WorkerWorld,
    worker: Worker,
    results: String,
    neighbours: std::cell::Cell<usize>,
}

impl Deref for Scene {
    type Target = WorkerWorld;

    fn deref(&self) -> &WorkerWorld {
        &self.world
    }
}

impl Scene {
    /// `settings` are keys of `[workers]`; `change` gives the hostile Worker more to use.
    pub(crate) fn start(
        settings: &str,
        change: impl FnOnce(&WorkerWorld, Worker) -> Worker,
    ) -> Result<Option<Self>> {
        let limits = "wall_limit = \"3s\"\ncpu_limit = \"500ms\"\nmemory_limit = \"160MiB\"\n";
        let Some(world) = WorkerWorld::start(&["hostile.test"], &format!("{limits}{settings}"))? else {
            return Ok(None);
        };
        world.destinations(&["team@box.example", "friend@box.example"])?;
        world.deploy_in("example.com", &Worker::new("honest", HONEST))?;
        let results = world.namespace("results")?;
        let worker = Worker::of_file("hostile", "hostile.mjs")?.with_email().with_kv("RESULTS", &results);
        let worker = change(&world, worker);
        world.deploy_in("hostile.test", &worker)?;
        let scene = Self { world, worker, results, neighbours: 0.into() };
        scene.neighbour_is_served()?;
        Ok(Some(scene))
    }

    /// Has the hostile Worker do what `case` says.
    pub(crate) fn bring_case(&self, case: &str) -> Result<Reply> {
        self.bring(SENDER, HOSTILE, &letter(SENDER, HOSTILE, case, &format!("X-Case: {case}\r\n")))
    }

    /// Begins to, and waits for no answer.
    pub(crate) fn begin(&self, client: &mut SmtpClient, case: &str) -> Result<()> {
        client.command(&format!("MAIL FROM:<{SENDER}>"))?;
        client.command(&format!("RCPT TO:<{HOSTILE}>"))?;
        client.command("DATA")?;
        client.write(&dot_stuffed(&letter(SENDER, HOSTILE, case, &format!("X-Case: {case}\r\n"))))
    }

    /// Deploys it again, so that it runs in a new process.
    pub(crate) fn redeploy(&self) -> Result<()> {
        self.deploy(&self.worker)
    }

    /// What it has gained by it.
    pub(crate) fn gained(&self, case: &str) -> Result<Value> {
        let reply = self.bring_case(case)?;
        assert_eq!(reply.code, 250, "{case}: {reply:?}");
        self.stored(&self.results, case)
    }

    /// Brings mail for the neighbour, which must go on as ever.
    pub(crate) fn neighbour_is_served(&self) -> Result<()> {
        let began = Instant::now();
        let to = "any@example.com";
        let reply = self.bring(SENDER, to, &letter(SENDER, to, "neighbour", ""))?;
        assert!(reply.code == 250 && began.elapsed() < PATIENCE, "{reply:?} after {:?}", began.elapsed());
        self.neighbours.set(self.neighbours.get() + 1);
        Ok(())
    }

    /// Once all is over: the server answers, what was taken for the neighbour has arrived, and the hostile Worker's mail is taken
    /// again once it is mended.
    pub(crate) fn all_is_well(&self, refused: usize) -> Result<()> {
        let before = self.count_for("team@box.example")?;
        self.deploy(&Worker::new(
            "hostile",
            "export default { async email(message) { await message.forward('team@box.example'); } };",
        ))?;
        for at in 0..refused {
            let reply = self.bring_case(&format!("again-{at}"))?;
            assert_eq!(reply.code, 250, "{reply:?}");
        }
        wait::until("all mail that was brought again", LIMIT, || {
            let arrived = self.count_for("team@box.example")? - before;
            Ok((arrived == refused).then_some(()))
        })?;
        wait::until("all mail for the neighbour", LIMIT, || {
            Ok((self.count_for("friend@box.example")? == self.neighbours.get()).then_some(()))
        })?;
        assert_eq!(self.count_for(STRANGER)?, 0, "nobody strange got mail");
        wait::until("an empty queue", LIMIT, || {
            let text = mailwright_tests::http::get(self.server.http, "/metrics")?.text;
            Ok(text.lines().any(|line| line == "mailwright_queue_entries 0").then_some(()))
        })
    }
}
