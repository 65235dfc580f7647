use super::*;
use crate::control::ObjectId;
use mailwright_engine::{
    address::Domain,
    dmarc_report::{
        JudgedMail,
        model::{PolicyPublished, Record},
    },
    report_in::{DmarcReceived, SourceRow, TlsReceived, TlsResult},
    time::UnixMillis,
};
use std::net::{IpAddr, Ipv4Addr};

const NOON: UnixMillis = UnixMillis::new(1_795_262_400_000);
const MIDNIGHT: UnixMillis = UnixMillis::new(1_795_305_600_000);
const TOMORROW_NOON: UnixMillis = UnixMillis::new(1_795_348_800_000);
const ALL: (usize, usize) = (0, 1_000);

struct Scene {
    reports: Reports,
    dir: tempfile::TempDir,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let reports = Reports::open(&dir.path().join("reports"), ReportSettings::default()).unwrap();
    Scene { reports, dir }
}

impl Scene {
    fn again(self) -> Self {
        drop(self.reports);
        let reports = Reports::open(&self.dir.path().join("reports"), ReportSettings::default()).unwrap();
        Self { reports, dir: self.dir }
    }
}

fn judged(domain: &str, ip: u32, at: UnixMillis) -> JudgedMail {
    let domain = Domain::parse(domain).unwrap();
    let record = Record::new().with_source_ip(IpAddr::V4(Ipv4Addr::from_bits(ip)));
    JudgedMail::new(at, domain, PolicyPublished::default(), record)
}

fn zone() -> ObjectId {
    "0123456789abcdef0123456789abcdef".parse().unwrap()
}

fn days() -> Days {
    Days::of(NOON, MIDNIGHT)
}

fn dmarc(id: &str, sources: Vec<SourceRow>) -> DmarcReceived {
    DmarcReceived {
        organization: "google.com".into(),
        email: "r@google.com".into(),
        id: id.into(),
        domain: Domain::parse("example.com").unwrap(),
        policy: "reject",
        begin: UnixMillis::new(1_795_219_200_000),
        end: UnixMillis::new(1_795_305_599_000),
        sources,
    }
}

fn source(ip: u32, total: u64) -> SourceRow {
    let ip = Some(IpAddr::V4(Ipv4Addr::from_bits(ip)));
    SourceRow {
        ip,
        total,
        aligned: total / 2,
        dkim: total / 2,
        rejected: total - total / 2,
        ..SourceRow::default()
    }
}

#[test]
fn what_is_judged_is_counted_by_day_domain_and_kind_and_told_once() {
    let scene = scene();
    let mail = [
        judged("a.example", 1, NOON),
        judged("a.example", 1, NOON),
        judged("a.example", 2, NOON),
        judged("b.example", 1, NOON),
        judged("a.example", 1, MIDNIGHT),
    ];
    assert_eq!(scene.reports.count(&mail).unwrap(), 0);
    assert_eq!(scene.reports.count(&[judged("a.example", 1, NOON)]).unwrap(), 0);
    assert_eq!(
        scene.reports.due(MIDNIGHT).unwrap(),
        [],
        "the day is not told before what was judged last is written"
    );
    let scene = scene.again();
    let due = scene.reports.due(TOMORROW_NOON).unwrap();
    let mut names: Vec<_> = due.iter().map(|one| one.domain.as_str().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["a.example", "b.example"]);
    let one = due.iter().find(|one| one.domain.as_str() == "a.example").unwrap();
    assert_eq!((one.begin.as_secs(), one.end.as_secs()), (1_795_219_200, 1_795_305_599));
    let counts: Vec<_> = scene.reports.kinds(one).unwrap().into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts, [3, 1]);
    scene.reports.reported(one).unwrap();
    // What comes too late is lost: the domain would hear twice of the same day.
    assert_eq!(scene.reports.count(&[judged("a.example", 1, NOON)]).unwrap(), 1);
    let scene = scene.again();
    let left = scene.reports.due(TOMORROW_NOON).unwrap();
    assert_eq!(left.iter().map(|one| one.domain.as_str()).collect::<Vec<_>>(), ["b.example"]);
    scene.reports.put_off(&left[0], TOMORROW_NOON.saturating_add(ReportSettings::DAY)).unwrap();
    assert_eq!(scene.reports.due(TOMORROW_NOON).unwrap(), []);
}

#[test]
fn reports_are_spread_over_four_hours_and_none_is_early() {
    let scene = scene();
    let mail: Vec<_> = (0..200).map(|n| judged(&format!("d{n}.example"), 1, NOON)).collect();
    scene.reports.count(&mail).unwrap();
    let due = |minutes: u64| {
        scene.reports.due(MIDNIGHT.saturating_add(Duration::from_secs(60 * minutes))).unwrap().len()
    };
    assert_eq!(due(14), 0);
    assert!((20..80).contains(&due(74)), "{}", due(74));
    assert_eq!(due(255), 100, "a hundred at a time");
}

#[test]
fn kinds_beyond_the_bound_are_lost_and_counted() {
    let scene = scene();
    let mail: Vec<_> = (0..MAX_KINDS + 7).map(|n| judged("a.example", n, NOON)).collect();
    assert_eq!(scene.reports.count(&mail).unwrap(), 7);
    let first = scene.reports.due(TOMORROW_NOON).unwrap();
    assert_eq!(scene.reports.kinds(&first[0]).unwrap().len(), MAX_KINDS as usize);
}

#[test]
fn the_feed_writes_what_it_was_told_before_it_ends() {
    let scene = scene();
    let (feed, thread) = JudgedFeed::start(scene.reports.clone()).unwrap();
    (0..5_000).for_each(|_| feed.tell(judged("a.example", 1, NOON)));
    thread.close();
    let due = scene.reports.due(TOMORROW_NOON).unwrap();
    assert_eq!(scene.reports.kinds(&due[0]).unwrap()[0].1, 5_000);
}

#[test]
fn a_report_counts_once_and_sources_add_up() {
    let scene = scene();
    let take = |report: &DmarcReceived| scene.reports.take_dmarc(&zone(), report, MIDNIGHT).unwrap();
    let named = SourceRow { name: Some("mailer.test".into()), ..source(1, 10) };
    assert_eq!(take(&dmarc("1", vec![source(1, 4), source(2, 100)])), Taken::Counted);
    assert_eq!(take(&dmarc("1", vec![source(1, 4), source(2, 100)])), Taken::Repeated);
    assert_eq!(take(&dmarc("2", vec![named])), Taken::Counted);
    let (sources, total) = scene.reports.sources(&zone(), days(), ALL).unwrap();
    assert_eq!(total, 2);
    let shown: Vec<_> =
        sources.iter().map(|s| (s.ip.as_str(), s.name.as_str(), s.total, s.aligned, s.rejected)).collect();
    assert_eq!(shown, [("0.0.0.2", "", 100, 50, 50), ("0.0.0.1", "mailer.test", 14, 7, 7)]);
    let (reports, total) = scene.reports.dmarc_reports(&zone(), days(), (1, 5)).unwrap();
    assert_eq!((reports[0].id.as_str(), reports[0].total, total), ("1", 104, 2));
    let other = "f".repeat(32).parse().unwrap();
    assert_eq!(scene.reports.sources(&other, days(), ALL).unwrap().1, 0);
    assert_eq!(scene.reports.sources(&zone(), Days::of(MIDNIGHT, TOMORROW_NOON), ALL).unwrap().1, 0);
}

#[test]
fn reports_about_other_times_do_not_count() {
    let scene = scene();
    let take = |report: &DmarcReceived, now| scene.reports.take_dmarc(&zone(), report, now).unwrap();
    let report = dmarc("1", vec![source(1, 1)]);
    assert_eq!(take(&report, report.begin.saturating_sub(ReportSettings::DAY)), Taken::OutOfTime);
    assert_eq!(take(&report, MIDNIGHT.saturating_add(402 * ReportSettings::DAY)), Taken::OutOfTime);
    let endless =
        DmarcReceived { begin: report.end.saturating_sub(40 * ReportSettings::DAY), ..report.clone() };
    assert_eq!(take(&endless, MIDNIGHT), Taken::OutOfTime);
}

#[test]
fn sources_beyond_the_bound_are_summed_up() {
    let scene = scene();
    let sources = (1..=MAX_SOURCES + 10).map(|ip| source(ip, 2)).collect();
    scene.reports.take_dmarc(&zone(), &dmarc("1", sources), MIDNIGHT).unwrap();
    let (shown, total) = scene.reports.sources(&zone(), days(), (0, 1)).unwrap();
    assert_eq!((shown[0].ip.as_str(), shown[0].total), ("", 20));
    assert_eq!(total, MAX_SOURCES as usize + 1);
}

#[test]
fn tls_results_add_up_by_day() {
    let scene = scene();
    let result = |result: &str, sessions| TlsResult {
        domain: Domain::parse("example.com").unwrap(),
        policy: "sts".into(),
        result: result.into(),
        sessions,
    };
    let report = |id: &str| TlsReceived {
        organization: "google.com".into(),
        contact: String::new(),
        id: id.into(),
        begin: UnixMillis::new(1_795_219_200_000),
        end: UnixMillis::new(1_795_305_599_000),
        results: vec![result("success", 90), result("certificate-expired", 7)],
    };
    for (id, taken) in [("1", Taken::Counted), ("2", Taken::Counted), ("1", Taken::Repeated)] {
        assert_eq!(scene.reports.take_tls(&zone(), &report(id), MIDNIGHT).unwrap(), taken);
    }
    let (shown, total) = scene.reports.tls_results(&zone(), days(), ALL).unwrap();
    let rows: Vec<_> = shown.iter().map(|row| (row.result.as_str(), row.sessions)).collect();
    assert_eq!((rows, total), (vec![("certificate-expired", 14), ("success", 180)], 2));
    assert_eq!(shown[0].day.as_secs(), 1_795_219_200);
}

#[test]
fn what_is_too_old_goes() {
    let scene = scene();
    scene.reports.take_dmarc(&zone(), &dmarc("1", vec![source(1, 1)]), MIDNIGHT).unwrap();
    scene.reports.count(&[judged("a.example", 1, NOON), judged("b.example", 1, NOON)]).unwrap();
    let due = scene.reports.due(TOMORROW_NOON).unwrap();
    scene.reports.reported(&due[0]).unwrap();
    assert_eq!(scene.reports.purge(TOMORROW_NOON).unwrap(), 0);
    assert_eq!(scene.reports.purge(MIDNIGHT.saturating_add(10 * ReportSettings::DAY)).unwrap(), 1);
    assert_eq!(scene.reports.sources(&zone(), days(), ALL).unwrap().1, 1);
    scene.reports.purge(MIDNIGHT.saturating_add(402 * ReportSettings::DAY)).unwrap();
    assert_eq!(scene.reports.sources(&zone(), days(), ALL).unwrap().1, 0);
    assert_eq!(scene.reports.dmarc_reports(&zone(), days(), ALL).unwrap().1, 0);
}
