use super::*;

const NOW: UnixMillis = UnixMillis::new(1);

#[test]
fn what_was_set_up_is_there_after_reopening_and_the_secret_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let control = Control::open(dir.path()).unwrap();
    let account = control.create_account("test", NOW).unwrap();
    let zone = control.create_zone(&account.id, Domain::parse("example.com").unwrap(), NOW).unwrap();
    let sending = control.enable_sending(&zone.id, NOW).unwrap();
    let (token, secret) = control.create_token(&account.id, "t", vec![Permission::Send], NOW).unwrap();
    drop(control);
    let on_disk = std::fs::read(dir.path().join("db")).unwrap();
    let secret_bytes = secret.reveal().as_bytes();
    assert!(!on_disk.windows(secret_bytes.len()).any(|window| window == secret_bytes));

    let control = Control::open(dir.path()).unwrap();
    assert_eq!(control.account(account.id.as_str()), Some(account));
    assert_eq!(control.sending_domain(&zone.name), Some(sending));
    assert_eq!(control.authenticate(secret.reveal()), Some(token));
    assert!(control.authenticate("wrong").is_none());
}

#[test]
fn a_domain_is_set_up_once() {
    let dir = tempfile::tempdir().unwrap();
    let control = Control::open(dir.path()).unwrap();
    let account = control.create_account("test", NOW).unwrap();
    let name = Domain::parse("example.com").unwrap();
    let zone = control.create_zone(&account.id, name.clone(), NOW).unwrap();
    assert!(matches!(control.create_zone(&account.id, name, NOW), Err(ControlError::Taken(_))));
    control.enable_sending(&zone.id, NOW).unwrap();
    assert!(matches!(control.enable_sending(&zone.id, NOW), Err(ControlError::Taken(_))));
}

#[test]
fn a_token_is_good_for_its_account_and_permissions_only() {
    let dir = tempfile::tempdir().unwrap();
    let control = Control::open(dir.path()).unwrap();
    let account = control.create_account("test", NOW).unwrap();
    let (token, _) = control.create_token(&account.id, "t", vec![Permission::Send], NOW).unwrap();
    assert!(token.allows(Permission::Send, account.id.as_str()));
    assert!(!token.allows(Permission::Admin, account.id.as_str()));
    assert!(!token.allows(Permission::Send, "0123456789abcdef0123456789abcdef"));
    assert!(!token.may_operate());
    let (admin, _) = control.create_token(&account.id, "a", vec![Permission::Admin], NOW).unwrap();
    assert!(admin.may_operate() && !admin.allows(Permission::Send, "0123456789abcdef0123456789abcdef"));
}
