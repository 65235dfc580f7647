//! Reading `GET /metrics` (Prometheus' text format).

use std::collections::HashMap;

/// The series of a page that somebody asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct MetricsPage(HashMap<String, Vec<Series>>);

#[derive(Debug, Clone)]
struct Series {
    /// As they stand between the braces.
    labels: String,
    value: f64,
}

impl MetricsPage {
    /// Reads those series of `text` whose names are `wanted`. What is not understood is left out.
    pub(super) fn read(text: &str, wanted: &[&str]) -> Self {
        let mut page: HashMap<String, Vec<Series>> = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let Ok(value) = value.parse() else { continue };
            if wanted.contains(&name) {
                let labels = labels.trim_end_matches('}').to_owned();
                page.entry(name.to_owned()).or_default().push(Series { labels, value });
            }
        }
        Self(page)
    }

    /// The sum of a metric over its labels; 0 if it is not there.
    pub(super) fn sum(&self, name: &str) -> f64 {
        // An empty sum of floating-point numbers is a negative zero.
        self.of(name).iter().map(|series| series.value).fold(0.0, |sum, value| sum + value)
    }

    /// The sum of those series of a metric whose label is one of `values`.
    pub(super) fn sum_where(&self, name: &str, label: &str, values: &[&str]) -> f64 {
        let matching = self
            .of(name)
            .iter()
            .filter(|series| series.label(label).is_some_and(|found| values.contains(&found)));
        matching.map(|series| series.value).fold(0.0, |sum, value| sum + value)
    }

    /// The buckets of a histogram over its labels: each bound with how many were not above it, the least first.
    pub(super) fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for series in self.of(&format!("{name}_bucket")) {
            let Some(bound) = series.label("le").and_then(|bound| bound.parse::<f64>().ok()) else {
                continue;
            };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += series.value,
                None => buckets.push((bound, series.value)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        buckets
    }

    fn of(&self, name: &str) -> &[Series] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Series {
    /// The value of a label; ours hold no quotes.
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.split("\",").find_map(|label| {
            let (known, value) = label.split_once("=\"")?;
            (known.trim() == name).then(|| value.trim_end_matches('"'))
        })
    }
}

/// The value below which the share `part` of what was counted between two readings of a histogram lies, as Prometheus
/// estimates it; `None` if nothing was counted.
pub(super) fn quantile(part: f64, before: &[(f64, f64)], after: &[(f64, f64)]) -> Option<f64> {
    let earlier =
        |bound: f64| before.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, count)| *count);
    let counted: Vec<(f64, f64)> =
        after.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect();
    let all = counted.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    let wanted = all * part;
    let at = counted.iter().position(|(_, count)| *count >= wanted)?;
    let (above, count) = *counted.get(at)?;
    let (below, fewer) = at.checked_sub(1).and_then(|at| counted.get(at)).copied().unwrap_or((0.0, 0.0));
    // Beyond the last bound nothing is known.
    if above.is_infinite() {
        return Some(below);
    }
    let inside = if count > fewer { (wanted - fewer) / (count - fewer) } else { 1.0 };
    Some(below + (above - below) * inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP a What.\n# TYPE a counter\na{x=\"1\",y=\"p\"} 2\na{x=\"2\",y=\"p\"} 3.5\nb 7\nodd line\n\
        c NaNs\nunwanted 9\nh_bucket{k=\"s\",le=\"0.1\"} 1\nh_bucket{k=\"s\",le=\"1\"} 3\nh_bucket{k=\"s\",le=\"+Inf\"} 4\n\
        h_bucket{k=\"t\",le=\"0.1\"} 1\nh_bucket{k=\"t\",le=\"1\"} 1\nh_bucket{k=\"t\",le=\"+Inf\"} 1\nh_sum 3\n";

    #[test]
    fn series_are_summed_over_labels_or_those_that_match() {
        let page = MetricsPage::read(PAGE, &["a", "b", "c", "h_bucket"]);
        assert_eq!([page.sum("a"), page.sum("b"), page.sum("c"), page.sum("unwanted")], [5.5, 7.0, 0.0, 0.0]);
        assert_eq!([page.sum_where("a", "x", &["2"]), page.sum_where("a", "y", &["p"])], [3.5, 5.5]);
        assert_eq!(page.sum_where("a", "x", &["3", "4"]), 0.0);
        assert_eq!(page.buckets("h"), [(0.1, 2.0), (1.0, 4.0), (f64::INFINITY, 5.0)]);
    }

    #[test]
    fn a_quantile_is_of_what_was_counted_between_two_readings() {
        let before = [(1.0, 10.0), (2.0, 10.0), (f64::INFINITY, 10.0)];
        let after = [(1.0, 10.0), (2.0, 18.0), (f64::INFINITY, 20.0)];
        assert_eq!(quantile(0.5, &before, &after), Some(1.625));
        assert_eq!(quantile(0.99, &before, &after), Some(2.0), "the last bound that is known");
        assert_eq!(quantile(0.5, &after, &after), None);
        assert_eq!(quantile(0.5, &[], &after), Some(1.0));
        assert_eq!(quantile(0.5, &[], &[]), None);
    }
}
