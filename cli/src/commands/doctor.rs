//! `mailwright doctor`

mod known;
mod story;
mod tree;

use super::{CommandError, say, say_error};
use crate::{config::Config, control_client::Place};
use known::Known;
use mailwright_actors::{
    dns::HickoryDns,
    dns_check::DnsCheck,
    tls::{ClientConfigs, PolicyClient},
};
use mailwright_engine::{
    address::Domain,
    domain_dns::{
        BlockLists, DEFAULT_TTL, DkimRole, DomainKey, Examination, OwnAddress, SendingDomain, SendingName,
        SpfAuthority, Subject, examine,
    },
};
use std::{net::IpAddr, net::SocketAddr, process::ExitCode, rc::Rc, str::FromStr};

/// What to look at, and what is expected of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The domain that sends, or `*.` and the domain beneath which others do
    domain: String,
    /// A selector of its DKIM keys, `SELECTOR` or `SELECTOR=RECORD` with the TXT record that should be there; repeatable
    /// [default: those of the running server]
    #[arg(long = "selector", value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// Its return-path domain [default: that of the running server, or cf-bounce.DOMAIN]
    #[arg(long, value_name = "DOMAIN")]
    return_path: Option<String>,
    /// The SPF record that has to be included, if one names our hosts
    #[arg(long, value_name = "NAME")]
    include: Option<String>,
    /// A host that has to take its bounces; repeatable [default: those of the running server]
    #[arg(long, value_name = "HOST")]
    mx: Vec<String>,
    /// An address that mail goes out from, `ADDRESS` or `ADDRESS=EHLO-NAME`; repeatable [default: the configured
    /// sources]
    #[arg(long = "address", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// A name server to ask, as 192.0.2.53:53; repeatable [default: the configured ones]
    #[arg(long = "resolver", value_name = "ADDRESS")]
    resolvers: Vec<SocketAddr>,
    /// A block list to ask about addresses; repeatable [default: the configured ones]
    #[arg(long = "block-list", value_name = "ZONE")]
    block_lists: Vec<String>,
    /// Ask no block lists
    #[arg(long, conflicts_with = "block_lists")]
    no_block_lists: bool,
    #[command(flatten)]
    place: Place,
}

/// Looks at the domain and tells; the exit code is 1 if something must be mended, and 2 if nobody could look.
pub(crate) fn main(args: &Args) -> ExitCode {
    match run(args) {
        Ok(examination) if examination.must_be_mended() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Examination, CommandError> {
    let config = args.place.config()?;
    let subject = args.subject(&config)?;
    let resolvers = if args.resolvers.is_empty() { &config.dns.servers } else { &args.resolvers };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let examination = runtime.block_on(look(&subject, resolvers, &config))?;
    if args.place.json {
        super::say_json(&serde_json::to_value(&examination)?)?;
    } else {
        say(&story::of(&examination))?;
    }
    Ok(examination)
}

async fn look(
    subject: &Subject,
    resolvers: &[SocketAddr],
    config: &Config,
) -> Result<Examination, CommandError> {
    let dns = HickoryDns::fresh(resolvers, &config.anchors()).map_err(CommandError::Invalid)?;
    let dns = Rc::new(dns);
    let configs = ClientConfigs::new(&config.roots())?;
    let policies = PolicyClient::new(Rc::clone(&dns) as Rc<_>, &configs, config.policy_fetch());
    Ok(DnsCheck::new(dns, Some(policies)).run(|lookups| examine(subject, lookups)).await)
}

impl Args {
    fn subject(&self, config: &Config) -> Result<Subject, CommandError> {
        let name = SendingName::parse(&self.domain)?;
        let known = if self.selectors.is_empty() {
            known::known(&self.place.client()?, &name.to_string())?
        } else {
            Known::default()
        };
        let return_path = match (&self.return_path, known.return_path) {
            (Some(domain), _) => Domain::parse(domain)?,
            (None, Some(domain)) => domain,
            (None, None) => Domain::parse(&format!("cf-bounce.{}", name.base()))?,
        };
        let key = |text: &String| match text.split_once('=') {
            Some((selector, record)) => DomainKey::new(selector, Some(record.to_owned()), DkimRole::Signing),
            None => DomainKey::new(text, None, DkimRole::Signing),
        };
        let domain = SendingDomain {
            name,
            return_path,
            keys: if self.selectors.is_empty() {
                known.keys
            } else {
                self.selectors.iter().map(key).collect::<Result<_, _>>()?
            },
            spf: match &self.include {
                Some(include) => Some(SpfAuthority::include(include)?),
                None => config.sending()?.records.spf,
            },
            mx: if self.mx.is_empty() {
                known.mx
            } else {
                self.mx.iter().map(|host| Domain::parse(host)).collect::<Result<_, _>>()?
            },
            dmarc: None,
            ttl: DEFAULT_TTL,
        };
        let routing = known.routing.map(|routing| routing.described(config)).transpose()?;
        let (addresses, block_lists) = (self.own_addresses(config)?, self.block_lists(config));
        Ok(Subject { domain, routing, addresses, block_lists })
    }

    fn own_addresses(&self, config: &Config) -> Result<Vec<OwnAddress>, CommandError> {
        let hostname = config.hostname();
        if self.addresses.is_empty() {
            return configured_addresses(config, &hostname);
        }
        let read = |text: &String| {
            let (address, ehlo) = text.split_once('=').unwrap_or((text, &hostname));
            let wrong = |_| CommandError::Invalid(format!("--address {text}: {address:?} is no IP address"));
            Ok(OwnAddress { address: IpAddr::from_str(address).map_err(wrong)?, ehlo: ehlo.to_owned() })
        };
        self.addresses.iter().map(read).collect()
    }

    fn block_lists(&self, config: &Config) -> BlockLists {
        if self.no_block_lists {
            return BlockLists::default();
        }
        if !self.block_lists.is_empty() {
            return BlockLists { addresses: self.block_lists.clone(), domains: Vec::new() };
        }
        BlockLists {
            addresses: config.dns.block_lists.clone(),
            domains: config.dns.domain_block_lists.clone(),
        }
    }
}

/// The addresses of the configured sources that others can see.
fn configured_addresses(config: &Config, hostname: &str) -> Result<Vec<OwnAddress>, CommandError> {
    let settings = config.delivery()?;
    let mut own = Vec::new();
    for source in settings.sources.all() {
        let addresses = source.ipv4.map(IpAddr::V4).into_iter().chain(source.ipv6.map(IpAddr::V6));
        let ehlo = source.ehlo.as_deref().unwrap_or(hostname);
        let seen = addresses.filter(|address| !address.is_unspecified() && !address.is_loopback());
        own.extend(seen.map(|address| OwnAddress { address, ehlo: ehlo.to_owned() }));
    }
    Ok(own)
}
