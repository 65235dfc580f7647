//! `POST /points` of an Analytics Engine binding: what `js/analytics.mjs` has gathered.

use super::refusal::Refusal;
use serde::Deserialize;

/// Most octets of a request.
pub(super) const BODY_MAX: usize = 8 << 20;
/// Most points of a request: what an event may write.
const MOST: usize = 250;

/// A point as it comes.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Point {
    /// What it is sampled by.
    #[serde(default)]
    pub(super) indexes: Vec<String>,
    /// Its texts.
    #[serde(default)]
    pub(super) blobs: Vec<String>,
    /// Its numbers.
    #[serde(default)]
    pub(super) doubles: Vec<f64>,
}

/// Reads the points of a request.
///
/// # Errors
/// When they are none, or too many.
pub(super) fn read(body: &[u8]) -> Result<Vec<Point>, Refusal> {
    let points: Vec<Point> = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad(format!("The data points cannot be read: {error}.")))?;
    if points.len() > MOST {
        return Err(Refusal::too_large(format!("At most {MOST} data points can be written at once.")));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_lists_that_may_be_missing() {
        let points = read(br#"[{"blobs":["a"],"doubles":[1,2.5]},{}]"#).unwrap();
        assert_eq!((points[0].doubles.as_slice(), points[0].blobs.len()), (&[1.0, 2.5][..], 1));
        assert_eq!(points[1], Point { indexes: vec![], blobs: vec![], doubles: vec![] });
        assert!(read(br#"[{"doubles":["1"]}]"#).is_err());
        assert!(read(br#"{"blobs":[]}"#).is_err());
        assert!(read(format!("[{}]", vec!["{}"; 251].join(",")).as_bytes()).is_err());
    }
}
