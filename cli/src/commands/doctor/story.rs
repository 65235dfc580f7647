//! What was found, for a person at a terminal: one section an area, what to mend beneath each, and the sum at the
//! end, where it is still seen.

use super::tree;
use crate::commands::table::{or_dash, table};
use mailwright_engine::domain_dns::{
    Area, DkimKeyState, DomainState, Examination, MxFacts, OwnSpf, Severity,
};

/// The whole story.
pub(super) fn of(examination: &Examination) -> String {
    let sections = [
        (Area::ReturnPath, hosts(&examination.sending.return_path)),
        (Area::Spf, spf(examination)),
        (Area::Dkim, dkim(examination)),
        (Area::Dmarc, dmarc(examination)),
        (Area::Mx, hosts(&examination.mx)),
        (Area::RoutingMx, routing(examination)),
        (Area::MtaSts, mta_sts(examination)),
        (Area::TlsRpt, examination.receiving.tls_rpt.clone()),
        (Area::Dane, dane(examination)),
        (Area::Bimi, examination.receiving.bimi.record.iter().cloned().collect()),
        (Area::ReverseDns, reverse(examination)),
        (Area::BlockList, block_lists(examination)),
    ];
    let mut story = String::new();
    for (area, lines) in sections {
        story.push_str(&section(examination, area, &lines));
    }
    story.push_str(&sum(examination));
    story
}

/// A heading with its verdict, the facts, and what was found about them.
fn section(examination: &Examination, area: Area, facts: &[String]) -> String {
    let findings: Vec<_> = examination.findings.iter().filter(|finding| finding.area == area).collect();
    let worst = findings.iter().map(|finding| finding.severity).max();
    let verdict = match worst {
        Some(Severity::Error) => "must be mended",
        Some(Severity::Warning) => "could be better",
        Some(Severity::Note) if facts.is_empty() => "not used",
        None if facts.is_empty() => "nothing to look at",
        Some(Severity::Note) | None => "good",
    };
    let mut text = format!("{}: {verdict}\n", area.title());
    for line in facts.iter().flat_map(|fact| fact.lines()) {
        text.push_str(&format!("  {}\n", visible(line)));
    }
    for finding in findings {
        let mark = match finding.severity {
            Severity::Error => "!!",
            Severity::Warning => " !",
            Severity::Note => " -",
        };
        text.push_str(&format!("  {mark} {}: {}\n", visible(&finding.name), visible(&finding.message)));
    }
    text.push('\n');
    text
}

/// Text from the DNS without what a terminal would obey.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn hosts(facts: &MxFacts) -> Vec<String> {
    let rows = facts.hosts.iter().map(|host| {
        let addresses: Vec<_> = host.addresses.iter().map(ToString::to_string).collect();
        [host.preference.to_string(), host.host.clone(), or_dash(&addresses.join(" "))]
    });
    rows_or_none(table(["PREF", "HOST", "ADDRESSES"], rows), facts.hosts.is_empty())
}

/// The names whose mail is routed, and where the zone stands.
fn routing(examination: &Examination) -> Vec<String> {
    let Some(report) = &examination.routing else { return Vec::new() };
    let rows = report.names.iter().map(|routed| {
        let hosts: Vec<_> = routed.mx.hosts.iter().map(|host| host.host.as_str()).collect();
        [routed.name.clone(), or_dash(&hosts.join(" ")), format!("{} of 10", routed.spf_lookups)]
    });
    vec![format!("{} is {}", report.zone, word(report.state)), table(["NAME", "HOSTS", "SPF LOOK-UPS"], rows)]
}

fn spf(examination: &Examination) -> Vec<String> {
    let inspection = &examination.spf;
    if inspection.record.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("{}, {} of 10 look-ups:", inspection.domain, inspection.total_lookups)];
    lines.extend(tree::lines(inspection));
    for OwnSpf { address, verdict } in &examination.spf_results {
        let by = verdict.term.as_ref().map(|term| format!(" by {term}")).unwrap_or_default();
        lines.push(format!("{address} gets {}{by}", verdict.result.as_str()));
    }
    lines
}

fn dkim(examination: &Examination) -> Vec<String> {
    let keys = &examination.sending.dkim;
    if keys.is_empty() {
        return vec!["No key was looked at: no server runs here that knows the domain, and no selector was named (--selector).".to_owned()];
    }
    let rows = keys.iter().map(|key| {
        let state = match key.state {
            DkimKeyState::Published => "published",
            DkimKeyState::Missing => "missing",
            DkimKeyState::Multiple => "more than one",
            DkimKeyState::Invalid => "unusable",
            DkimKeyState::Mismatch => "another key",
            DkimKeyState::Revoked => "revoked",
            DkimKeyState::Unknown => "unknown",
        };
        let record = key.record.as_deref().unwrap_or("-");
        let shown: String = record.chars().take(50).collect();
        let cut = if shown.len() < record.len() { "…" } else { "" };
        [key.selector.clone(), state.to_owned(), format!("{shown}{cut}")]
    });
    vec![table(["SELECTOR", "KEY", "RECORD"], rows)]
}

fn dmarc(examination: &Examination) -> Vec<String> {
    let facts = &examination.sending.dmarc;
    let (Some(name), Some(record)) = (&facts.name, &facts.record) else { return Vec::new() };
    let says = |aligned: bool| if aligned { "aligns" } else { "does not align" };
    let organization = facts.organizational_domain.as_deref().unwrap_or("-");
    vec![
        format!("{name}: {record}"),
        format!(
            "DKIM {}, SPF {} (organizational domain {organization})",
            says(facts.dkim_aligned),
            says(facts.spf_aligned)
        ),
    ]
}

fn mta_sts(examination: &Examination) -> Vec<String> {
    let facts = &examination.receiving.mta_sts;
    let Some(id) = &facts.id else { return Vec::new() };
    let mode = facts.mode.as_deref().unwrap_or("unknown");
    vec![format!("id {id}, mode {mode}, hosts {}", or_dash(&facts.mx.join(" ")))]
}

fn dane(examination: &Examination) -> Vec<String> {
    let hosts = examination.receiving.dane.hosts.iter().filter(|host| host.records > 0);
    hosts.map(|host| format!("{}: {} TLSA records", host.host, host.records)).collect()
}

fn reverse(examination: &Examination) -> Vec<String> {
    let rows = examination.reverse.iter().map(|facts| {
        let names = if facts.confirmed.is_empty() { &facts.names } else { &facts.confirmed };
        let ehlo = if facts.ehlo_confirmed { "yes" } else { "no" };
        [facts.address.to_string(), or_dash(&names.join(" ")), facts.ehlo.clone(), ehlo.to_owned()]
    });
    let is_empty = examination.reverse.is_empty();
    rows_or_none(table(["ADDRESS", "CALLED", "EHLO", "LEADS BACK"], rows), is_empty)
}

fn block_lists(examination: &Examination) -> Vec<String> {
    let rows = examination.block_lists.iter().map(|listing| {
        let says = match listing.listed {
            Some(true) => "listed",
            Some(false) => "not listed",
            None => "does not say",
        };
        [listing.subject.clone(), listing.list.clone(), says.to_owned()]
    });
    let is_empty = examination.block_lists.is_empty();
    rows_or_none(table(["SUBJECT", "LIST", "SAYS"], rows), is_empty)
}

fn rows_or_none(table: String, is_empty: bool) -> Vec<String> {
    if is_empty { Vec::new() } else { vec![table] }
}

fn sum(examination: &Examination) -> String {
    let count = |severity| examination.findings.iter().filter(|finding| finding.severity == severity).count();
    let state = match examination.sending.state {
        DomainState::Ready => "ready to send",
        state => word(state),
    };
    let domain = &examination.sending.domain;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    format!("{domain} is {state}: {errors} to mend (!!), {warnings} could be better (!)")
}

fn word(state: DomainState) -> &'static str {
    match state {
        DomainState::Ready => "ready",
        DomainState::Unconfigured => "not set up yet",
        DomainState::Misconfigured => "set up wrongly",
        DomainState::Unknown => "unknown: the DNS gave no answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_strangers_cannot_drive_the_terminal() {
        assert_eq!(visible("a\u{1b}[2J\tb"), "a\u{fffd}[2J\u{fffd}b");
    }
}
