//! The domain that somebody registered, of a host name: what URI block lists have entries for.
//!
//! Without a list of public suffixes, which changes by the week: below a country, labels that registries use for their
//! second level (`co.uk`, `com.br`) are passed over. A domain that is cut too short is on no list, one that is cut too
//! long is asked about by a name that lists with wildcards answer too; neither makes a false hit.

/// Second levels that registries below countries sell names under.
const SECOND_LEVELS: [&str; 28] = [
    "ac", "asn", "asso", "biz", "co", "com", "ed", "edu", "firm", "gen", "go", "gob", "gouv", "gov", "govt",
    "id", "ind", "info", "ltd", "me", "mil", "ne", "net", "nom", "or", "org", "plc", "sch",
];

/// The registered domain of a host name in ASCII without a final dot; `None` for a single label.
pub(super) fn registered(host: &str) -> Option<&str> {
    let dots: Vec<usize> = host.rmatch_indices('.').map(|(at, _)| at).collect();
    let last = *dots.first()?;
    let top = host.get(last + 1..)?;
    let Some(&second) = dots.get(1) else { return Some(host) };
    let second_level = host.get(second + 1..last)?;
    let is_shared = top.len() == 2 && SECOND_LEVELS.contains(&second_level);
    if !is_shared {
        return host.get(second + 1..);
    }
    let third = dots.get(2).map_or(0, |at| at + 1);
    host.get(third..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_somebody_registered() {
        let cases = [
            ("example.com", Some("example.com")),
            ("a.b.example.com", Some("example.com")),
            ("www.shop.co.uk", Some("shop.co.uk")),
            ("shop.co.uk", Some("shop.co.uk")),
            ("a.b.loja.com.br", Some("loja.com.br")),
            ("co.uk", Some("co.uk")),
            ("www.co.example", Some("co.example")),
            ("localhost", None),
        ];
        for (host, registered_domain) in cases {
            assert_eq!(registered(host), registered_domain, "{host}");
        }
    }
}
