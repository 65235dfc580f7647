//! The queue at a glance: by domain, site, source and tenant.

use super::{
    blocking,
    filter::FilterFields,
    model::{DomainGroup, Group, QueueSummary, SiteGroup, SourceGroup, Sums},
    site_model::{self, SitesByName},
    standing::{Known as KnownOf, standing},
};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{Answer, Input, Known},
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{
    clock,
    control::{DescribeQueue, OrderError, QueueReport},
    domain::{DomainSnapshot, PlanSnapshot},
};
use mailwright_storage::{ClassSummary, DomainSummary, ListFilter, StorageError, control::Suspension};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::IntoParams;

/// Groups of each kind that are told unless the client asks for another number.
const GROUPS: usize = 100;
/// Most groups of each kind that are told.
const GROUPS_MAX: usize = 10_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SummaryQuery {
    #[serde(flatten)]
    #[param(ignore)]
    filter: FilterFields,
    /// Most groups of each kind; 100 when nobody says.
    #[param(maximum = 10_000)]
    limit: Option<usize>,
}

/// `GET queue?domain=&tenant=&pool=&limit=`
#[utoipa::path(
    get, path = "/client/v4/delivery/queue", tag = "Delivery", operation_id = "summarise_queue",
    params(FilterFields, SummaryQuery), responses((status = 200, body = Answer<QueueSummary>), Known, Input),
)]
pub(super) async fn queue(
    http: HttpRequest,
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let asked: SummaryQuery = query(&http)?;
    let filter = asked.filter.read()?;
    if filter.id.is_some() {
        return Err(ApiError::senseless("id", "A summary has no ids; queue/entries lists messages by id."));
    }
    let limit = asked.limit.unwrap_or(GROUPS);
    if limit > GROUPS_MAX {
        return Err(ApiError::senseless("limit", format!("At most {GROUPS_MAX} groups of a kind are told.")));
    }
    let report = report(&state).await?;
    let suspensions = state.control.suspensions(clock::now());
    let view = state.spool.view().await.map_err(OrderError::from)?;
    let summary = blocking(move || {
        let summed = summarise(view.summaries(clock::now()), &report, &suspensions, &filter, limit);
        Ok(summed.map_err(OrderError::from)?)
    });
    Ok(answer::success(summary.await?))
}

/// `GET sources`
#[utoipa::path(
    get, path = "/client/v4/delivery/sources", tag = "Delivery", operation_id = "list_sources",
    responses((status = 200, body = Answer<Vec<SourceGroup>>), Known),
)]
pub(super) async fn sources(
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    Ok(answer::success(sources_of(&report(&state).await?)))
}

/// What the actors are doing.
async fn report(state: &AppState) -> Result<QueueReport, ApiError> {
    Ok(state.supervisor.send(DescribeQueue).await.map_err(|_| OrderError::Stopping)?)
}

/// Sums up the domains that match.
fn summarise(
    domains: impl Iterator<Item = Result<DomainSummary, StorageError>>,
    report: &QueueReport,
    suspensions: &[Suspension],
    filter: &ListFilter,
    limit: usize,
) -> Result<QueueSummary, StorageError> {
    let (snapshots, sites_by_domain) = (by_name(report), sites_by_domain(report));
    let actors = SitesByName::of(report);
    let (mut totals, mut by_domain) = (Sums::default(), Vec::new());
    let (mut by_site, mut by_tenant) = (BTreeMap::<&str, Sums>::new(), BTreeMap::<String, Sums>::new());
    for summary in domains {
        let DomainSummary { domain, classes } = summary?;
        let mut of_domain = Sums::default();
        for class in classes.iter().filter(|class| matches(filter, &domain, class)) {
            let sums = sums(class);
            of_domain.add(sums);
            let tenant = class.class.tenant.as_ref().map(ToString::to_string).unwrap_or_default();
            by_tenant.entry(tenant).or_default().add(sums);
        }
        if of_domain.entries > 0 {
            totals.add(of_domain);
            let site = sites_by_domain.get(domain.as_str()).copied().unwrap_or_default();
            by_site.entry(site).or_default().add(of_domain);
            by_domain.push((domain.to_string(), of_domain));
        }
    }
    if *filter == ListFilter::default() {
        for site in &report.sites {
            by_site.entry(&site.site).or_default();
        }
    }
    let domain_count = by_domain.len();
    let domain = |(name, sums): (String, Sums)| {
        let (snapshot, site) = (snapshots.get(name.as_str()).copied(), sites_by_domain.get(name.as_str()));
        let site = site.copied().unwrap_or_default();
        let sites = actors.get(site);
        let (reason, detail, until) =
            standing(&KnownOf { name: &name, sums, domain: snapshot, site, sites, suspensions });
        DomainGroup {
            sums,
            site: site.to_owned(),
            in_flight: snapshot.map_or(0, |domain| domain.in_flight),
            reason: reason.as_str().to_owned(),
            detail,
            until: until.map(Into::into),
            name,
        }
    };
    let domains = largest(by_domain, |(_, sums)| *sums, limit).into_iter().map(domain).collect();
    let tenants = by_tenant.into_iter().map(|(name, sums)| Group { name, sums }).collect();
    Ok(QueueSummary {
        totals,
        domain_count,
        domains,
        sites: largest(sites_of(by_site, &actors), |site| site.sums, limit),
        sources: sources_of(report),
        tenants: largest(tenants, |group| group.sums, limit),
    })
}

fn matches(filter: &ListFilter, domain: &mailwright_engine::address::Domain, class: &ClassSummary) -> bool {
    let class = &class.class;
    filter.domain.as_ref().is_none_or(|wanted| wanted == domain)
        && filter.tenant.as_ref().is_none_or(|wanted| class.tenant.as_ref() == Some(wanted))
        && filter.pool.as_ref().is_none_or(|wanted| class.pool.as_ref() == Some(wanted))
}

fn sums(class: &ClassSummary) -> Sums {
    let (oldest, next_due) = (Some(class.oldest.into()), Some(class.next_due.into()));
    Sums { entries: class.entries, due: class.due, oldest, next_due }
}

/// What is known of each domain with an actor or at rest.
fn by_name(report: &QueueReport) -> HashMap<&str, &DomainSnapshot> {
    report.domains.iter().map(|domain| (domain.domain.as_str(), domain)).collect()
}

/// The site of each domain whose way is known.
fn sites_by_domain(report: &QueueReport) -> HashMap<&str, &str> {
    fn site(plan: &PlanSnapshot) -> Option<&str> {
        match plan {
            PlanSnapshot::Known { site, .. } => Some(site),
            PlanSnapshot::Unknown | PlanSnapshot::Asked => None,
        }
    }
    report.domains.iter().filter_map(|domain| Some((domain.domain.as_str(), site(&domain.plan)?))).collect()
}

fn sites_of(by_site: BTreeMap<&str, Sums>, actors: &SitesByName<'_>) -> Vec<SiteGroup> {
    let group = |(name, sums): (&str, Sums)| {
        let actors = actors.get(name);
        SiteGroup {
            name: name.to_owned(),
            sums,
            provider: actors.first().map(|site| site.provider.clone()).unwrap_or_default(),
            connections: actors.iter().map(|site| site.connections).sum(),
            hold: actors.iter().find_map(|site| site.hold.as_ref()).map(|hold| hold.detail.clone()),
            sources: actors.iter().map(|site| site_model::source(site)).collect(),
        }
    };
    by_site.into_iter().map(group).collect()
}

fn sources_of(report: &QueueReport) -> Vec<SourceGroup> {
    let lanes = || report.domains.iter().flat_map(|domain| &domain.lanes);
    let group = |source: &mailwright_actors::control::SourceSnapshot| SourceGroup {
        name: source.source.clone(),
        addresses: source.addresses.clone(),
        ready: lanes().filter(|lane| lane.source == source.source).map(|lane| lane.ready).sum(),
        connections: (report.sites.iter().filter(|site| site.source == source.source))
            .map(|site| site.connections)
            .sum(),
        left_today: source.left_today,
        usable: source.usable,
    };
    report.sources.iter().map(group).collect()
}

/// The groups with most entries.
fn largest<T>(mut groups: Vec<T>, sums: impl Fn(&T) -> Sums, limit: usize) -> Vec<T> {
    groups.sort_by_key(|group| std::cmp::Reverse(sums(group).entries));
    groups.truncate(limit);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        address::Domain,
        class::{QueueClass, TenantName},
        time::UnixMillis,
    };

    fn domain(name: &str, classes: &[(Option<&str>, u64)]) -> Result<DomainSummary, StorageError> {
        let class = |(tenant, entries): &(Option<&str>, u64)| ClassSummary {
            class: QueueClass {
                tenant: tenant.map(|name| TenantName::parse(name).unwrap()),
                ..QueueClass::default()
            },
            entries: *entries,
            due: 1,
            oldest: UnixMillis::new(*entries),
            next_due: UnixMillis::new(7),
        };
        let domain = Domain::parse(name).unwrap();
        Ok(DomainSummary { domain, classes: classes.iter().map(class).collect() })
    }

    fn summary(filter: &ListFilter, limit: usize) -> QueueSummary {
        let domains = [
            domain("a.example", &[(None, 2), (Some("shop"), 3)]),
            domain("b.example", &[(Some("shop"), 40)]),
        ];
        let nobody = QueueReport { domains: vec![], sites: vec![], sources: vec![] };
        summarise(domains.into_iter(), &nobody, &[], filter, limit).unwrap()
    }

    fn domains(summary: &QueueSummary) -> Vec<(&str, u64)> {
        summary.domains.iter().map(|group| (group.name.as_str(), group.sums.entries)).collect()
    }

    fn tenants(summary: &QueueSummary) -> Vec<(&str, u64)> {
        summary.tenants.iter().map(|group| (group.name.as_str(), group.sums.entries)).collect()
    }

    #[test]
    fn domains_and_tenants_add_up_to_the_same_total() {
        let all = summary(&ListFilter::default(), 10);
        assert_eq!((all.totals.entries, all.totals.due, all.domain_count), (45, 3, 2));
        assert_eq!(domains(&all), [("b.example", 40), ("a.example", 5)]);
        assert_eq!(tenants(&all), [("shop", 43), ("", 2)]);
        assert_eq!(all.totals.oldest, Some(UnixMillis::new(2).into()));
        assert_eq!(all.sites.iter().map(|site| site.sums.entries).sum::<u64>(), 45);
    }

    #[test]
    fn only_what_matches_is_counted_and_only_the_largest_are_told() {
        let filter = ListFilter { tenant: TenantName::parse("shop").ok(), ..ListFilter::default() };
        let shop = summary(&filter, 1);
        assert_eq!((shop.totals.entries, shop.domain_count), (43, 2));
        assert_eq!(domains(&shop), [("b.example", 40)]);
    }
}
