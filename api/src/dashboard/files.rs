//! The files that `dashboard/` is built into, as they are in the binary.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web::Bytes,
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::{borrow::Cow, collections::HashMap, io::Write, sync::LazyLock};

#[derive(RustEmbed)]
#[folder = "../dashboard/dist"]
struct Built;

/// All of them by their paths; compressed when the first is asked for.
static FILES: LazyLock<HashMap<Cow<'static, str>, File>> = LazyLock::new(|| {
    Built::iter().filter_map(|path| Some((path.clone(), File::of(&path, Built::get(&path)?)))).collect()
});

/// A file as it is sent.
pub(super) struct File {
    plain: Bytes,
    /// `None` for what gets no smaller.
    gzip: Option<Bytes>,
    media_type: &'static str,
    /// Weak, because it names both forms.
    tag: String,
}

/// The file at `path`, if there is one.
pub(super) fn find(path: &str) -> Option<&'static File> {
    FILES.get(path)
}

impl File {
    fn of(path: &str, built: EmbeddedFile) -> Self {
        let tag = data_encoding::HEXLOWER.encode(&built.metadata.sha256_hash()[..16]);
        let plain = match built.data {
            Cow::Borrowed(octets) => Bytes::from_static(octets),
            Cow::Owned(octets) => Bytes::from(octets),
        };
        let gzip = compressed(&plain).filter(|gzip| gzip.len() < plain.len()).map(Bytes::from);
        Self { plain, gzip, media_type: media_type(path), tag: format!("W/\"{tag}\"") }
    }

    /// The file in the form that the client takes, or that it has it already (RFC 9110 section 13.1.2). `caching` is
    /// what `Cache-Control` says.
    pub(super) fn answer(&self, http: &HttpRequest, caching: &str) -> HttpResponse {
        let is_known = items(http, header::IF_NONE_MATCH).any(|known| known == self.tag || known == "*");
        let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer
            .insert_header((header::ETAG, self.tag.as_str()))
            .insert_header((header::CACHE_CONTROL, caching))
            .insert_header((header::VARY, "Accept-Encoding"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header(("Cross-Origin-Resource-Policy", "same-origin"));
        if is_known {
            return answer.finish();
        }
        answer.content_type(self.media_type);
        match self.gzip.as_ref().filter(|_| takes_gzip(http)) {
            Some(gzip) => answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(gzip.clone()),
            None => answer.body(self.plain.clone()),
        }
    }
}

fn compressed(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// What a list in a header holds.
fn items(http: &HttpRequest, name: HeaderName) -> impl Iterator<Item = &str> {
    let lists = http.headers().get_all(name).filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',').map(str::trim))
}

/// Whether the client takes gzip (RFC 9110 section 12.5.3).
fn takes_gzip(http: &HttpRequest) -> bool {
    items(http, header::ACCEPT_ENCODING).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let takes = |accepted: &str| {
            takes_gzip(&TestRequest::default().insert_header(("accept-encoding", accepted)).to_http_request())
        };
        assert!(takes("gzip") && takes("deflate, GZIP;q=0.5, br"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("x-gzip"));
        assert!(!takes_gzip(&TestRequest::default().to_http_request()));
    }

    #[test]
    fn the_page_and_all_that_it_names_are_there_under_their_media_types() {
        let page = String::from_utf8(find("index.html").unwrap().plain.to_vec()).unwrap();
        let named: Vec<_> = page.split('"').filter_map(|part| part.strip_prefix("/assets/")).collect();
        assert!(!named.is_empty(), "{page}");
        for name in named {
            let file = find(&format!("assets/{name}")).unwrap();
            assert_ne!(file.media_type, "application/octet-stream", "{name}");
        }
    }
}
