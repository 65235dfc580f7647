//! Another's objects are answered like those that there are not.

use serde_json::{Value, json};

use mailwright_tests::calendar::ahead;
use mailwright_tests::error::Result;
use mailwright_tests::http::{Answer, Api};

use crate::world::{Route, World};

fn ask(api: &Api, route: &Route, ids: &Value) -> Result<Answer> {
    let time = |field: &String| (field == "send_at").then(|| (field.clone(), json!(ahead(86_400))));
    // Nothing that a route needs to be told before it looks for its object.
    let body: Option<Value> = route.fields.as_ref().map(|fields| fields.iter().filter_map(time).collect());
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    api.request(&route.method, &route.with(ids), &body, &[])
}

#[test]
fn every_route_answers_for_anothers_objects_as_for_none() -> Result<()> {
    let world = World::new()?;
    let theirs = &world.told()?["objects"];
    let account = world.make("accounts", &json!({ "name": "stranger" }))?;
    let own = json!({ "name": "stranger.example", "account": { "id": account } });
    let own = json!({ "account_id": account, "zone_id": world.make("zones", &own)? });
    let stranger = world.admin_of(account.as_str().unwrap_or_default())?;
    let mut tried = 0;
    for route in world.routes()?.iter().filter(|route| !route.path.contains("/delivery/")) {
        let (ids, at) = (route.ids(), format!("{} {}", route.method, route.path));
        let Some(inner) = ids.last() else { continue };
        let (known, unknown) = (ask(&stranger, route, theirs)?, ask(&stranger, route, &Value::Null)?);
        assert_eq!((known.status, known.error_code()), (404, 7003), "{at}: {}", known.text);
        assert_eq!((known.text, unknown.status), (unknown.text, 404), "{at}");
        // What an upload names is made, in one's own account.
        let makes = route.method == "PUT" && route.path.ends_with("/scripts/{script_name}");
        if ids.len() > 1 && !makes {
            // Nor can it be reached by an account or a zone of one's own.
            let mut mixed = own.clone();
            mixed[*inner] = theirs[*inner].clone();
            let (known, unknown) = (ask(&stranger, route, &mixed)?, ask(&stranger, route, &own)?);
            assert_eq!((known.status, known.text, unknown.status), (404, unknown.text, 404), "{at}");
        }
        tried += 1;
    }
    assert!(tried > 40, "{tried} routes");
    Ok(())
}

#[test]
fn what_is_the_operators_is_refused_to_everybody_else() -> Result<()> {
    let world = World::new()?;
    let admin = world.admin_of(&world.api.account.account_id)?;
    let ids = &world.told()?["objects"];
    let mut tried = 0;
    for route in world.routes()?.iter().filter(|route| route.path.contains("/delivery/")) {
        let refused = ask(&admin, route, ids)?;
        let at = format!("{} {}", route.method, route.path);
        assert_eq!((refused.status, refused.error_code()), (403, 10000), "{at}: {}", refused.text);
        tried += 1;
    }
    assert!(tried > 10, "{tried} routes");
    Ok(())
}

#[test]
fn without_a_token_there_is_nothing() -> Result<()> {
    let world = World::new()?;
    let mut nobody = world.api.clone();
    nobody.account.token = "0".repeat(40);
    for route in world.routes()? {
        let refused = ask(&nobody, &route, &Value::Null)?;
        let at = format!("{} {}", route.method, route.path);
        assert_eq!((refused.status, refused.error_code()), (401, 10000), "{at}: {}", refused.text);
    }
    Ok(())
}
