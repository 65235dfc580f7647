use super::*;
use crate::{answer, server};
use actix_web::{
    App,
    http::{Method, header},
    test::{TestRequest, call_service, init_service},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Every description of a route, with its method and path.
fn routes() -> Vec<(String, &'static Value)> {
    let paths = document()["paths"].as_object().into_iter().flatten();
    let routes = paths.flat_map(|(path, routes)| {
        let routes = routes.as_object().into_iter().flatten();
        routes.map(move |(method, route)| (format!("{method} {path}"), route))
    });
    routes.collect()
}

#[actix_web::test]
async fn every_route_is_described_and_every_description_is_of_a_route() {
    let app = init_service(App::new().configure(server::routes)).await;
    let routed = answer::tests::PATHS.take();
    let described = document()["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone());
    let described: BTreeSet<String> = described.collect();
    assert_eq!(routed, described);
    for path in described {
        for method in METHODS {
            // Without its state the server answers 500 to everything but methods that it does not route.
            let request = TestRequest::with_uri(&path.replace(['{', '}'], "")).method(method.clone());
            let answer = call_service(&app, request.to_request()).await;
            let is_described = methods(&path).contains(&method.to_string());
            assert_eq!(answer.status() != 405, is_described, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn a_method_that_is_not_taken_is_told_which_are() {
    let app = init_service(App::new().configure(server::routes)).await;
    let request = TestRequest::with_uri("/client/v4/zones/7").method(Method::PATCH);
    let answer = call_service(&app, request.to_request()).await;
    let allowed = answer.headers().get(header::ALLOW).and_then(|allowed| allowed.to_str().ok());
    assert_eq!((answer.status().as_u16(), allowed), (405, Some("DELETE, GET")));
}

#[test]
fn every_route_has_a_name_of_its_own_a_chapter_and_says_what_may_go_wrong() {
    let chapters = document()["tags"].as_array().into_iter().flatten().map(|tag| &tag["name"]);
    let chapters: Vec<_> = chapters.collect();
    let mut names = BTreeMap::new();
    for (at, route) in routes() {
        let name = route["operationId"].as_str().unwrap();
        assert_eq!(names.insert(name, at.clone()), None, "{name}");
        assert!(route["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{at}");
        assert!(chapters.contains(&&route["tags"][0]), "{at}");
        let is_open = route["security"] == json!([{}]);
        // Signing in takes its token from the body.
        assert_eq!(route["responses"].get("401").is_none(), is_open && at != "post /session", "{at}");
        let takes_ids = at.contains('{');
        assert!(!takes_ids || route["responses"].get("404").is_some(), "{at}");
        let reads = route.get("requestBody").is_some()
            || route["parameters"].as_array().into_iter().flatten().any(|one| one["in"] == "query");
        assert!(!reads || route["responses"].get("400").is_some(), "{at}");
    }
}

#[test]
fn no_name_of_a_schema_is_given_twice() {
    let mut seen = BTreeMap::new();
    for part in parts() {
        for (name, schema) in part.components.unwrap_or_default().schemas {
            let schema = serde_json::to_value(schema).unwrap();
            let known = seen.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*known, schema, "{name}");
        }
    }
}

#[test]
fn all_that_is_referred_to_is_there() {
    fn look(part: &Value) {
        match part {
            Value::Object(object) => {
                if let Some(Value::String(to)) = object.get("$ref") {
                    assert!(document().pointer(to.trim_start_matches('#')).is_some(), "{to}");
                }
                object.values().for_each(look);
            }
            Value::Array(values) => values.iter().for_each(look),
            _ => {}
        }
    }
    look(document());
}

#[test]
fn what_an_answer_may_leave_out_is_never_null() {
    let webhook = &document()["components"]["schemas"]["Webhook"];
    let required = webhook["required"].as_array().unwrap();
    assert!(
        required.contains(&json!("disabled_reason")) && !required.contains(&json!("secret")),
        "{webhook}"
    );
    assert_eq!(webhook["properties"]["secret"]["type"], "string");
    let edit = &document()["components"]["schemas"]["WebhookEdit"];
    assert_eq!((edit.get("required"), &edit["additionalProperties"]), (None, &json!(false)));
}
