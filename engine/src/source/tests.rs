use super::*;
use std::collections::BTreeMap;

fn source(ipv4: &str) -> SourceConfig {
    SourceConfig { ipv4: Some(ipv4.parse().unwrap()), ..SourceConfig::default() }
}

fn pool(sources: &[(&str, u32)], overflow: &str) -> PoolConfig {
    let sources = sources.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
    PoolConfig { sources, overflow: overflow.to_owned() }
}

fn config() -> SourcesConfig {
    let sources = [("a", "127.0.0.2"), ("b", "127.0.0.3"), ("c", "127.0.0.4")];
    SourcesConfig {
        sources: sources.iter().map(|(name, ip)| ((*name).to_owned(), source(ip))).collect(),
        pools: BTreeMap::from([
            ("main".to_owned(), pool(&[("a", 3), ("b", 1)], "spare")),
            ("spare".to_owned(), pool(&[("c", 1)], "main")),
        ]),
        pool_rules: vec![
            PoolRuleConfig { account: "shop".into(), pool: "spare".into(), ..PoolRuleConfig::default() },
            PoolRuleConfig { domain: "b.example".into(), pool: "spare".into(), ..PoolRuleConfig::default() },
        ],
        default_pool: "main".to_owned(),
    }
}

fn name(name: &str) -> SourceName {
    SourceName::parse(name).unwrap()
}

fn pool_named(name: &str) -> PoolName {
    PoolName::parse(name).unwrap()
}

fn except<'a>(names: &'a [&str]) -> impl Fn(&Source) -> Availability + 'a {
    |source| match names.contains(&source.name.as_str()) {
        true => Availability::Not { until: Some(UnixMillis::new(names.len() as u64)) },
        false => Availability::Usable,
    }
}

#[test]
fn members_share_by_weight() {
    let sources = config().build().unwrap();
    let mut counts = BTreeMap::new();
    for seed in 0..4_000 {
        let chosen = sources.choose(None, seed, None, except(&[])).unwrap();
        *counts.entry(chosen.name.as_str().to_owned()).or_insert(0) += 1;
    }
    assert!((2_800..3_200).contains(&counts["a"]), "{counts:?}");
    assert_eq!(counts["a"] + counts["b"], 4_000);
}

#[test]
fn a_pool_without_usable_members_overflows_and_says_when_none_is_left() {
    let sources = config().build().unwrap();
    let chosen = |out: &[&str]| sources.choose(None, 7, None, except(out)).map(|s| s.name.clone());
    assert_eq!(chosen(&["a"]), Ok(name("b")));
    assert_eq!(chosen(&["a", "b"]), Ok(name("c")));
    let none = NoSource { pool: pool_named("main"), until: Some(UnixMillis::new(3)) };
    assert_eq!(chosen(&["a", "b", "c"]), Err(none));
}

#[test]
fn a_source_refused_last_time_is_avoided_while_there_is_another() {
    let sources = config().build().unwrap();
    let a = name("a");
    for seed in 0..50 {
        assert_eq!(sources.choose(None, seed, Some(&a), except(&[])).unwrap().name, name("b"));
    }
    assert_eq!(sources.choose(None, 1, Some(&a), except(&["b"])).unwrap().name, name("c"));
    assert_eq!(sources.choose(None, 1, Some(&a), except(&["b", "c"])).unwrap().name, a);
}

#[test]
fn pools_are_chosen_by_header_then_account_then_destination() {
    let sources = config().build().unwrap();
    let (shop, main) = (TenantName::parse("shop").unwrap(), pool_named("main"));
    let domain = Domain::parse("b.example").unwrap();
    let spare = Some(pool_named("spare"));
    let by_account = PoolFacts { tenant: Some(&shop), ..PoolFacts::default() };
    assert_eq!(sources.pool_for(&by_account), spare);
    assert_eq!(sources.pool_for(&PoolFacts { asked: Some(&main), ..by_account }), Some(main.clone()));
    assert_eq!(sources.pool_for(&PoolFacts { destination: Some(&domain), ..PoolFacts::default() }), spare);
    assert_eq!(sources.pool_for(&PoolFacts::default()), None);
    let unknown = pool_named("nowhere");
    assert_eq!(sources.pool_for(&PoolFacts { asked: Some(&unknown), ..PoolFacts::default() }), None);
}

#[test]
fn binds_by_family() {
    let both_unset = Sources::default();
    let any = both_unset.choose(None, 0, None, except(&[])).unwrap();
    assert_eq!(any.bind_for("192.0.2.1".parse().unwrap()), Bind::Any);
    let sources = config().build().unwrap();
    let a = sources.get(&name("a")).unwrap();
    assert_eq!(a.bind_for("192.0.2.1".parse().unwrap()), Bind::Address("127.0.0.2".parse().unwrap()));
    assert_eq!(a.bind_for("2001:db8::1".parse().unwrap()), Bind::Impossible);
}

#[test]
fn warm_up_ramps_by_day_and_ends() {
    let start = UnixMillis::from_date("2026-11-21").unwrap();
    let warm_up = WarmUp::new(start, vec![50, 100]);
    let day = |days: u64| UnixMillis::new(start.as_millis() + days * 86_400_000 + 3_600_000);
    assert_eq!([0, 1, 2].map(|days| warm_up.cap(day(days))), [Some(50), Some(100), None]);
    assert_eq!(warm_up.cap(UnixMillis::new(start.as_millis() - 1)), Some(0));
    assert_eq!(WarmUp::next_day(day(0)), UnixMillis::new(start.as_millis() + 86_400_000));
}

#[test]
fn mistakes_are_named_with_their_key() {
    type Change = fn(&mut SourcesConfig);
    let cases: [(Change, &str); 6] = [
        (
            |c| c.pools.get_mut("main").unwrap().overflow = "x".into(),
            "pools.main.overflow: there is no pool \"x\"",
        ),
        (
            |c| c.pools.get_mut("main").unwrap().sources = BTreeMap::from([("x".into(), 1)]),
            "there is no source \"x\"",
        ),
        (
            |c| c.pools.get_mut("main").unwrap().sources = BTreeMap::from([("a".into(), 0)]),
            "a weight is at least 1",
        ),
        (|c| c.sources.get_mut("a").unwrap().warm_up = vec![1], "needs warm_up_from"),
        (|c| c.sources.get_mut("a").unwrap().warm_up_from = "soon".into(), "\"soon\" is no day"),
        (|c| c.pool_rules[0].pool = "Bad Name".into(), "pool_rules[0].pool: \"Bad Name\" is no name"),
    ];
    for (change, expected) in cases {
        let mut config = config();
        change(&mut config);
        let error = config.build().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
