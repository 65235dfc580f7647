//! Answers that the Worker gives in our place.

use mailwright_tests::error::Result;

use crate::world::{STRANGER, Scene};

/// Cases, and whether what they answer may be taken for what it seems to say: then their mail is taken, and else its sender
/// keeps it.
const CASES: &[(&str, Option<u16>)] = &[
    ("forge-includes", None),
    ("forge-answer", None),
    ("forge-fields", None),
    ("forge-own-zone", None),
    ("forge-many", None),
    ("forge-nonsense", Some(451)),
    ("forge-types", Some(451)),
    ("forge-redirect", Some(451)),
    ("forge-giant", Some(451)),
    ("forge-endless", Some(451)),
    ("forge-silence", Some(451)),
    ("many-forwards", Some(451)),
    ("giant-reject", None),
    ("giant-error", Some(451)),
    ("odd-error", Some(451)),
    ("null", Some(451)),
    ("rejections", None),
    ("recursion", Some(451)),
];

#[test]
fn answers_that_are_made_up_gain_nothing() -> Result<()> {
    let Some(scene) = Scene::start("", |_, worker| worker)? else { return Ok(()) };
    for (case, expected) in CASES {
        // What one has changed stays changed in its process: each gets a new one.
        scene.redeploy()?;
        let reply = scene.bring_case(case)?;
        assert!([250, 451].contains(&reply.code) || reply.code / 100 == 5, "{case}: {reply:?}");
        assert!(expected.is_none_or(|code| code == reply.code), "{case}: {reply:?}");
        scene.neighbour_is_served()?;
    }
    for mail in scene.passed_on()? {
        let text = String::from_utf8_lossy(&mail.message).into_owned();
        assert!(!text.contains("Bcc"), "a field that is not to be added: {text}");
        assert!(mail.recipients.iter().all(|to| to != STRANGER && !to.ends_with("victim.test")), "{mail:?}");
    }
    let memory = scene.server.process.peak_resident_bytes()?;
    assert!(memory < 400 << 20, "{memory} octets");
    scene.all_is_well(3)
}
