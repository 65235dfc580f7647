//! A Worker that takes all it can get.

use std::time::{Duration, Instant};

use mailwright_tests::error::Result;

use crate::world::{HOSTILE, Scene};

/// Cases, and a word of why their mail was put off, as the log has it.
const CASES: &[(&str, &str)] = &[
    ("loop", "processor time"),
    ("expression", "processor time"),
    ("logs", "processor time"),
    ("heap", "memory"),
    ("buffers", "memory"),
    ("wasm", "memory"),
    ("never", ""),
    ("wait-for-ever", "did not answer within"),
    ("exit", ""),
    ("abort", ""),
];

/// What an event may take here, and the time to notice it on a busy machine.
const END: Duration = Duration::from_secs(12);

#[test]
fn what_it_takes_is_its_own_and_mail_for_others_flows() -> Result<()> {
    let Some(scene) = Scene::start("", |_, worker| worker)? else { return Ok(()) };
    for (case, why) in CASES {
        // One that was ended again and again is not started for a while, unless its code is another.
        scene.redeploy()?;
        let mut client = scene.client()?;
        let began = Instant::now();
        scene.begin(&mut client, case)?;
        scene.neighbour_is_served()?;
        let reply = client.read_reply()?;
        // An exit that the runtime does not know does nothing.
        let is_harmless = ["exit", "abort"].contains(case) && reply.code == 250;
        assert!(reply.code == 451 || is_harmless, "{case}: {reply:?}");
        assert!(began.elapsed() < END, "{case} took {:?}", began.elapsed());
        if !why.is_empty() {
            scene.until_mentioned(HOSTILE, why)?;
        }
    }
    // A flood of lines costs it only lines.
    scene.redeploy()?;
    let reply = scene.bring_case("many-logs")?;
    assert_eq!(reply.code, 250, "{reply:?}");
    let memory = scene.server.process.peak_resident_bytes()?;
    assert!(memory < 400 << 20, "{memory} octets");
    scene.all_is_well(CASES.len())
}
