//! `env.KV`: the runtime's protocol of namespaces, in front of [`KvStore`].
//!
//! What a Worker's code hears of an error is `KV PUT failed: ` with the status and the sentence of its [`Refusal`].

mod request;

use super::{
    Services,
    refusal::Refusal,
    room::{Kept, Room},
};
use bytes::Bytes;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use mailwright_storage::{
    control::ObjectId,
    workers::{KvEntry, KvError, KvList, KvPage, KvPut, MAX_VALUE},
};
use request::{BulkBody, KvRequest, METADATA};
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::{Value, json, value::RawValue};

/// Most octets of a list of keys that are read at once.
const BULK_BODY_MAX: usize = 256 << 10;
/// The header field with the second at which a value goes.
const EXPIRATION: HeaderName = HeaderName::from_static("cf-expiration");

/// A namespace, as a Worker's binding has it.
pub(super) struct Namespace<'a> {
    services: &'a Services,
    account: &'a ObjectId,
    id: ObjectId,
}

impl<'a> Namespace<'a> {
    /// The namespace `id` of an account.
    ///
    /// # Errors
    /// When that is no id.
    pub(super) fn new(services: &'a Services, account: &'a ObjectId, id: &str) -> Result<Self, Refusal> {
        let id = id.parse().map_err(|_| Refusal::bad(format!("There is no KV namespace {id}.")))?;
        Ok(Self { services, account, id })
    }

    /// Answers a request.
    ///
    /// # Errors
    /// In the service's words where it has some.
    pub(super) async fn answer(&self, request: &mut Request<Incoming>) -> Result<Response<Kept>, Refusal> {
        let now = (self.services.now)();
        match KvRequest::read(request.method(), request.uri(), request.headers(), now)? {
            KvRequest::Get { key } => self.get(key).await,
            KvRequest::Put { key, expires, metadata } => {
                let (value, room) = self.services.rooms.read(request.body_mut(), MAX_VALUE).await?;
                let expiration = expires.map(mailwright_engine::time::UnixMillis::as_secs);
                let put = KvPut { key, value: value.into(), metadata, expiration };
                let done = self.stored(move |kv, account, id, now| kv.put(account, id, put, now)).await;
                drop(room);
                done.map(|()| Response::new(Bytes::new().into()))
            }
            KvRequest::Delete { key } => {
                self.stored(move |kv, account, id, now| kv.delete(account, id, &key, now)).await?;
                Ok(Response::new(Bytes::new().into()))
            }
            KvRequest::List { prefix, limit, cursor } => {
                let list = KvList { prefix, limit: Some(limit), cursor };
                let page = self.stored(move |kv, account, id, now| kv.list(account, id, &list, now)).await?;
                Ok(json_answer(shown(page).to_string().into(), None))
            }
            KvRequest::Bulk => {
                let (body, _room) = self.services.rooms.read(request.body_mut(), BULK_BODY_MAX).await?;
                self.bulk(BulkBody::read(&body)?).await
            }
        }
    }

    async fn get(&self, key: String) -> Result<Response<Kept>, Refusal> {
        let entry = self.stored(move |kv, account, id, now| kv.get(account, id, &key, now)).await?;
        let entry = entry.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Not Found"))?;
        let room = self.services.rooms.take(entry.value.len()).await?;
        let mut answer = Response::new(Kept::new(entry.value.into(), room));
        if let Some(metadata) = entry.metadata.as_deref().and_then(field) {
            answer.headers_mut().insert(METADATA, metadata);
        }
        if let Some(expiration) = entry.expiration {
            answer.headers_mut().insert(EXPIRATION, expiration.into());
        }
        Ok(answer)
    }

    async fn bulk(&self, body: BulkBody) -> Result<Response<Kept>, Refusal> {
        let keys = body.keys.clone();
        let entries = self.stored(move |kv, account, id, now| kv.get_many(account, id, &keys, now)).await;
        let entries = entries.map_err(|refusal| match refusal.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Refusal::too_large("Total size of request exceeds the limit of 25MB")
            }
            _ => refusal,
        })?;
        let octets: usize = entries.iter().flatten().map(|entry| entry.value.len()).sum();
        let room = self.services.rooms.take(2 * octets).await?;
        let json = serde_json::to_vec(&Found { body: &body, entries: &entries }).map_err(|_| {
            Refusal::bad("At least one of the requested keys corresponds to a non-json value")
        })?;
        Ok(json_answer(json.into(), Some(room)))
    }

    /// Asks the store, on a thread that may block.
    async fn stored<T: Send + 'static>(
        &self,
        ask: impl FnOnce(
            &mailwright_storage::workers::KvStore,
            &ObjectId,
            &ObjectId,
            mailwright_engine::time::UnixMillis,
        ) -> Result<T, KvError>
        + Send
        + 'static,
    ) -> Result<T, Refusal> {
        let (kv, account, id) = (self.services.kv.clone(), self.account.clone(), self.id.clone());
        let now = self.services.now;
        let asked = tokio::task::spawn_blocking(move || ask(&kv, &account, &id, now())).await;
        asked.map_err(|error| Refusal::storage("kv", &error))?.map_err(refusal)
    }
}

fn refusal(error: KvError) -> Refusal {
    match error {
        KvError::Storage(error) => Refusal::storage("kv", &error),
        // Not 404, which stands for a key without a value.
        KvError::NoNamespace(_) | KvError::Taken(_) | KvError::Invalid(_) => {
            Refusal::bad(format!("{error}."))
        }
        KvError::TooLong { .. } => Refusal::too_large(format!("{error}.")),
        KvError::Full { .. } => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, format!("{error}.")),
    }
}

fn json_answer(json: Bytes, room: Option<Room>) -> Response<Kept> {
    let mut answer = Response::new(match room {
        Some(room) => Kept::new(json, room),
        None => json.into(),
    });
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Metadata as a header field: on one line.
fn field(metadata: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(metadata.as_bytes()).ok().or_else(|| {
        let value: Value = serde_json::from_str(metadata).ok()?;
        HeaderValue::from_str(&value.to_string()).ok()
    })
}

/// A page as the runtime reads it: metadata are JSON in a string.
fn shown(page: KvPage) -> Value {
    let keys: Vec<_> = page
        .keys
        .into_iter()
        .map(|key| {
            let mut shown = json!({ "name": key.name });
            if let Some(expiration) = key.expiration {
                shown["expiration"] = expiration.into();
            }
            if let Some(metadata) = key.metadata {
                shown["metadata"] = metadata.into();
            }
            shown
        })
        .collect();
    let mut shown = json!({ "keys": keys, "list_complete": page.cursor.is_none(), "cacheStatus": null });
    if let Some(cursor) = page.cursor {
        shown["cursor"] = cursor.into();
    }
    shown
}

/// What was found of the keys that were asked for together, in their order.
struct Found<'a> {
    body: &'a BulkBody,
    entries: &'a [Option<KvEntry>],
}

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values =
            self.entries.iter().map(|entry| entry.as_ref().map(|entry| self.value(entry)).transpose());
        let values = values.collect::<Result<Vec<_>, _>>().map_err(S::Error::custom)?;
        serializer.collect_map(self.body.keys.iter().zip(values))
    }
}

impl Found<'_> {
    fn value(&self, entry: &KvEntry) -> Result<Box<RawValue>, serde_json::Error> {
        let text = String::from_utf8_lossy(&entry.value);
        let value = if self.body.is_json() {
            RawValue::from_string(text.into_owned())?
        } else {
            serde_json::value::to_raw_value(&text)?
        };
        if !self.body.with_metadata {
            return Ok(value);
        }
        let metadata: Value =
            entry.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        #[derive(Serialize)]
        struct Both {
            value: Box<RawValue>,
            metadata: Value,
        }
        serde_json::value::to_raw_value(&Both { value, metadata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_storage::workers::KvKey;

    fn entry(value: &str, metadata: Option<&str>) -> Option<KvEntry> {
        Some(KvEntry { value: value.into(), metadata: metadata.map(str::to_owned), expiration: None })
    }

    fn found(body: &str, entries: &[Option<KvEntry>]) -> Option<String> {
        let body = BulkBody::read(body.as_bytes()).unwrap();
        serde_json::to_string(&Found { body: &body, entries }).ok()
    }

    #[test]
    fn keys_asked_for_together_come_back_in_their_order() {
        let entries = [entry("v", Some("{\"x\":1}")), None];
        assert_eq!(found(r#"{"keys":["b","a"]}"#, &entries).unwrap(), r#"{"b":"v","a":null}"#);
        assert_eq!(
            found(r#"{"keys":["b","a"],"withMetadata":true}"#, &entries).unwrap(),
            r#"{"b":{"value":"v","metadata":{"x":1}},"a":null}"#
        );
    }

    #[test]
    fn values_are_json_if_that_was_asked_for_and_they_are() {
        let body = r#"{"keys":["a"],"type":"json"}"#;
        assert_eq!(found(body, &[entry(" [1, 2] ", None)]).unwrap(), r#"{"a":[1, 2]}"#);
        assert_eq!(found(body, &[entry("[1", None)]), None);
    }

    #[test]
    fn metadata_go_back_as_they_came_and_stay_on_their_line() {
        assert_eq!(field("{\"x\":\"\u{fc}\"}").unwrap().as_bytes(), "{\"x\":\"\u{fc}\"}".as_bytes());
        assert_eq!(field("{\n\"x\": 1\n}").unwrap(), "{\"x\":1}");
        assert_eq!(field("{\n"), None);
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let key = KvKey { name: "a".into(), expiration: Some(5), metadata: Some("{}".into()) };
        let page = KvPage { keys: vec![key], cursor: Some("abc".into()) };
        let last = KvPage { keys: vec![], cursor: None };
        assert_eq!(
            shown(page),
            json!({ "keys": [{ "name": "a", "expiration": 5, "metadata": "{}" }],
                    "list_complete": false, "cursor": "abc", "cacheStatus": null })
        );
        assert_eq!(shown(last), json!({ "keys": [], "list_complete": true, "cacheStatus": null }));
    }
}
