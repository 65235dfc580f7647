//! `/zones/{zone_id}/email/auth/dmarc-reports/…` and `…/tls-reports`: what others report about a zone.

use crate::{
    access::Caller,
    answer::ApiError,
    delivery::{blocking, model::Moment},
    openapi::{Input, Known, Lookup, PageOf},
    page::{Page, PageQuery},
    request::query,
    server::AppState,
    time::read_time,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{
    StorageError,
    control::{ObjectId, Permission},
    reports::{Days, ReportShown, Reports, SourceShown, TlsShown},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// The time that is shown when nobody says: a week of whole days, with today.
const SHOWN: Duration = Duration::from_secs(6 * 86_400);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DaysQuery {
    /// The first day, or a time in it; six days before today when nobody says.
    since: Option<String>,
    /// Where the last day ends: a time, or a day, which is its beginning; now when nobody says.
    until: Option<String>,
}

/// Where mail in a zone's name came from, by all that report about it.
#[derive(Debug, Serialize, ToSchema)]
struct DmarcSource {
    /// The address; none for the many that are summed up where there are too many, and for those that reports do not
    /// name.
    source_ip: Option<String>,
    /// A domain that proved that such mail was its own, by DKIM or SPF: who sent for the zone, if not the zone itself.
    name: Option<String>,
    /// Messages.
    total: u64,
    /// Those that passed DMARC.
    aligned: u64,
    /// Those with an aligned signature that passed.
    dkim_aligned: u64,
    /// Those that passed aligned SPF.
    spf_aligned: u64,
    /// What was done with them.
    disposition: Dispositions,
    /// The first day with mail.
    first_day: String,
    /// The last.
    last_day: String,
}

/// Messages by what was done with them.
#[derive(Debug, Serialize, ToSchema)]
struct Dispositions {
    /// Nothing.
    none: u64,
    /// They were distrusted.
    quarantine: u64,
    /// They were refused.
    reject: u64,
}

/// A DMARC report.
#[derive(Debug, Serialize, ToSchema)]
struct DmarcReport {
    /// Who reports.
    organization: String,
    /// Whom to ask about it.
    email: String,
    /// His name for it.
    report_id: String,
    /// The domain that it is about: the zone, or one beneath.
    domain: String,
    /// The policy that he saw: none, quarantine or reject.
    policy: String,
    /// The time that it covers.
    begin: Moment,
    /// Its end.
    end: Moment,
    /// When it came in.
    received: Moment,
    /// Messages.
    total: u64,
    /// Those that passed DMARC.
    aligned: u64,
}

/// TLS sessions with a zone's hosts in a day.
#[derive(Debug, Serialize, ToSchema)]
struct TlsSessions {
    /// The day, in UTC.
    day: String,
    /// What asked for TLS: tlsa, sts, no-policy-found or other.
    policy_type: String,
    /// `success`, or what failed (RFC 8460 section 4.3).
    result_type: String,
    /// How many.
    sessions: u64,
}

/// `GET /zones/{zone_id}/email/auth/dmarc-reports/sources`: the busiest first.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/auth/dmarc-reports/sources",
    tag = "Sending domains", operation_id = "list_dmarc_sources",
    params(DaysQuery, PageQuery), responses((status = 200, body = PageOf<DmarcSource>), Known, Lookup, Input),
)]
pub(super) async fn sources(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    list(&http, &caller, &zone_id, &state, Reports::sources, source).await
}

/// `GET /zones/{zone_id}/email/auth/dmarc-reports/reports`: the newest first.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/auth/dmarc-reports/reports",
    tag = "Sending domains", operation_id = "list_dmarc_reports",
    params(DaysQuery, PageQuery), responses((status = 200, body = PageOf<DmarcReport>), Known, Lookup, Input),
)]
pub(super) async fn reports(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    list(&http, &caller, &zone_id, &state, Reports::dmarc_reports, report).await
}

/// `GET /zones/{zone_id}/email/auth/tls-reports`: the newest day first.
#[utoipa::path(
    get, path = "/client/v4/zones/{zone_id}/email/auth/tls-reports",
    tag = "Sending domains", operation_id = "list_tls_reports",
    params(DaysQuery, PageQuery), responses((status = 200, body = PageOf<TlsSessions>), Known, Lookup, Input),
)]
pub(super) async fn tls(
    http: HttpRequest,
    caller: Caller,
    zone_id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    list(&http, &caller, &zone_id, &state, Reports::tls_results, sessions).await
}

type Listed<T> = Result<(Vec<T>, usize), StorageError>;

async fn list<T: Send + 'static, S: Serialize>(
    http: &HttpRequest,
    caller: &Caller,
    zone_id: &str,
    state: &AppState,
    read: fn(&Reports, &ObjectId, Days, (usize, usize)) -> Listed<T>,
    shown: fn(T) -> S,
) -> Result<HttpResponse, ApiError> {
    let zone = caller.zone(state, zone_id, Permission::AnalyticsRead)?;
    let (days, page) = (days(http)?, Page::of(http)?);
    let reports = state.reports.reports().clone();
    let read = move || read(&reports, &zone.id, days, (page.skip(), page.most()));
    let (rows, total) = blocking(move || read().map_err(|error| unreadable(&error))).await?;
    Ok(page.answer(&rows.into_iter().map(shown).collect::<Vec<_>>(), total))
}

fn unreadable(error: &StorageError) -> ApiError {
    tracing::error!(%error, "reports could not be read");
    ApiError::unavailable("The reports could not be read; try again in a moment.")
}

fn days(http: &HttpRequest) -> Result<Days, ApiError> {
    let DaysQuery { since, until } = query(http)?;
    let time = |field: &str, text: Option<String>| text.map(|text| read_time(field, &text)).transpose();
    let until = time("until", until)?.unwrap_or_else(clock::wall);
    let since = time("since", since)?.unwrap_or_else(|| until.saturating_sub(SHOWN));
    if since >= until {
        return Err(ApiError::schema("since", "'since' must be before 'until'."));
    }
    Ok(Days::of(since, until))
}

fn source(source: SourceShown) -> DmarcSource {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let SourceShown { total, quarantined: quarantine, rejected: reject, .. } = source;
    DmarcSource {
        source_ip: some(source.ip),
        name: some(source.name),
        total,
        aligned: source.aligned,
        dkim_aligned: source.dkim,
        spf_aligned: source.spf,
        disposition: Dispositions {
            none: total.saturating_sub(quarantine).saturating_sub(reject),
            quarantine,
            reject,
        },
        first_day: day(source.first),
        last_day: day(source.last),
    }
}

fn report(report: ReportShown) -> DmarcReport {
    DmarcReport {
        organization: report.organization,
        email: report.email,
        report_id: report.id,
        domain: report.domain,
        policy: report.policy,
        begin: Moment::from(report.begin),
        end: Moment::from(report.end),
        received: Moment::from(report.received),
        total: report.total,
        aligned: report.aligned,
    }
}

fn sessions(row: TlsShown) -> TlsSessions {
    let TlsShown { day: at, policy, result, sessions } = row;
    TlsSessions { day: day(at), policy_type: policy, result_type: result, sessions }
}

/// A day as `2026-11-21`.
fn day(at: UnixMillis) -> String {
    at.to_string().chars().take(10).collect()
}
