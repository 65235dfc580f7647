//! The list of whom not to write to, by the published Python SDK; and whatever comes in, no answer is a 500.

use serde_json::{Value, json};

use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::Dev;

/// `invalid_request_schema`.
const SCHEMA: u64 = 10001;
/// `Object not found`.
const NO_OBJECT: u64 = 7003;

fn sdk(dev: &Dev, case: &str, arguments: &[&str]) -> Result<Value> {
    let base_url = dev.api.base_url();
    let fixed = [base_url.as_str(), &dev.api.account.token, &dev.api.account.account_id, case];
    python::run("sdk_suppressions.py", fixed.iter().chain(arguments))
}

/// A row as far as it is known before it is made.
fn without(mut row: Value, fields: &[&str]) -> Value {
    for field in fields {
        let gone = row.as_object_mut().and_then(|row| row.remove(*field));
        assert!(gone.is_some_and(|value| value.is_string()), "{field} in {row}");
    }
    row
}

#[test]
fn every_method_of_the_sdk_does_what_the_service_documents() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let done = sdk(&dev, "methods", &[])?;
    let scope = json!({"type": "sending_domain", "value": "shop.example"});
    assert_eq!(done["created"]["scope"], scope);
    assert_eq!(
        without(done["got"].clone(), &["id", "created_at"]),
        json!({
            "email": "Ann@example.org", "reason": "manual", "scope": scope, "expires_at": "2099-01-01T00:00:00Z",
            "note": "by phone", "read_only": false,
        })
    );
    for step in ["got", "again", "edited", "kept", "deleted"] {
        assert_eq!(done[step]["id"], done["created"]["id"], "{step}");
    }
    assert_eq!((&done["edited"]["note"], &done["edited"]["expires_at"]), (&json!(null), &json!(null)));
    assert_eq!(done["kept"], done["edited"]);
    assert_eq!(
        (&done["fixed"]["status"], &done["fixed"]["message"]),
        (&json!(400), &json!("scope_immutable"))
    );
    assert_eq!((&done["deleted"]["scope"], &done["gone"]["status"]), (&scope, &json!(404)));
    assert_eq!(done["left"], json!([]));
    Ok(())
}

#[test]
fn an_import_tells_what_became_of_each_item() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let done = sdk(&dev, "imports", &[])?;
    let counts = ["total", "processed", "skipped", "invalid", "deduplicated", "errors"];
    for time in ["first", "second"] {
        assert_eq!(
            counts.map(|count| done[time][count].as_u64().unwrap_or(99)),
            [5, 2, 0, 2, 1, 0],
            "{time}"
        );
    }
    let items = done["first"]["items"].as_array().cloned().unwrap_or_default();
    let outcomes: Vec<_> =
        items.iter().map(|item| (item["index"].as_u64(), item["status"].as_str())).collect();
    assert_eq!(
        outcomes,
        [
            (Some(0), Some("processed")),
            (Some(2), Some("invalid")),
            (Some(3), Some("processed")),
            (Some(4), Some("invalid"))
        ]
    );
    assert!(items[1]["error"].as_str().is_some_and(|error| error.contains("email")), "{items:?}");
    assert_eq!(done["second"]["items"], done["first"]["items"], "the same rows");
    Ok(())
}

#[test]
fn lists_are_filtered_and_read_page_by_page() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let lists = sdk(&dev, "lists", &[])?;
    let account: Vec<_> = (0..5).rev().map(|n| format!("user{n}@example.org")).collect();
    let mut all = vec!["user0@shop.example".to_owned()];
    all.extend(account.clone());
    for name in ["all", "search_beginning", "manual"] {
        assert_eq!(lists[name], json!(all), "{name}");
    }
    assert_eq!(lists["account"], json!(account));
    assert_eq!(lists["shop"], json!(["user0@shop.example"]));
    assert_eq!(lists["email"], json!(["user3@example.org"]));
    assert_eq!(lists["search_user"], json!(["user0@shop.example", "user0@example.org"]));
    assert_eq!(lists["search_whole"], json!(["user4@example.org"]));
    assert_eq!(lists["policy"], json!([]));
    assert_eq!(lists["cursor_alone"], json!(all[2..4]), "a cursor knows its filters");
    assert_eq!((&lists["info"]["count"], &lists["info"]["per_page"]), (&json!(2), &json!(2)));
    assert_eq!(lists["other_filter"]["status"], 400);
    Ok(())
}

#[test]
fn who_asks_for_the_same_at_once_gets_the_same_row() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let races = sdk(&dev, "races", &[])?;
    assert_eq!(races["ids"], 1);
    let mut deleted = vec![404; 16];
    deleted[0] = 200;
    assert_eq!(races["deleted"], json!(deleted), "one deletes it");
    Ok(())
}

#[test]
fn rows_of_the_services_own_are_read_only_and_complaints_go_slowly() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let database = dev.state().join("suppressions/suppressions.sqlite");
    let done = sdk(&dev, "read_only", &[&database.to_string_lossy()])?;
    assert_eq!(
        (&done["complaint"]["reason"], &done["complaint"]["read_only"]),
        (&json!("complaint"), &json!(true))
    );
    assert_eq!((&done["again"], &done["edit"]["status"]), (&json!(true), &json!(403)));
    assert_eq!((&done["import"]["skipped"], &done["import"]["processed"]), (&json!(1), &json!(0)));
    assert_eq!((&done["rule"]["status"], &done["rule"]["message"]), (&json!(403), &json!("read_only")));
    let removals = done["removals"].as_array().cloned().unwrap_or_default();
    let (last, first) = removals.split_last().unwrap_or((&Value::Null, &[]));
    assert!(first.len() == 10 && first.iter().all(Value::is_null), "{first:?}");
    assert_eq!((&last["status"], &last["message"]), (&json!(429), &json!("email.sending.error.throttled")));
    Ok(())
}

fn path(account: &str, rest: &str) -> String {
    format!("/client/v4/accounts/{account}/email/sending/suppressions{rest}")
}

/// Asks for something about the account's own list.
fn ask(api: &Api, method: &str, rest: &str, body: &str) -> Result<Answer> {
    api.request(method, &path(&api.account.account_id, rest), body, &[])
}

#[test]
fn what_makes_no_sense_is_refused_and_never_a_500() -> Result<()> {
    let dev = Dev::start()?;
    let id = ask(&dev.api, "POST", "", r#"{"email":"ann@example.org"}"#)?.result()["id"].clone();
    let one = format!("/{}", id.as_str().unwrap_or_default());
    let huge = "9".repeat(400);
    let many = json!({"items": vec![json!({"email": "a@b.example"}); 10_000]}).to_string();
    let deep = format!("{{\"email\":{}", "[".repeat(100_000));
    let cases: Vec<(&str, &str, String)> = vec![
        ("POST", "", "nonsense".into()),
        ("POST", "", "[]".into()),
        ("POST", "", "{}".into()),
        ("POST", "", deep),
        ("POST", "", r#"{"email":"\ud800@b.example"}"#.into()),
        ("POST", "", format!(r#"{{"email":"{}@b.example"}}"#, "a".repeat(1_000_000))),
        ("POST", "", format!(r#"{{"email":"a@b.example","expires_at":{huge}}}"#)),
        ("POST", "", r#"{"email":"a@b.example","expires_at":"99999-01-01T00:00:00Z"}"#.into()),
        ("POST", "", r#"{"email":"a@b.example","expires_at":"1969-01-01T00:00:00Z"}"#.into()),
        ("POST", "", r#"{"email":"a@b.example","scope":{"type":"sending_domain","value":7}}"#.into()),
        ("PATCH", &one, r#"{"note":7}"#.into()),
        ("PATCH", &one, r#"{"expires_at":"yesterday"}"#.into()),
        ("PATCH", &one, r#"{"scope":null}"#.into()),
        ("POST", "/bulk", many),
        ("POST", "/bulk", r#"{"items":{}}"#.into()),
        ("POST", "/bulk", r#"{"items":null}"#.into()),
        ("GET", "?per_page=0", String::new()),
        ("GET", "?per_page=-1", String::new()),
        ("GET", "?per_page=99999999999999999999999", String::new()),
        ("GET", "?cursor=%ff%fe", String::new()),
        ("GET", "?cursor=AAAA", String::new()),
        ("GET", "?reason=%ff", String::new()),
        ("GET", "?scope_value=shop.example", String::new()),
        ("GET", "?email=%00", String::new()),
        ("GET", "?search=%00", String::new()),
    ];
    for (method, rest, body) in cases {
        let answer = ask(&dev.api, method, rest, &body)?;
        let shown: String = body.chars().take(80).collect();
        assert_eq!(
            (answer.status, answer.error_code()),
            (400, SCHEMA),
            "{method} {rest} {shown}: {}",
            answer.text
        );
    }
    for rest in ["/nonsense", "/00000000-0000-4000-8000-000000000000", "/%ff", "/%00"] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = ask(&dev.api, method, rest, "{}")?;
            assert_eq!(
                (answer.status, answer.error_code()),
                (404, NO_OBJECT),
                "{method} {rest}: {}",
                answer.text
            );
        }
    }
    assert_eq!(ask(&dev.api, "PUT", &one, "{}")?.status, 405);
    let rows = ask(&dev.api, "GET", "?search=%ff", "")?.result();
    assert_eq!(rows, json!([]), "text that is no UTF-8 matches nothing");
    assert_eq!(ask(&dev.api, "GET", "", "")?.result().as_array().map(Vec::len), Some(1), "nothing was added");
    Ok(())
}

/// A token of the account for one permission.
fn token(api: &Api, permission: &str) -> Result<Api> {
    let groups = api.request("GET", "/client/v4/user/tokens/permission_groups", "", &[])?.result();
    let group = groups.as_array().into_iter().flatten().find(|group| group["name"] == permission);
    let id = group.map_or(Value::Null, |group| group["id"].clone());
    let resource = format!("com.cloudflare.api.account.{}", api.account.account_id);
    let body = json!({
        "name": permission,
        "policies": [{"effect": "allow", "permission_groups": [{"id": id}], "resources": {resource: "*"}}],
    });
    let made = api.post("/client/v4/user/tokens", &body.to_string(), &[])?.result();
    let token = made["value"].as_str().unwrap_or_default().to_owned();
    let mut limited = api.clone();
    limited.account.token = token;
    Ok(limited)
}

#[test]
fn a_token_does_what_its_permissions_say_and_sees_no_other_account() -> Result<()> {
    let dev = Dev::start()?;
    let made = ask(&dev.api, "POST", "", r#"{"email":"ann@example.org"}"#)?.result();
    let one = format!("/{}", made["id"].as_str().unwrap_or_default());
    let other = dev.api.post("/client/v4/accounts", r#"{"name":"other"}"#, &[])?.result();
    let other = other["id"].as_str().unwrap_or_default();
    let (reader, sender) = (token(&dev.api, "suppression_read")?, token(&dev.api, "send")?);
    for (method, rest) in [("GET", ""), ("GET", one.as_str())] {
        assert_eq!(ask(&reader, method, rest, "")?.status, 200, "{method}");
    }
    let edits = [("POST", ""), ("POST", "/bulk"), ("PATCH", one.as_str()), ("DELETE", one.as_str())];
    for (method, rest) in edits {
        assert_eq!(ask(&reader, method, rest, "{}")?.status, 403, "{method} {rest}");
    }
    for (method, rest) in edits.into_iter().chain([("GET", ""), ("GET", one.as_str())]) {
        assert_eq!(ask(&sender, method, rest, "{}")?.status, 403, "{method} {rest}");
        // The row is not in that account, which the operator's token sees and the reader's does not.
        if rest == one {
            let answer = dev.api.request(method, &path(other, rest), "{}", &[])?;
            assert_eq!((answer.status, answer.error_code()), (404, NO_OBJECT), "{method}");
        }
        let answer = reader.request(method, &path(other, rest), "{}", &[])?;
        assert_eq!((answer.status, answer.error_code()), (404, NO_OBJECT), "{method} {rest}");
    }
    let editor = token(&dev.api, "suppression_edit")?;
    assert_eq!(ask(&editor, "DELETE", &one, "")?.status, 200);
    Ok(())
}
