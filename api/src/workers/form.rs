//! Bodies in parts (`multipart/form-data`, RFC 7578), in which Workers are uploaded.

use crate::{answer::ApiError, body::Body, server::AppState};
use actix_web::{
    HttpRequest,
    http::header::CONTENT_TYPE,
    web::{Bytes, Payload},
};
use multer::Multipart;
use std::convert::Infallible;

/// Most octets of an upload: the largest Worker, and room for the rest.
const MAX_UPLOAD: usize = (64 << 20) + (1 << 20);
/// Most parts of a body.
const MAX_PARTS: usize = 1_100;

/// One part of a body.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: String,
    /// The name of the file that it is, if it is one.
    pub(super) file_name: Option<String>,
    /// Its media type without parameters, in lower case.
    pub(super) media_type: Option<String>,
    /// What is in it.
    pub(super) content: Bytes,
}

/// A body in parts.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) parts: Vec<Part>,
    /// Its share of memory.
    _body: Option<Body>,
}

impl Form {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 for what is no body in parts, or larger than a Worker may be; those of reading a body.
    pub(super) async fn read(
        http: &HttpRequest,
        state: &AppState,
        payload: Payload,
    ) -> Result<Self, ApiError> {
        let media_type = http.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = media_type.and_then(|text| multer::parse_boundary(text).ok());
        let body = state.bodies.read_up_to(MAX_UPLOAD, too_big, http, payload).await?;
        let boundary = boundary.ok_or_else(no_form)?;
        Ok(Self { parts: parts(body.bytes(), boundary).await?, _body: Some(body) })
    }

    /// A body that is one part of this name by itself.
    pub(super) fn of_one(name: &str, body: Body) -> Self {
        let (name, content) = (name.to_owned(), body.bytes());
        Self { parts: vec![Part { name, file_name: None, media_type: None, content }], _body: Some(body) }
    }

    /// A form of these parts.
    #[cfg(test)]
    pub(super) fn of(parts: Vec<Part>) -> Self {
        Self { parts, _body: None }
    }

    /// The part of this name.
    pub(super) fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// Whether the body of a request says that it is in parts.
pub(super) fn is_form(http: &HttpRequest) -> bool {
    let media_type = http.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"))
}

async fn parts(body: Bytes, boundary: String) -> Result<Vec<Part>, ApiError> {
    let whole = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
    let mut form = Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| broken(&error))? {
        if parts.len() == MAX_PARTS {
            return Err(ApiError::schema("", format!("A body has {MAX_PARTS} parts at most.")));
        }
        let name = field.name().ok_or_else(|| ApiError::schema("", "Each part needs a name."))?.to_owned();
        let file_name = field.file_name().map(ToOwned::to_owned);
        // The type as it was written: what is `+module` must not be read as something else.
        let media_type = field.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|text| text.split(';').next());
        let media_type = media_type.map(|text| text.trim().to_ascii_lowercase());
        let content = field.bytes().await.map_err(|error| broken(&error))?;
        parts.push(Part { name, file_name, media_type, content });
    }
    Ok(parts)
}

fn no_form() -> ApiError {
    let why = "The request body must be in parts (multipart/form-data): 'metadata' and the Worker's modules.";
    ApiError::schema("", why)
}

fn broken(error: &multer::Error) -> ApiError {
    ApiError::schema("", format!("The parts of the request body cannot be read: {error}."))
}

fn too_big() -> ApiError {
    ApiError::too_big("The request is larger than a Worker may be: 64 MiB of modules in all.")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: &str) -> Result<Vec<Part>, ApiError> {
        let body = body.replace('\n', "\r\n");
        parts(Bytes::from(body), "b".to_owned()).await
    }

    #[actix_web::test]
    async fn a_part_has_a_name_a_type_and_what_is_in_it() {
        let body = "--b\nContent-Disposition: form-data; name=\"metadata\"\n\n{}\n--b\n\
            Content-Disposition: form-data; name=\"a\"; filename=\"a.js\"\n\
            Content-Type: Application/JavaScript+module; charset=utf-8\n\nx\ny\n--b--\n";
        let parts = read(body).await.unwrap();
        let [metadata, module] = &parts[..] else { panic!("{parts:?}") };
        assert_eq!((metadata.name.as_str(), &metadata.content[..]), ("metadata", &b"{}"[..]));
        assert_eq!((&metadata.file_name, &metadata.media_type), (&None, &None));
        assert_eq!(module.file_name.as_deref(), Some("a.js"));
        assert_eq!(module.media_type.as_deref(), Some("application/javascript+module"));
        assert_eq!(&module.content[..], b"x\r\ny");
    }

    #[actix_web::test]
    async fn what_breaks_off_or_has_no_name_is_refused() {
        for body in [
            "",
            "--b\n",
            "--b\nContent-Disposition: form-data; name=\"a\"\n\nx",
            "--b\nContent-Disposition: form-data\n\nx\n--b--\n",
        ] {
            assert!(read(body).await.is_err(), "{body}");
        }
        let many = "--b\nContent-Disposition: form-data; name=\"a\"\n\nx\n".repeat(MAX_PARTS + 1);
        assert!(read(&format!("{many}--b--\n")).await.is_err());
    }
}
