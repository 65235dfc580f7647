//! `POST /points` of an Analytics Engine binding: what `js/analytics.mjs` has gathered.

use super::refusal::Refusal;
use mailwright_storage::workers::DataPoint;
use serde::Deserialize;

/// Most octets of a request.
pub(super) const BODY_MAX: usize = 8 << 20;
/// Most points of a request: what an event may write.
const MOST: usize = 250;

/// A point as it comes.
#[derive(Deserialize)]
struct Point {
    #[serde(default)]
    indexes: Vec<String>,
    #[serde(default)]
    blobs: Vec<Option<Blob>>,
    #[serde(default)]
    doubles: Vec<f64>,
}

/// One of a point's blobs.
#[derive(Deserialize)]
#[serde(untagged)]
enum Blob {
    Text(String),
    Octets { base64: String },
}

/// Reads the points of a request.
///
/// # Errors
/// When they are none, or too many.
pub(super) fn read(body: &[u8]) -> Result<Vec<DataPoint>, Refusal> {
    let points: Vec<Point> = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad(format!("The data points cannot be read: {error}.")))?;
    if points.len() > MOST {
        return Err(Refusal::too_large(format!("At most {MOST} data points can be written at once.")));
    }
    points.into_iter().map(Point::read).collect()
}

impl Point {
    fn read(self) -> Result<DataPoint, Refusal> {
        let octets = |blob| match blob {
            Blob::Text(text) => Ok(text.into_bytes()),
            Blob::Octets { base64 } => data_encoding::BASE64
                .decode(base64.as_bytes())
                .map_err(|error| Refusal::bad(format!("A blob is not base64: {error}."))),
        };
        let blobs =
            self.blobs.into_iter().map(|blob| blob.map(octets).transpose()).collect::<Result<_, _>>()?;
        Ok(DataPoint { blobs, doubles: self.doubles, indexes: self.indexes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_lists_that_may_be_missing() {
        let points = read(br#"[{"blobs":["a",null,{"base64":"/wA="}],"doubles":[1,2.5]},{}]"#).unwrap();
        let blobs = vec![Some(b"a".to_vec()), None, Some(vec![255, 0])];
        assert_eq!(points[0], DataPoint { blobs, doubles: vec![1.0, 2.5], indexes: vec![] });
        assert_eq!(points[1], DataPoint::default());
    }

    #[test]
    fn what_is_no_point_is_refused() {
        for body in [r#"[{"doubles":["1"]}]"#, r#"{"blobs":[]}"#, r#"[{"blobs":[{"base64":"*"}]}]"#, "["] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(read(format!("[{}]", vec!["{}"; 251].join(",")).as_bytes()).is_err());
    }
}
