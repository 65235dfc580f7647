use super::{super::*, *};
use crate::suppressions::AddressKey;
use mailwright_engine::{address::EmailAddress, time::UnixMillis};
use proptest::prelude::*;
use std::{cmp::Reverse, time::Duration};

const BY: By = By::server(UnixMillis::new(1_800_000_000_000));

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn name(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn draft(address: &str, action: RouteAction) -> RuleDraft {
    RuleDraft {
        name: String::new(),
        enabled: true,
        priority: 0,
        matcher: RuleMatcher::Literal(email(address)),
        action,
        source: RuleSource::Api,
        owner_worker_tag: None,
    }
}

fn forward(to: &[&str]) -> RouteAction {
    RouteAction::Forward(to.iter().map(|to| email(to)).collect())
}

fn worker(name: &str) -> RouteAction {
    RouteAction::Worker(name.to_owned())
}

/// An account with the zone `shop.example`, routing on, that may forward to `ann@` and has not asked `bob@example.net`
/// to the end.
struct World {
    dir: tempfile::TempDir,
    control: Control,
    account: Account,
    zone: Zone,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        let account = control.create_account("test", &BY).unwrap();
        let zone = control.create_zone(&account.id, name("shop.example"), &BY).unwrap();
        control.update_routing_zone(&zone.id, &BY, |zone| zone.enabled = true).unwrap();
        let (ann, _) = control.create_destination(&account, email("ann@example.net"), &BY).unwrap();
        control.create_destination(&account, email("bob@example.net"), &BY).unwrap();
        control.set_destination_verified(&account.id, ann.id.as_str(), true, &BY).unwrap();
        Self { dir, control, account, zone }
    }

    fn reopened(self) -> Self {
        let Self { dir, control, account, zone } = self;
        drop(control);
        let control = Control::open(dir.path()).unwrap();
        Self { dir, control, account, zone }
    }

    fn rule(&self, says: RuleDraft) -> Arc<RoutingRule> {
        self.control.create_rule(&self.zone.id, says, &BY).unwrap()
    }

    fn refused(&self, says: RuleDraft) -> RuleError {
        match self.control.create_rule(&self.zone.id, says, &BY) {
            Err(ControlError::Rule(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    fn route(&self, recipient: &str) -> Route {
        self.control.route(&email(recipient))
    }

    fn routing(&self, change: impl FnOnce(&mut RoutingZone)) {
        self.control.update_routing_zone(&self.zone.id, &BY, change).unwrap();
    }

    /// What is done with mail to an address, in a word.
    fn outcome(&self, recipient: &str) -> String {
        match self.route(recipient) {
            Route::Foreign => "foreign".to_owned(),
            Route::Unknown(_) => "unknown".to_owned(),
            Route::Inactive(..) => "inactive".to_owned(),
            Route::Take(Matched { action: RouteAction::Drop, .. }) => "drop".to_owned(),
            Route::Take(Matched { action: RouteAction::Worker(name), detail, .. }) => match detail {
                Some(detail) => format!("{name} with {detail}"),
                None => name,
            },
            Route::Take(Matched { action: RouteAction::Forward(to), .. }) => {
                to.iter().map(EmailAddress::as_str).collect::<Vec<_>>().join(" ")
            }
        }
    }

    fn destination(&self, address: &str) -> Arc<DestinationAddress> {
        let known = self.control.destinations(&self.account.id);
        known.into_iter().find(|known| known.email == email(address)).unwrap()
    }
}

#[test]
fn an_address_is_one_whatever_its_case_and_dots_count() {
    let world = World::new();
    world.rule(draft("First.Last@Shop.Example", worker("w")));
    for (recipient, outcome) in [
        ("first.last@shop.example", "w"),
        ("FIRST.Last@SHOP.example", "w"),
        ("\"first.last\"@shop.example", "w"),
        ("firstlast@shop.example", "unknown"),
        ("first.last+x@shop.example", "unknown"),
        ("first.last@a.shop.example", "foreign"),
        ("first.last@other.example", "foreign"),
        ("first.last@[192.0.2.1]", "foreign"),
    ] {
        assert_eq!(world.outcome(recipient), outcome, "{recipient}");
    }
}

#[test]
fn the_rule_of_the_lowest_priority_comes_first_and_of_those_the_newest() {
    let world = World::new();
    let to = |name: &str, priority| RuleDraft { priority, ..draft("a@shop.example", worker(name)) };
    let old = world.rule(to("old", 5));
    let new = world.rule(to("new", 5));
    assert_eq!(world.outcome("a@shop.example"), "new");
    let urgent = world.rule(to("urgent", 4));
    world.rule(to("late", 6));
    assert_eq!(world.outcome("a@shop.example"), "urgent");
    // That a rule is changed makes it no newer.
    world.control.update_rule(&world.zone.id, old.id.as_str(), to("old again", 5), &BY).unwrap();
    world.control.delete_rule(&world.zone.id, urgent.id.as_str(), &BY).unwrap();
    let world = world.reopened();
    assert_eq!(world.outcome("a@shop.example"), "new");
    let off = RuleDraft { enabled: false, ..new.says.clone() };
    world.control.update_rule(&world.zone.id, new.id.as_str(), off, &BY).unwrap();
    assert_eq!(world.outcome("a@shop.example"), "old again");
}

#[test]
fn a_subaddress_is_left_out_only_where_the_zone_says_so_and_no_rule_is_for_it() {
    let world = World::new();
    world.rule(draft("user@shop.example", worker("user")));
    world.rule(draft("user+news@shop.example", worker("news")));
    assert_eq!(world.outcome("user+x@shop.example"), "unknown");
    world.routing(|zone| zone.support_subaddress = true);
    for (recipient, outcome) in [
        ("user+X+y@shop.example", "user with X+y"),
        ("user+@shop.example", "user with "),
        ("USER+News@shop.example", "news"),
        ("user@shop.example", "user"),
        ("+user@shop.example", "unknown"),
        ("user+x@x.shop.example", "foreign"),
    ] {
        assert_eq!(world.outcome(recipient), outcome, "{recipient}");
    }
}

#[test]
fn the_catch_all_takes_what_no_rule_does() {
    let world = World::new();
    world.rule(draft("a@shop.example", RouteAction::Drop));
    world.rule(RuleDraft { enabled: false, ..draft("off@shop.example", RouteAction::Drop) });
    let shown = world.control.catch_all(&world.zone);
    assert_eq!((shown.says.enabled, &shown.id), (false, &world.zone.id));
    assert_eq!(world.outcome("b@shop.example"), "unknown");
    let all = |action| RuleDraft { matcher: RuleMatcher::All, ..draft("x@shop.example", action) };
    let set = world.control.set_catch_all(&world.zone.id, all(worker("first")), &BY).unwrap();
    assert_eq!(set.id, shown.id);
    world.control.set_catch_all(&world.zone.id, all(worker("all")), &BY).unwrap();
    let world = world.reopened();
    assert_eq!(world.control.rules(&world.zone.id).len(), 3);
    world.routing(|zone| zone.support_subaddress = true);
    for (recipient, outcome) in [
        ("a@shop.example", "drop"),
        ("b@shop.example", "all"),
        ("b+detail@shop.example", "all"),
        ("off@shop.example", "all"),
        ("grüße@shop.example", "all"),
    ] {
        assert_eq!(world.outcome(recipient), outcome, "{recipient}");
    }
    world.control.delete_rule(&world.zone.id, world.zone.id.as_str(), &BY).unwrap();
    assert_eq!(world.outcome("b@shop.example"), "unknown");
}

#[test]
fn mail_goes_only_to_who_agreed_and_what_waits_for_that_hides_nothing() {
    let world = World::new();
    world.rule(draft("one@shop.example", forward(&["bob@example.net"])));
    world.rule(draft("two@shop.example", forward(&["bob@example.net", "Ann@example.net"])));
    world.rule(draft("old@shop.example", RouteAction::Drop));
    let waits = world.rule(draft("old@shop.example", forward(&["bob@example.net"])));
    assert!(!world.control.is_active(&waits));
    assert_eq!(world.outcome("one@shop.example"), "inactive");
    assert_eq!(world.outcome("two@shop.example"), "Ann@example.net");
    assert_eq!(world.outcome("old@shop.example"), "drop");
    let bob = world.destination("bob@example.net");
    world.control.set_destination_verified(&world.account.id, bob.id.as_str(), true, &BY).unwrap();
    assert_eq!(world.outcome("one@shop.example"), "bob@example.net");
    assert_eq!(world.outcome("two@shop.example"), "bob@example.net Ann@example.net");
    assert_eq!(world.outcome("old@shop.example"), "bob@example.net");
    world.control.set_destination_verified(&world.account.id, bob.id.as_str(), false, &BY).unwrap();
    assert_eq!(world.outcome("one@shop.example"), "inactive");
    let all = RuleDraft { matcher: RuleMatcher::All, ..draft("x@shop.example", RouteAction::Drop) };
    world.control.set_catch_all(&world.zone.id, all, &BY).unwrap();
    assert_eq!(world.outcome("one@shop.example"), "drop");
}

#[test]
fn a_destination_that_is_removed_disables_its_rules() {
    let world = World::new();
    let rule = world.rule(draft("a@shop.example", forward(&["ANN@example.net"])));
    let other = world.rule(draft("b@shop.example", forward(&["bob@example.net"])));
    let stranger = world.control.create_account("other", &BY).unwrap();
    let theirs = world.control.create_destination(&stranger, email("ann@example.net"), &BY).unwrap().0;
    world.control.delete_destination(&stranger.id, theirs.id.as_str(), &BY).unwrap();
    assert_eq!(world.outcome("a@shop.example"), "ANN@example.net");
    let ann = world.destination("ann@example.net");
    world.control.delete_destination(&world.account.id, ann.id.as_str(), &BY).unwrap();
    let world = world.reopened();
    let is_enabled =
        |rule: &RoutingRule| world.control.rule(&world.zone.id, rule.id.as_str()).unwrap().says.enabled;
    assert!(!is_enabled(&rule) && is_enabled(&other));
    assert_eq!(world.outcome("a@shop.example"), "unknown");
    let changes = AuditFilter { object: Some(rule.id.to_string()), ..AuditFilter::default() };
    let (records, _) = world.control.audit_log(&changes, 0, 10).unwrap();
    let said: Vec<_> = records.iter().map(|record| (record.action, record.kind.as_str())).collect();
    assert_eq!(said, [(Action::Update, "routing_rule"), (Action::Create, "routing_rule")]);
}

#[test]
fn what_a_rule_may_not_say_is_refused() {
    let world = World::new();
    let drop_at = |address| draft(address, RouteAction::Drop);
    let with = |action| draft("a@shop.example", action);
    assert!(matches!(world.refused(drop_at("a@other.example")), RuleError::OutsideZone { .. }));
    assert!(matches!(world.refused(drop_at("a@xshop.example")), RuleError::OutsideZone { .. }));
    assert!(matches!(world.refused(drop_at("grüße@shop.example")), RuleError::LocalPart(_)));
    assert!(matches!(world.refused(with(forward(&["eve@example.net"]))), RuleError::Destination(_)));
    assert_eq!(world.refused(with(forward(&[]))), RuleError::Destinations);
    assert_eq!(world.refused(with(forward(&["ann@example.net"; 21]))), RuleError::Destinations);
    assert_eq!(world.refused(with(worker(" "))), RuleError::Worker);
    let named = |name: &str| RuleDraft { name: name.to_owned(), ..drop_at("a@shop.example") };
    assert_eq!(world.refused(named("a\nb")), RuleError::Name);
    assert_eq!(world.refused(named(&"x".repeat(257))), RuleError::Name);
    let tagged = RuleDraft { owner_worker_tag: Some("x".repeat(257)), ..drop_at("a@shop.example") };
    assert_eq!(world.refused(tagged), RuleError::OwnerTag);
    let one = world.control.set_catch_all(&world.zone.id, drop_at("a@shop.example"), &BY);
    assert!(matches!(one, Err(ControlError::Rule(RuleError::CatchAll))), "{one:?}");
    let all = RuleDraft { matcher: RuleMatcher::All, ..drop_at("a@shop.example") };
    assert_eq!(world.refused(all.clone()), RuleError::CatchAll);
    world.control.set_catch_all(&world.zone.id, all, &BY).unwrap();
    let catch_all = world.zone.id.as_str();
    let changed = world.control.update_rule(&world.zone.id, catch_all, drop_at("a@shop.example"), &BY);
    assert!(matches!(changed, Err(ControlError::Rule(RuleError::CatchAll))), "{changed:?}");
    assert_eq!(
        world.rule(drop_at("a@BÜRO.shop.example")).says.matcher,
        RuleMatcher::Literal(email("a@xn--bro-hoa.shop.example"))
    );
}

#[test]
fn only_what_is_on_takes_mail_and_the_nearest_zone_does() {
    let world = World::new();
    let below =
        |text: &str, enabled| RoutedSubdomain { name: name(text), enabled, created: BY.at, modified: BY.at };
    world.rule(draft("a@eu.shop.example", worker("eu")));
    world.rule(draft("a@us.shop.example", worker("us")));
    assert_eq!(world.outcome("a@eu.shop.example"), "foreign");
    world.routing(|zone| {
        zone.subdomains = vec![below("eu.shop.example", true), below("us.shop.example", false)];
    });
    assert_eq!(world.outcome("a@eu.shop.example"), "eu");
    assert_eq!(world.outcome("a@us.shop.example"), "foreign");
    assert_eq!(world.outcome("a@x.eu.shop.example"), "foreign");
    let nearer = world.control.create_zone(&world.account.id, name("eu.shop.example"), &BY).unwrap();
    assert_eq!(world.outcome("a@eu.shop.example"), "eu");
    world.control.update_routing_zone(&nearer.id, &BY, |zone| zone.enabled = true).unwrap();
    assert_eq!(world.outcome("a@eu.shop.example"), "unknown");
    world.control.delete_zone(&nearer.id, &BY).unwrap();
    assert_eq!(world.outcome("a@eu.shop.example"), "eu");
    world.routing(|zone| zone.enabled = false);
    assert_eq!((world.outcome("a@shop.example"), world.control.has_routing()), ("foreign".to_owned(), false));
    let outside = world.control.update_routing_zone(&world.zone.id, &BY, |zone| {
        zone.subdomains = vec![below("other.example", true)];
    });
    assert!(matches!(outside, Err(ControlError::OutsideZone { .. })));
}

#[test]
fn a_zone_takes_its_rules_along_and_its_key_is_apart_from_those_of_sending() {
    let world = World::new();
    let rule = world.rule(draft("a@shop.example", RouteAction::Drop));
    let routing = world.control.routing_zone(&world.zone.id).unwrap();
    let first: Vec<_> = routing.signing_keys().map(|key| key.selector.clone()).collect();
    assert_eq!(first, ["mwr-rsa"]);
    world.control.begin_routing_key_rotation(&world.zone.id, &BY).unwrap();
    let rotated = world.control.begin_routing_key_rotation(&world.zone.id, &BY).unwrap();
    let stages: Vec<_> = rotated.keys.iter().map(|key| (key.selector.as_str(), key.stage)).collect();
    assert_eq!(stages, [("mwr-rsa", KeyStage::Signing), ("mwr-rsa-20270115", KeyStage::Waiting)]);
    let (records, _) = world.control.audit_log(&AuditFilter::default(), 0, 100).unwrap();
    assert!(!serde_json::to_string(&records).unwrap().contains(&rotated.keys[0].pkcs8));
    world.control.delete_zone(&world.zone.id, &BY).unwrap();
    let world = world.reopened();
    assert_eq!(
        (world.outcome("a@shop.example"), world.control.routing_zones().len()),
        ("foreign".to_owned(), 0)
    );
    assert_eq!(world.control.rule(&world.zone.id, rule.id.as_str()), None);
    let again = world.control.create_zone(&world.account.id, name("shop.example"), &BY).unwrap();
    assert_eq!(world.control.rules(&again.id), []);
}

#[test]
fn a_rule_is_of_its_zone_only() {
    let world = World::new();
    let rule = world.rule(draft("a@shop.example", RouteAction::Drop));
    let other = world.control.create_zone(&world.account.id, name("other.example"), &BY).unwrap();
    assert_eq!(world.control.rule(&other.id, rule.id.as_str()), None);
    assert!(world.control.delete_rule(&other.id, rule.id.as_str(), &BY).is_err());
    let says = RuleDraft { name: "x".to_owned(), ..rule.says.clone() };
    assert!(world.control.update_rule(&other.id, rule.id.as_str(), says, &BY).is_err());
}

/// The rule that the documentation names, found by looking at each.
fn by_hand<'a>(
    rules: &'a [RoutingRule],
    recipient: &EmailAddress,
    with_subaddress: bool,
    is_verified: impl Fn(&EmailAddress) -> bool,
) -> Option<(&'a RoutingRule, bool)> {
    let is_active = |rule: &RoutingRule| {
        let agreed = rule.destinations().is_empty() || rule.destinations().iter().any(&is_verified);
        rule.says.enabled && agreed
    };
    let step = |rule: &RoutingRule| match &rule.says.matcher {
        RuleMatcher::All => Some(2),
        RuleMatcher::Literal(address) => {
            let (wanted, found) = (address.as_str().to_lowercase(), recipient.as_str().to_lowercase());
            let (local, domain) = found.split_once('@')?;
            let base = local.split_once('+').map(|(user, _)| format!("{user}@{domain}"));
            if wanted == found {
                Some(0)
            } else {
                (with_subaddress && base.is_some_and(|base| base == wanted)).then_some(1)
            }
        }
    };
    let active = rules.iter().filter(|rule| is_active(rule));
    let found = active.filter_map(|rule| Some((step(rule)?, rule)));
    let first = found.min_by_key(|(step, rule)| (*step, rule.says.priority, Reverse(rule.number)));
    first.map(|(step, rule)| (rule, step == 1))
}

prop_compose! {
    fn any_draft()(
        address in "[abAB](\\+[xX])?",
        is_all in prop::bool::weighted(0.1),
        enabled in prop::bool::weighted(0.7),
        priority in 0u32..3,
        to in prop::option::of("[ab]"),
    ) -> RuleDraft {
        let action = match to {
            Some(to) => forward(&[&format!("{to}@example.net")]),
            None => RouteAction::Drop,
        };
        let matcher = if is_all { RuleMatcher::All } else { RuleMatcher::Literal(email(&format!("{address}@z.example"))) };
        RuleDraft { enabled, priority, matcher, ..draft("x@z.example", action) }
    }
}

fn id(of: u64) -> ObjectId {
    format!("{of:032x}").parse().unwrap()
}

fn routing_zone(support_subaddress: bool) -> RoutingZone {
    RoutingZone {
        zone_id: id(0),
        account_id: id(1),
        name: name("z.example"),
        enabled: true,
        locked: false,
        skip_wizard: false,
        support_subaddress,
        spam_limit: None,
        subdomains: Vec::new(),
        keys: Vec::new(),
        created: BY.at,
        modified: BY.at,
    }
}

/// A state whose account may forward to `a@example.net` only.
fn state_of(zone: RoutingZone) -> State {
    let mut state = State::new(token_keys::KeptTokenKeys::first().unwrap());
    state.destinations.insert(Arc::new(DestinationAddress {
        id: id(2),
        account_id: zone.account_id.clone(),
        email: email("a@example.net"),
        verified: Some(BY.at),
        created: BY.at,
        modified: BY.at,
        link: None,
    }));
    state.routing.put_zone(Arc::new(zone));
    state
}

proptest! {
    /// Rules come, change and go; what the index finds is what looking at each rule finds.
    #[test]
    fn the_index_finds_what_looking_at_each_rule_does(
        with_subaddress: bool,
        changes in prop::collection::vec((1u64..9, prop::option::weighted(0.8, any_draft())), 1..30),
        recipient in "[abAB](\\+[xXy])?@z\\.example",
    ) {
        let mut state = state_of(routing_zone(with_subaddress));
        let mut rules: Vec<RoutingRule> = Vec::new();
        for (number, says) in changes {
            let is_all = says.as_ref().is_some_and(|says| says.matcher == RuleMatcher::All);
            let id = if is_all { id(0) } else { id(number + 10) };
            let before = rules.iter().position(|rule| rule.id == id).map(|at| rules.remove(at));
            let Some(says) = says else {
                before.iter().for_each(|rule| state.routing.remove_rule(rule));
                continue;
            };
            let (account_id, at) = (self::id(1), BY.at);
            let rule = RoutingRule { id, zone_id: self::id(0), account_id, number, says, created: at, modified: at };
            state.routing.put_rule(Arc::new(rule.clone()));
            rules.push(rule);
        }
        let recipient = email(&recipient);
        let expected = by_hand(&rules, &recipient, with_subaddress, |to| {
            AddressKey::of(to) == AddressKey::of(&email("a@example.net"))
        });
        match (state.route(&recipient), expected) {
            (Route::Take(found), Some((rule, without_detail))) => {
                prop_assert_eq!((&*found.rule, found.detail.is_some()), (rule, without_detail));
            }
            (Route::Inactive(..) | Route::Unknown(_), None) => {}
            (found, expected) => prop_assert!(false, "{found:?} is not {expected:?}"),
        }
    }
}

#[test]
fn a_look_up_takes_no_longer_for_thousands_of_rules() {
    let mut state = state_of(routing_zone(true));
    for number in 0..10_000u64 {
        let says = draft(&format!("user{number}@z.example"), RouteAction::Drop);
        let (account_id, at) = (id(1), BY.at);
        let rule = RoutingRule {
            id: id(number + 10),
            zone_id: id(0),
            account_id,
            number,
            says,
            created: at,
            modified: at,
        };
        state.routing.put_rule(Arc::new(rule));
    }
    let recipient = email("user9999+x@z.example");
    let began = std::time::Instant::now();
    for _ in 0..1_000 {
        assert!(matches!(state.route(&recipient), Route::Take(_)));
    }
    // Some microseconds each; looking at every rule would take a hundred times as long as is allowed.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
