//! Prometheus' promtool(1) as the judge of our metrics and of the alert rules made for them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use crate::error::{Context, Result};
use crate::fetched;

/// Beneath the folder of fetched programs.
pub(crate) const PROMTOOL: &str = "usr/bin/promtool";

/// Has a text of `GET /metrics` parsed and held against the rules of good metrics: help for each, names
/// with base units, `_total` for counters and for nothing else.
///
/// # Errors
/// [`crate::Error::Unexpected`] with the complaints.
pub fn check_metrics(text: &str) -> Result<()> {
    let files = tempfile::tempdir().context("make a temporary folder")?;
    let path = files.path().join("metrics");
    fs::write(&path, text).context("write the metrics")?;
    let input = File::open(&path).context("open the metrics")?;
    fetched::output_of(fetched::command(PROMTOOL).args(["check", "metrics"]).stdin(Stdio::from(input)))
        .map(|_| ())
}

/// Has a file of rules checked.
///
/// # Errors
/// [`crate::Error::Unexpected`] with the complaints.
pub fn check_rules(rules: &Path) -> Result<()> {
    fetched::output_of(fetched::command(PROMTOOL).args(["check", "rules"]).arg(rules)).map(|_| ())
}

/// Runs a file of unit tests of rules; the rules it names are looked for beside it.
///
/// # Errors
/// [`crate::Error::Unexpected`] with the differences between what was expected and what came.
pub fn test_rules(tests: &Path) -> Result<()> {
    fetched::output_of(fetched::command(PROMTOOL).args(["test", "rules"]).arg(tests)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::{Need, skip_without};

    const GOOD: &str = "# HELP a_total What is counted.\n# TYPE a_total counter\na_total{x=\"y\"} 1\n";

    const RULES: &str = "groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n";

    fn tests_that_expect(alerts: &str) -> String {
        format!(
            "rule_files: [rules.yml]\ntests:\n- input_series: [{{series: up, values: '0 0'}}]\n  \
             alert_rule_test:\n  - {{eval_time: 1m, alertname: Down, exp_alerts: {alerts}}}\n"
        )
    }

    #[test]
    fn judges_metrics() -> Result<()> {
        if skip_without(&[Need::Promtool]) {
            return Ok(());
        }
        check_metrics(GOOD)?;
        assert!(check_metrics("a_total{ 1\n").is_err(), "not the text format");
        assert!(check_metrics("# TYPE a counter\na 1\n").is_err(), "a counter without _total and help");
        Ok(())
    }

    #[test]
    fn judges_rules_and_runs_their_tests() -> Result<()> {
        if skip_without(&[Need::Promtool]) {
            return Ok(());
        }
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let file = |name: &str, text: &str| {
            let path = files.path().join(name);
            fs::write(&path, text).context(name).map(|()| path)
        };
        check_rules(&file("rules.yml", RULES)?)?;
        assert!(check_rules(&file("bad.yml", &RULES.replace("== 0", "== "))?).is_err());
        test_rules(&file("test.yml", &tests_that_expect("[{}]"))?)?;
        assert!(test_rules(&file("failing.yml", &tests_that_expect("[]"))?).is_err());
        Ok(())
    }
}
