//! Files that are part of the binary: what browsers are told with them, and how they are spared a second fetch.

use crate::digest;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, EntityTag, Header, IfNoneMatch},
    },
    web::Bytes,
};
use data_encoding::HEXLOWER;
use flate2::{Compression, write::GzEncoder};
use std::{borrow::Cow, io::Write, sync::OnceLock};

/// What a page may do: everything comes from this server, nothing is inline, no other page frames it.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                           connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
                           frame-ancestors 'none'";
/// What a picture may do that is opened by itself: use its own colours.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
/// How long what keeps its name is kept: browsers ask whether it is still so, for another binary has other files.
pub(crate) const ASKED_FOR: &str = "no-cache";
/// How long what has its hash in its name is kept.
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// What is smaller gains nothing from being compressed.
const WORTH_COMPRESSING: usize = 1_024;

/// A file that does not change while the server runs.
pub(crate) struct EmbeddedFile {
    body: Bytes,
    media_type: &'static str,
    tag: EntityTag,
    /// Made when the first client asks for it, and kept; `None` where it would not be smaller.
    compressed: OnceLock<Option<Bytes>>,
}

impl EmbeddedFile {
    /// The file `name`, whose ending says what it is.
    pub(crate) fn new(name: &str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let body = match body.into() {
            Cow::Borrowed(body) => Bytes::from_static(body),
            Cow::Owned(body) => Bytes::from(body),
        };
        let tag = EntityTag::new_weak(HEXLOWER.encode(&digest::hash([&body])));
        Self { body, media_type: media_type(name), tag, compressed: OnceLock::new() }
    }

    /// Answers with the file, or with 304 if the client has it (RFC 9110 section 13.1.2). `caching` is [`ASKED_FOR`] or
    /// [`FOR_EVER`].
    pub(crate) fn answer(
        &self,
        http: &HttpRequest,
        status: StatusCode,
        caching: &'static str,
    ) -> HttpResponse {
        let is_known = status == StatusCode::OK && self.is_known_to(http);
        let mut answer = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { status });
        answer
            .insert_header(header::ETag(self.tag.clone()))
            .insert_header((header::CACHE_CONTROL, caching))
            .insert_header((header::VARY, "Accept-Encoding"))
            .insert_header((header::CONTENT_SECURITY_POLICY, self.policy()))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
            .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
        if is_known {
            return answer.finish();
        }
        answer.content_type(self.media_type);
        match self.compressed().filter(|_| takes_gzip(http)) {
            Some(compressed) => {
                answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(compressed.clone())
            }
            None => answer.body(self.body.clone()),
        }
    }

    fn is_known_to(&self, http: &HttpRequest) -> bool {
        match IfNoneMatch::parse(http) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
            Err(_) => false,
        }
    }

    fn policy(&self) -> &'static str {
        if self.media_type.starts_with("image/") { PICTURE_POLICY } else { PAGE_POLICY }
    }

    fn compressed(&self) -> Option<&Bytes> {
        let is_worth_it = self.body.len() > WORTH_COMPRESSING && !self.media_type.ends_with("png");
        self.compressed.get_or_init(|| if is_worth_it { compress(&self.body) } else { None }).as_ref()
    }
}

fn compress(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Memory takes it all.
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
}

/// Whether the client said that it takes gzip (RFC 9110 section 12.5.3).
fn takes_gzip(http: &HttpRequest) -> bool {
    let accepted = http.headers().get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let refused = |weight: &str| weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0_f32));
        parts.next() == Some("gzip") && !parts.any(refused)
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use std::io::Read;

    fn asked(name: &'static str, value: &str) -> HttpRequest {
        TestRequest::default().insert_header((name, value)).to_http_request()
    }

    fn header_of(answer: &HttpResponse, name: &str) -> String {
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[actix_web::test]
    async fn whoever_has_a_file_does_not_get_it_again() {
        let file = EmbeddedFile::new("a.css", b"body {}".as_slice());
        let first = file.answer(&TestRequest::default().to_http_request(), StatusCode::OK, ASKED_FOR);
        let tag = header_of(&first, "etag");
        assert_eq!(
            (first.status().as_u16(), header_of(&first, "content-type")),
            (200, "text/css; charset=utf-8".into())
        );
        assert_eq!(file.answer(&asked("if-none-match", &tag), StatusCode::OK, ASKED_FOR).status(), 304);
        assert_eq!(
            file.answer(&asked("if-none-match", "W/\"other\""), StatusCode::OK, ASKED_FOR).status(),
            200
        );
        // A page that says that there is no such page stays an error.
        assert_eq!(
            file.answer(&asked("if-none-match", &tag), StatusCode::NOT_FOUND, ASKED_FOR).status(),
            404
        );
    }

    #[actix_web::test]
    async fn only_who_takes_gzip_gets_gzip() {
        let text = "mail ".repeat(1_000);
        let file = EmbeddedFile::new("a.txt", text.clone().into_bytes());
        for (accepted, is_compressed) in
            [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("identity", false)]
        {
            let answer = file.answer(&asked("accept-encoding", accepted), StatusCode::OK, ASKED_FOR);
            assert_eq!(header_of(&answer, "content-encoding") == "gzip", is_compressed, "{accepted}");
            let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
            let mut read = String::new();
            match is_compressed {
                true => flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut read).map(drop).unwrap(),
                false => read.push_str(std::str::from_utf8(&body).unwrap()),
            }
            assert_eq!(read, text);
        }
    }
}
