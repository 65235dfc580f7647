//! The section `[traces]`.

use super::{Config, ConfigError, invalid};
use crate::node::{Addresses, TraceSettings};
use hyper::{
    Uri,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use mailwright_actors::{https::ChosenHost, tls::ClientConfigs};
use serde::Deserialize;
use std::fmt::Display;

/// What OpenTelemetry calls the place of traces, and of everything.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Traces {
    pub(crate) endpoint: String,
    pub(crate) headers_file: String,
    pub(crate) sample: f64,
    pub(crate) addresses: bool,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: String::new(), headers_file: String::new(), sample: 1.0, addresses: false }
    }
}

impl Config {
    /// Where traces go and what is in them; `None` if nobody wants them.
    pub(crate) fn traces(&self) -> Result<Option<TraceSettings>, ConfigError> {
        self.traces_in(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same with the variables of this environment.
    fn traces_in(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<TraceSettings>, ConfigError> {
        let Traces { sample, addresses, .. } = self.traces;
        if !(0.0..=1.0).contains(&sample) {
            return Err(invalid("traces.sample", &sample, &"from 0.0 (none) to 1.0 (all)"));
        }
        let headers = self.trace_headers()?;
        let Some(endpoint) = self.trace_endpoint(variable) else { return Ok(None) };
        let wrong = |error: &dyn Display| invalid("traces.endpoint", &endpoint, error);
        let url: Uri = endpoint.parse().map_err(|error| wrong(&error))?;
        let tls = ClientConfigs::new(&self.roots()).map_err(|error| wrong(&error))?;
        let host = ChosenHost::of(&url, tls.https()).map_err(|error| wrong(&error))?;
        let addresses = if addresses { Addresses::Shown } else { Addresses::LeftOut };
        Ok(Some(TraceSettings { url, host, headers, sample, addresses, hostname: self.hostname() }))
    }

    /// The configured place, or that of the environment (OpenTelemetry, "Endpoint URLs for OTLP/HTTP").
    fn trace_endpoint(&self, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        if !self.traces.endpoint.is_empty() {
            return Some(self.traces.endpoint.clone());
        }
        let [of_traces, of_all] = ENDPOINTS;
        let base = || variable(of_all).map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
        variable(of_traces).or_else(base)
    }

    /// The header fields in the file, a line each. Errors do not repeat them: they are secret.
    fn trace_headers(&self) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        let file = &self.traces.headers_file;
        if file.is_empty() {
            return Ok(headers);
        }
        let wrong = |error: &dyn Display| invalid("traces.headers_file", file, error);
        let text = std::fs::read_to_string(self.beside(file)).map_err(|error| wrong(&error))?;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let header = line.split_once(':').and_then(|(name, value)| {
                let name = name.trim().parse::<HeaderName>().ok()?;
                Some((name, value.trim().parse::<HeaderValue>().ok()?))
            });
            let Some((name, mut value)) = header else {
                return Err(wrong(&format!("line {number} is not of the form Name: value")));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    fn endpoint(text: &str, variables: &[(&str, &str)]) -> Option<String> {
        let of = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        config(text).traces_in(of).unwrap().map(|settings| settings.url.to_string())
    }

    #[test]
    fn nobody_is_told_unless_the_file_or_the_environment_names_somebody() {
        let [of_traces, of_all] = ENDPOINTS;
        assert_eq!(endpoint("", &[]), None);
        let all = (of_all, "http://collector.example:4318/");
        assert_eq!(endpoint("", &[all]).unwrap(), "http://collector.example:4318/v1/traces");
        let traces = (of_traces, "http://collector.example/here");
        assert_eq!(endpoint("", &[all, traces]).unwrap(), "http://collector.example/here");
        let file = "[traces]\nendpoint = \"http://127.0.0.1:4318/v1/traces\"";
        assert_eq!(endpoint(file, &[all, traces]).unwrap(), "http://127.0.0.1:4318/v1/traces");
    }

    #[test]
    fn header_fields_are_read_from_a_file_and_never_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headers");
        let mut config = config("[traces]\nheaders_file = \"headers\"");
        config.folder = folder.path().to_path_buf();
        std::fs::write(&file, "Authorization: Basic c2VjcmV0\n\nx-tenant: one\n").unwrap();
        let headers = config.trace_headers().unwrap();
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["authorization"], "Basic c2VjcmV0");
        assert!(!format!("{headers:?}").contains("c2VjcmV0"));
        std::fs::write(&file, "x-tenant: one\nBasic c2VjcmV0\n").unwrap();
        let error = config.trace_headers().unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("c2VjcmV0"), "{error}");
    }
}
