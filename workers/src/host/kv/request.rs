//! What the runtime asks of a namespace: paths, queries and header fields, as it writes them for `env.KV`.

use crate::host::refusal::Refusal;
use hyper::{Method, StatusCode, Uri, header::HeaderMap};
use mailwright_engine::time::UnixMillis;
use serde::Deserialize;

/// Most octets of a key.
const KEY_MAX: usize = 512;
/// Most octets of the metadata of a key.
const METADATA_MAX: usize = 1_024;
/// Shortest time that a key is kept.
const SHORTEST: u64 = 60;
/// Shortest time that the service would remember a value near its readers; there is nothing to remember here.
const CACHE_SHORTEST: u64 = 30;
/// Most keys of a list.
const LIST_MAX: usize = 1_000;
/// Most keys that are read at once.
const BULK_MAX: usize = 100;
/// The header field with a value's metadata: JSON.
pub(super) const METADATA: &str = "cf-kv-metadata";

/// A request, checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KvRequest {
    /// The value of a key.
    Get { key: String },
    /// A new value, the body of the request.
    Put { key: String, expires: Option<UnixMillis>, metadata: Option<String> },
    /// No value any more.
    Delete { key: String },
    /// Keys in their order.
    List { prefix: String, limit: usize, cursor: Option<String> },
    /// Values of keys that the body names.
    Bulk,
}

impl KvRequest {
    /// Reads a request that came at `now`.
    ///
    /// # Errors
    /// When it asks for what there is not, in the service's words.
    pub(super) fn read(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        now: UnixMillis,
    ) -> Result<Self, Refusal> {
        let query = Query::read(uri.query().unwrap_or_default());
        let path = uri.path().strip_prefix('/').unwrap_or_default();
        match *method {
            Method::GET if path.is_empty() => query.list(),
            Method::POST if path == "bulk/get" => Ok(Self::Bulk),
            Method::GET => {
                query.cache_ttl()?;
                Ok(Self::Get { key: key(path)? })
            }
            Method::PUT => {
                Ok(Self::Put { key: key(path)?, expires: query.expires(now)?, metadata: metadata(headers)? })
            }
            Method::DELETE => Ok(Self::Delete { key: key(path)? }),
            _ => Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "A namespace has no such method.")),
        }
    }
}

/// The body of `POST /bulk/get`.
#[derive(Debug, Deserialize)]
pub(super) struct BulkBody {
    /// Which.
    pub(super) keys: Vec<String>,
    /// `text`, which is what it is if nothing is said, or `json`.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Whether metadata are wanted, too.
    #[serde(default, rename = "withMetadata")]
    pub(super) with_metadata: bool,
}

impl BulkBody {
    /// Reads it.
    ///
    /// # Errors
    /// For keys that cannot be and kinds that are none.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let read: Self = serde_json::from_slice(body)
            .map_err(|error| Refusal::bad(format!("The list of keys cannot be read: {error}.")))?;
        if read.keys.len() > BULK_MAX {
            return Err(Refusal::bad(format!("You can request a maximum of {BULK_MAX} keys")));
        }
        if read.keys.is_empty() {
            return Err(Refusal::bad("You must request a minimum of 1 key"));
        }
        if let Some(kind) = read.kind.as_deref().filter(|kind| !matches!(*kind, "text" | "json")) {
            return Err(Refusal::bad(format!("\"{kind}\" is not a valid type. Use \"json\" or \"text\"")));
        }
        read.keys.iter().try_for_each(|key| checked(key))?;
        Ok(read)
    }

    /// Whether values are to be read as JSON.
    pub(super) fn is_json(&self) -> bool {
        self.kind.as_deref() == Some("json")
    }
}

/// The parts of a query that mean something.
#[derive(Default)]
struct Query {
    expiration: Option<String>,
    expiration_ttl: Option<String>,
    cache_ttl: Option<String>,
    limit: Option<String>,
    prefix: Option<String>,
    cursor: Option<String>,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let place = match &*name {
                "expiration" => &mut query.expiration,
                "expiration_ttl" => &mut query.expiration_ttl,
                "cache_ttl" => &mut query.cache_ttl,
                "key_count_limit" => &mut query.limit,
                "prefix" => &mut query.prefix,
                "cursor" => &mut query.cursor,
                _ => continue,
            };
            *place = Some(value.into_owned());
        }
        query
    }

    /// When a value goes.
    fn expires(&self, now: UnixMillis) -> Result<Option<UnixMillis>, Refusal> {
        let today = now.as_secs();
        let at = if let Some(text) = &self.expiration_ttl {
            let ttl = positive(text).ok_or_else(|| {
                let why = "Please specify integer greater than 0.";
                Refusal::bad(format!("Invalid expiration_ttl of {text}. {why}"))
            })?;
            if ttl < SHORTEST {
                let why = format!("Expiration TTL must be at least {SHORTEST}.");
                return Err(Refusal::bad(format!("Invalid expiration_ttl of {text}. {why}")));
            }
            today.saturating_add(ttl)
        } else if let Some(text) = &self.expiration {
            let at = positive(text).filter(|at| *at > today).ok_or_else(|| {
                let why =
                    "Please specify integer greater than the current number of seconds since the UNIX epoch.";
                Refusal::bad(format!("Invalid expiration of {text}. {why}"))
            })?;
            if at < today + SHORTEST {
                let why = format!("Expiration times must be at least {SHORTEST} seconds in the future.");
                return Err(Refusal::bad(format!("Invalid expiration of {text}. {why}")));
            }
            at
        } else {
            return Ok(None);
        };
        Ok(Some(UnixMillis::new(at.saturating_mul(1_000))))
    }

    fn cache_ttl(&self) -> Result<(), Refusal> {
        match &self.cache_ttl {
            Some(text) if positive(text).is_none_or(|ttl| ttl < CACHE_SHORTEST) => {
                let why = format!("Cache TTL must be at least {CACHE_SHORTEST}.");
                Err(Refusal::bad(format!("Invalid cache_ttl of {text}. {why}")))
            }
            _ => Ok(()),
        }
    }

    fn list(self) -> Result<KvRequest, Refusal> {
        let limit = match &self.limit {
            None => LIST_MAX,
            Some(text) => {
                let limit = positive(text).and_then(|limit| usize::try_from(limit).ok());
                limit.filter(|limit| *limit <= LIST_MAX).ok_or_else(|| {
                    let why = format!("Please specify an integer from 1 to {LIST_MAX}.");
                    Refusal::bad(format!("Invalid key_count_limit of {text}. {why}"))
                })?
            }
        };
        let prefix = self.prefix.unwrap_or_default();
        not_too_long(&prefix)?;
        Ok(KvRequest::List { prefix, limit, cursor: self.cursor.filter(|cursor| !cursor.is_empty()) })
    }
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

/// A key out of a path.
fn key(path: &str) -> Result<String, Refusal> {
    let key = percent_encoding(path).ok_or_else(|| Refusal::bad("Could not URL-decode key name"))?;
    checked(&key)?;
    Ok(key)
}

/// What stands behind `%`, and everything else as it is; `None` if that is no UTF-8.
fn percent_encoding(path: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = [*high, *low];
                octets.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(&digits).ok()?);
                tail
            }
            (b'%', _) => return None,
            (octet, tail) => {
                octets.push(*octet);
                tail
            }
        };
    }
    String::from_utf8(octets).ok()
}

fn checked(key: &str) -> Result<(), Refusal> {
    match key {
        "" => Err(Refusal::bad("Key names must not be empty")),
        "." | ".." => Err(Refusal::bad(format!("Illegal key name \"{key}\". Please use a different name."))),
        _ => not_too_long(key),
    }
}

fn not_too_long(key: &str) -> Result<(), Refusal> {
    let length = key.len();
    if length <= KEY_MAX {
        return Ok(());
    }
    let why = format!("UTF-8 encoded length of {length} exceeds key length limit of {KEY_MAX}.");
    Err(Refusal::new(StatusCode::URI_TOO_LONG, why))
}

fn metadata(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(field) = headers.get(METADATA) else { return Ok(None) };
    let length = field.len();
    if length > METADATA_MAX {
        return Err(Refusal::too_large(format!(
            "Metadata length of {length} exceeds limit of {METADATA_MAX}."
        )));
    }
    let text = str::from_utf8(field.as_bytes()).ok();
    let text = text.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
    let text = text.ok_or_else(|| Refusal::bad("The metadata are no JSON."))?;
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn read(method: &Method, uri: &str) -> Result<KvRequest, Refusal> {
        KvRequest::read(method, &uri.parse().unwrap(), &HeaderMap::new(), UnixMillis::new(1_000_000))
    }

    #[test]
    fn a_key_may_be_any_text_however_it_is_written() {
        for (path, key) in [
            ("/a%20b%2F%C3%BC?urlencoded=true", "a b/\u{fc}"),
            ("/..%2Fbulk%2Fget?urlencoded=true", "../bulk/get"),
            ("/x%252f%3F&%23?urlencoded=true", "x%2f?&#"),
            ("/a+b?urlencoded=true", "a+b"),
        ] {
            assert_eq!(read(&Method::GET, path), Ok(KvRequest::Get { key: key.to_owned() }));
        }
        assert_eq!(read(&Method::POST, "/bulk/get"), Ok(KvRequest::Bulk));
    }

    #[test]
    fn keys_that_cannot_be_are_refused_in_the_words_of_the_service() {
        let long = format!("/{}", "x".repeat(513));
        let why = |uri: &str| read(&Method::PUT, uri).unwrap_err().to_string();
        assert_eq!(
            why(&long),
            "414 URI Too Long: UTF-8 encoded length of 513 exceeds key length limit of 512."
        );
        assert!(why("/x%ED%A0%80y").contains("URL-decode"), "a lone surrogate");
        assert!(why("/x%2").contains("URL-decode"));
        assert!(why("/%2E").contains("Illegal key name \".\""));
        assert!(why("/").contains("must not be empty"));
    }

    #[test]
    fn a_value_goes_a_minute_from_now_at_the_earliest() {
        let expires = |query: &str| match read(&Method::PUT, &format!("/k?{query}")) {
            Ok(KvRequest::Put { expires, .. }) => Ok(expires.map(UnixMillis::as_secs)),
            other => Err(format!("{other:?}")),
        };
        assert_eq!(expires("urlencoded=true"), Ok(None));
        assert_eq!(expires("expiration_ttl=60"), Ok(Some(1_060)));
        assert_eq!(expires("expiration=2000&expiration_ttl=90"), Ok(Some(1_090)));
        assert_eq!(expires("expiration=1060"), Ok(Some(1_060)));
        for query in
            ["expiration_ttl=59", "expiration_ttl=0", "expiration_ttl=x", "expiration=1059", "expiration=7"]
        {
            assert!(expires(query).is_err(), "{query}");
        }
        assert!(expires(&format!("expiration_ttl={}", u64::MAX)).is_ok());
    }

    #[test]
    fn a_list_has_a_thousand_keys_at_most() {
        let list = |uri: &str| read(&Method::GET, uri);
        let all = KvRequest::List { prefix: String::new(), limit: 1_000, cursor: None };
        assert_eq!(list("/"), Ok(all));
        let some = KvRequest::List { prefix: "a \u{fc}".to_owned(), limit: 3, cursor: Some("zz".to_owned()) };
        assert_eq!(list("/?key_count_limit=3&prefix=a+%C3%BC&cursor=zz"), Ok(some));
        for query in ["key_count_limit=0", "key_count_limit=1001", "key_count_limit=-1"] {
            assert!(list(&format!("/?{query}")).is_err(), "{query}");
        }
    }

    #[test]
    fn metadata_are_json_within_a_bound() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(METADATA, HeaderValue::from_bytes(value).unwrap());
            metadata(&headers)
        };
        assert_eq!(read("{\"x\":\"\u{fc}\"}".as_bytes()), Ok(Some("{\"x\":\"\u{fc}\"}".to_owned())));
        assert!(read(b"{").is_err());
        assert!(read(b"\"\xff\"").is_err());
        assert!(read(format!("\"{}\"", "x".repeat(1_023)).as_bytes()).is_err());
    }

    #[test]
    fn a_hundred_keys_are_read_at_once_at_most() {
        let body = |keys: usize| serde_json::json!({ "keys": vec!["k"; keys] }).to_string();
        assert!(BulkBody::read(body(100).as_bytes()).is_ok());
        assert!(BulkBody::read(body(101).as_bytes()).is_err());
        assert!(BulkBody::read(body(0).as_bytes()).is_err());
        assert!(BulkBody::read(br#"{"keys":["."]}"#).is_err());
        assert!(BulkBody::read(br#"{"keys":["a"],"type":"stream"}"#).is_err());
        assert!(BulkBody::read(br#"{"keys":["a"],"type":"json","withMetadata":true}"#).unwrap().is_json());
    }
}
