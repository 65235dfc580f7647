use super::*;
use actix_web::{
    App,
    body::to_bytes,
    http::Method,
    test::{TestRequest, call_service, init_service},
};

async fn asked(method: Method, path: &str) -> (u16, String, String) {
    let app = init_service(App::new().configure(routes)).await;
    let answer = call_service(&app, TestRequest::with_uri(path).method(method).to_request()).await;
    let header =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (status, kind) = (answer.status().as_u16(), header("content-type").to_owned());
    let body = to_bytes(answer.into_body()).await.unwrap();
    (status, kind, String::from_utf8_lossy(&body).into_owned())
}

#[actix_web::test]
async fn pages_and_files_are_served() {
    for path in ["/docs", "/docs/", "/docs/guide-tls", "/docs/guide-tls/", "/docs/project/ARCHITECTURE"] {
        let (status, kind, page) = asked(Method::GET, path).await;
        assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.contains("<main") && page.contains("href=\"/docs/guide-tls\""), "{path}");
    }
    let (status, kind, file) = asked(Method::GET, "/docs/config/mailwright.toml").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; charset=utf-8"));
    assert!(file.contains("[delivery]"));
}

#[actix_web::test]
async fn what_there_is_not_is_told_on_a_page_that_leads_back() {
    for path in ["/docs/nothing", "/docs/../Cargo.toml", "/docs/%2e%2e/Cargo.toml", "/docs/%3Cscript%3E"] {
        let (status, kind, page) = asked(Method::GET, path).await;
        assert_eq!((status, kind.as_str()), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.contains("href=\"/docs\""), "{path}");
    }
}

#[actix_web::test]
async fn pages_are_only_read() {
    assert_eq!(asked(Method::HEAD, "/docs").await.0, 200);
    assert_eq!(asked(Method::POST, "/docs").await.0, 405);
}
