use super::*;
use mailwright_engine::time::UnixMillis;
use std::time::Duration;

const NOW: UnixMillis = UnixMillis::new(1_000_000);
const BY: By = By::server(NOW);

fn later(seconds: u64) -> UnixMillis {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn name(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// Control data with one account.
fn control() -> (tempfile::TempDir, Control, Account) {
    let dir = tempfile::tempdir().unwrap();
    let control = Control::open(dir.path()).unwrap();
    let account = control.create_account("test", &BY).unwrap();
    (dir, control, account)
}

fn new_domain(zone: &Zone, name: &Domain, wildcard: bool) -> NewSendingDomain {
    NewSendingDomain {
        zone_id: zone.id.clone(),
        name: name.clone(),
        wildcard,
        vouched_for: false,
        names: SendingNames::default(),
    }
}

fn new_token(account: &Account, permission: Permission) -> NewToken {
    NewToken::new(&account.id, "t", vec![permission])
}

#[test]
fn what_was_set_up_is_there_after_reopening_and_the_secret_is_not() {
    let (dir, control, account) = control();
    let zone = control.create_zone(&account.id, name("example.com"), &BY).unwrap();
    let sending = control.create_sending_domain(new_domain(&zone, &zone.name, false), &BY).unwrap();
    let (token, secret) = control.create_token(new_token(&account, Permission::Send), &BY).unwrap();
    assert_eq!(control.last_used(&token.id), None);
    assert!(control.authenticate(secret.reveal(), later(5)).is_some());
    drop(control);
    let on_disk = std::fs::read(dir.path().join("db")).unwrap();
    let secret_bytes = secret.reveal().as_bytes();
    assert!(!on_disk.windows(secret_bytes.len()).any(|window| window == secret_bytes));

    let control = Control::open(dir.path()).unwrap();
    assert_eq!(control.account(account.id.as_str()), Some(account));
    assert_eq!(control.sending_domain(&zone.name), Some(sending));
    assert_eq!(control.last_used(&token.id), Some(later(5)));
    assert_eq!(control.authenticate(secret.reveal(), NOW), Some(token));
    assert!(control.authenticate("wrong", NOW).is_none());
}

#[test]
fn a_domain_is_set_up_once() {
    let (_dir, control, account) = control();
    let zone = control.create_zone(&account.id, name("example.com"), &BY).unwrap();
    let again = control.create_zone(&account.id, name("Example.com"), &BY);
    assert!(matches!(again, Err(ControlError::Taken(_))));
    control.create_sending_domain(new_domain(&zone, &zone.name, false), &BY).unwrap();
    let again = control.create_sending_domain(new_domain(&zone, &zone.name, false), &BY);
    assert!(matches!(again, Err(ControlError::Taken(_))));
}

#[test]
fn of_many_who_want_a_domain_at_once_one_gets_it() {
    let (_dir, control, account) = control();
    let got = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| control.create_zone(&account.id, name("example.com"), &BY).is_ok()))
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|got| *got).count()
    });
    assert_eq!((got, control.zones().len()), (1, 1));
}

#[test]
fn nobody_gets_a_part_of_anothers_domain() {
    let (_dir, control, account) = control();
    let other = control.create_account("other", &BY).unwrap();
    control.create_zone(&account.id, name("shop.example.com"), &BY).unwrap();
    for taken in ["example.com", "a.shop.example.com", "shop.example.com"] {
        let refused = control.create_zone(&other.id, name(taken), &BY);
        assert!(matches!(refused, Err(ControlError::Taken(_))), "{taken}");
    }
    assert!(control.create_zone(&other.id, name("ashop.example.com"), &BY).is_ok());
    assert!(control.create_zone(&account.id, name("example.com"), &BY).is_err(), "the other has a part now");
    assert!(control.create_zone(&account.id, name("a.shop.example.com"), &BY).is_ok());
    assert!(matches!(
        control.create_zone(&account.id, name("[192.0.2.1]"), &BY),
        Err(ControlError::NoName(_))
    ));
}

#[test]
fn a_wildcard_serves_what_is_below_and_not_set_up_itself() {
    let (_dir, control, account) = control();
    let zone = control.create_zone(&account.id, name("example.com"), &BY).unwrap();
    let wildcard = control.create_sending_domain(new_domain(&zone, &zone.name, true), &BY).unwrap();
    let exact = control.create_sending_domain(new_domain(&zone, &name("a.example.com"), false), &BY).unwrap();
    let found = |domain: &str| control.sending_domain(&name(domain)).map(|found| found.tag.clone());
    assert_eq!(found("a.example.com"), Some(exact.tag.clone()));
    assert_eq!(found("b.example.com"), Some(wildcard.tag.clone()));
    assert_eq!(found("x.a.example.com"), Some(wildcard.tag.clone()));
    assert_eq!((found("example.com"), found("bexample.com")), (None, None));
    assert_eq!(wildcard.pattern(), "*.example.com");
    let outside = control.create_sending_domain(new_domain(&zone, &name("example.org"), false), &BY);
    assert!(matches!(outside, Err(ControlError::OutsideZone { .. })));
}

#[test]
fn selectors_of_one_name_are_never_the_same() {
    let (_dir, control, account) = control();
    let zone = control.create_zone(&account.id, name("example.com"), &BY).unwrap();
    let apex = control.create_sending_domain(new_domain(&zone, &zone.name, false), &BY).unwrap();
    let wildcard = control.create_sending_domain(new_domain(&zone, &zone.name, true), &BY).unwrap();
    let rotated = control.begin_key_rotation(&apex.tag, &SendingNames::default(), &BY).unwrap();
    let again = control.begin_key_rotation(&apex.tag, &SendingNames::default(), &BY).unwrap();
    assert_eq!(again.keys.len(), 4, "one rotation at a time");
    assert_eq!(rotated.signing_keys().count(), 2);
    let mut selectors: Vec<_> =
        again.keys.iter().chain(&wildcard.keys).map(|key| key.selector.as_str()).collect();
    selectors.sort_unstable();
    let dated = ["mw-ed25519", "mw-ed25519-19700101", "mw-ed25519-19700101-2"];
    assert_eq!(&selectors[..3], dated);
    selectors.dedup();
    assert_eq!(selectors.len(), 6);
}

#[test]
fn a_zone_takes_what_is_set_up_in_it_along() {
    let (dir, control, account) = control();
    let zone = control.create_zone(&account.id, name("example.com"), &BY).unwrap();
    control.create_sending_domain(new_domain(&zone, &zone.name, false), &BY).unwrap();
    assert!(matches!(control.delete_account(&account.id, &BY), Err(ControlError::InUse(_))));
    control.delete_zone(&zone.id, &BY).unwrap();
    let (_, secret) = control.create_token(new_token(&account, Permission::Admin), &BY).unwrap();
    control.delete_account(&account.id, &BY).unwrap();
    let check = |control: &Control| {
        assert_eq!(control.sending_domain(&zone.name), None);
        assert_eq!((control.zones(), control.accounts()), (Vec::new(), Vec::new()));
        assert_eq!(control.authenticate(secret.reveal(), NOW), None);
    };
    check(&control);
    drop(control);
    check(&Control::open(dir.path()).unwrap());
}

#[test]
fn a_token_is_good_for_its_account_and_permissions_only() {
    let (_dir, control, account) = control();
    let other = "0123456789abcdef0123456789abcdef";
    let (token, _) = control.create_token(new_token(&account, Permission::Send), &BY).unwrap();
    assert!(token.allows(Permission::Send, account.id.as_str()));
    assert!(!token.allows(Permission::Admin, account.id.as_str()));
    assert!(!token.allows(Permission::Send, other));
    assert!(!token.may_operate());
    let (admin, _) = control.create_token(new_token(&account, Permission::Admin), &BY).unwrap();
    assert!(admin.allows(Permission::AnalyticsRead, account.id.as_str()) && !admin.may_operate());
    assert!(!admin.allows(Permission::Send, other) && !admin.sees(other));
    let (operator, _) = control.create_token(new_token(&account, Permission::Operator), &BY).unwrap();
    assert!(operator.may_operate() && operator.allows(Permission::Send, other));
}

#[test]
fn what_writes_also_reads() {
    for (edit, read) in [
        (Permission::SuppressionEdit, Permission::SuppressionRead),
        (Permission::RoutingEdit, Permission::RoutingRead),
    ] {
        assert!(edit.covers(read) && !read.covers(edit) && !edit.covers(Permission::Send));
    }
    for permission in Permission::ALL {
        assert_eq!(permission.as_str().parse(), Ok(permission));
        assert!(Permission::Operator.covers(permission) && permission.covers(permission));
        assert_eq!(Permission::Admin.covers(permission), permission != Permission::Operator);
    }
}

#[test]
fn a_token_is_limited_to_zones_and_times() {
    let (_dir, control, account) = control();
    let zone = control.create_zone(&account.id, name("example.com"), &BY).unwrap();
    let other = control.create_zone(&account.id, name("example.org"), &BY).unwrap();
    let new = NewToken {
        zones: Some(vec![zone.id.clone()]),
        not_before: Some(later(10)),
        expires: Some(later(20)),
        ..new_token(&account, Permission::Send)
    };
    let (token, secret) = control.create_token(new, &BY).unwrap();
    assert!(token.reaches(&zone.id) && !token.reaches(&other.id));
    for (at, good) in [(9, false), (10, true), (19, true), (20, false)] {
        assert_eq!(control.authenticate(secret.reveal(), later(at)).is_some(), good, "{at}");
    }
    let stranger =
        NewToken { zones: Some(vec![account.id.clone()]), ..new_token(&account, Permission::Send) };
    assert!(matches!(control.create_token(stranger, &BY), Err(ControlError::NotFound { kind: "zone", .. })));
}

#[test]
fn a_rolled_token_has_two_secrets_for_a_while() {
    let (dir, control, account) = control();
    let (token, first) = control.create_token(new_token(&account, Permission::Send), &BY).unwrap();
    let (_, second) = control.roll_token(&token.id, Duration::from_secs(60), &BY).unwrap();
    let (_, third) = control.roll_token(&token.id, Duration::from_secs(60), &BY).unwrap();
    drop(control);
    let control = Control::open(dir.path()).unwrap();
    let good = |secret: &TokenSecret, at| control.authenticate(secret.reveal(), later(at)).is_some();
    assert!(!good(&first, 1) && good(&second, 59) && !good(&second, 60) && good(&third, 1_000));
    control.roll_token(&token.id, Duration::ZERO, &BY).unwrap();
    assert!(!good(&third, 1));
    control.delete_token(&token.id, &BY).unwrap();
    assert!(control.tokens().is_empty());
}

#[test]
fn every_change_is_on_record_without_secrets() {
    let (dir, control, account) = control();
    let by = |seconds| By {
        actor: Actor::Token { id: account.id.clone(), name: "ci".into() },
        at: later(seconds),
        from: Some([192, 0, 2, 7].into()),
    };
    let zone = control.create_zone(&account.id, name("example.com"), &by(1)).unwrap();
    let domain = control.create_sending_domain(new_domain(&zone, &zone.name, false), &by(2)).unwrap();
    control.update_sending_domain(&domain.tag, &by(3), |domain| domain.enabled = false).unwrap();
    control.update_sending_domain(&domain.tag, &by(4), |domain| domain.enabled = false).unwrap();
    control.delete_zone(&zone.id, &by(5)).unwrap();
    let (log, count) = control.audit_log(&AuditFilter::default(), 0, 100).unwrap();
    let mut said: Vec<_> = log.iter().map(|one| (one.action.as_str(), one.kind.as_str())).collect();
    said[..2].sort_unstable();
    let expected = [
        ("delete", "sending_domain"),
        ("delete", "zone"),
        ("update", "sending_domain"),
        ("create", "sending_domain"),
        ("create", "zone"),
        ("create", "account"),
    ];
    assert_eq!((said.as_slice(), count), (&expected[..], 6), "a change that changes nothing is none");
    let update = &log[2];
    assert_eq!((update.at, update.from), (later(3), Some([192, 0, 2, 7].into())));
    assert_eq!(update.before.as_ref().unwrap()["enabled"], true);
    assert_eq!(update.after.as_ref().unwrap()["enabled"], false);
    let (token, secret) = control.create_token(new_token(&account, Permission::Send), &by(6)).unwrap();
    let everything = format!("{:?}", control.audit_log(&AuditFilter::default(), 0, 100).unwrap());
    assert!(!everything.contains(secret.reveal()) && !everything.contains(&token.hash));
    assert!(!everything.contains(&domain.keys[0].pkcs8));
    drop(control);
    assert_eq!(Control::open(dir.path()).unwrap().audit_log(&AuditFilter::default(), 0, 1).unwrap().1, 7);
}

#[test]
fn the_audit_log_is_filtered_and_paged() {
    let (_dir, control, account) = control();
    for second in 1..=5 {
        let zone = name(&format!("z{second}.example"));
        control.create_zone(&account.id, zone, &By::server(later(second))).unwrap();
    }
    let times = |filter: &AuditFilter, skip, most| {
        let (log, count) = control.audit_log(filter, skip, most).unwrap();
        (log.iter().map(|one| one.at.since(NOW).as_secs()).collect::<Vec<_>>(), count)
    };
    let zones = AuditFilter { kind: Some("zone".into()), ..AuditFilter::default() };
    assert_eq!(times(&zones, 1, 2), (vec![4, 3], 5));
    let between = AuditFilter { since: Some(later(2)), before: Some(later(4)), ..AuditFilter::default() };
    assert_eq!(times(&between, 0, 9), (vec![3, 2], 2));
    let nobody = AuditFilter { account_id: Some(ObjectId::random().unwrap()), ..AuditFilter::default() };
    assert_eq!(times(&nobody, 0, 9), (vec![], 0));
    let backwards = AuditFilter { since: Some(later(4)), before: Some(later(2)), ..AuditFilter::default() };
    assert_eq!(times(&backwards, 0, 9), (vec![], 0));
}

#[test]
fn the_audit_log_is_in_the_order_of_changes_though_some_waited_for_their_turn() {
    let (dir, control, account) = control();
    let rename = |control: &Control, name: &str, at| {
        control.rename_account(&account.id, name, &By::server(at)).unwrap();
    };
    // All of one moment, the next of one before it, and one of a clock that was set back.
    let times = [later(9), later(9), later(9), later(8), later(9), UnixMillis::new(7)];
    let names = ["a", "b", "c", "d", "e", "f"];
    for (name, at) in names.into_iter().zip(times).take(4) {
        rename(&control, name, at);
    }
    drop(control);
    let control = Control::open(dir.path()).unwrap();
    for (name, at) in names.into_iter().zip(times).skip(4) {
        rename(&control, name, at);
    }
    let (log, _) = control.audit_log(&AuditFilter::default(), 0, 100).unwrap();
    let said: Vec<_> = log.iter().rev().map(|one| one.after.as_ref().unwrap()["name"].clone()).collect();
    assert_eq!(said[2..], ["a", "b", "c", "d", "e"]);
    assert_eq!((&said[0], log.last().unwrap().at), (&"f".into(), UnixMillis::new(7)));
}

#[test]
fn the_audit_log_forgets_what_is_over_a_year_old() {
    let (_dir, control, account) = control();
    for day in 1..=4 {
        control.rename_account(&account.id, &format!("n{day}"), &By::server(later(day * 86_400))).unwrap();
    }
    // Each new record takes two old ones along.
    let late = later(450 * 86_400);
    control.rename_account(&account.id, "late", &By::server(late)).unwrap();
    control.rename_account(&account.id, "later", &By::server(late)).unwrap();
    control.rename_account(&account.id, "latest", &By::server(late)).unwrap();
    let (log, count) = control.audit_log(&AuditFilter::default(), 0, 100).unwrap();
    assert!(log.iter().all(|record| record.at == late), "{log:?}");
    assert_eq!(count, 3);
}

#[test]
fn names_are_for_people() {
    let (_dir, control, account) = control();
    for wrong in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert!(
            matches!(control.rename_account(&account.id, wrong, &BY), Err(ControlError::Name)),
            "{wrong}"
        );
    }
    assert_eq!(control.rename_account(&account.id, " Grüße GmbH ", &BY).unwrap().name, "Grüße GmbH");
    let nothing = NewToken { permissions: Vec::new(), ..new_token(&account, Permission::Send) };
    assert!(matches!(control.create_token(nothing, &BY), Err(ControlError::NoPermission)));
}
