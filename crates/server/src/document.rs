//! The OpenAPI document: worked out from the handlers, so that it cannot tell of others than there are.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::http::HeaderValue;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, RefOr, Schema};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::ProblemBody;
use crate::routes::{agents, events, health, intents, proposals, reviews, usage};

/// What stands in the document besides the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "codex-task",
        description = "Changes to a git repository, proposed by agents, judged, verified and approved under control.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Key),
    security(("key" = [])),
)]
struct Head;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The routes that need no key: they tell nothing of any change.
pub(crate) fn open_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::document))
}

/// The routes behind a key.
pub(crate) fn guarded_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(intents::create, intents::list))
        .routes(routes!(intents::show))
        .routes(routes!(intents::patch))
        .routes(routes!(intents::abort))
        .routes(routes!(events::of_intent))
        .routes(routes!(events::of_all))
        .routes(routes!(proposals::create))
        .routes(routes!(reviews::create))
        .routes(routes!(agents::create, agents::list))
        .routes(routes!(agents::show, agents::revoke))
        .routes(routes!(agents::rotate))
        .routes(routes!(agents::certify))
        .routes(routes!(agents::traces))
        .routes(routes!(usage::usage))
        .routes(routes!(health::metrics))
}

/// Says of decisions what serde does with them: no field that is not known. It is derived for plain structs only.
fn close_reviews(document: &mut openapi::OpenApi) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let review = schemas.and_then(|schemas| schemas.get_mut("NewReview"));
    let Some(RefOr::T(Schema::OneOf(choice))) = review else { return };
    for item in &mut choice.items {
        if let RefOr::T(Schema::Object(object)) = item {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// Where one may go with what an answer names: by which parameter, found at which place in it.
const LINKS: [(&str, &str, &str, &str, &[&str]); 3] = [
    ("/intents", "202", "id", "$response.body#/id", &["get_intent", "abort_intent", "create_review"]),
    ("/proposals", "202", "id", "$response.body#/id", &["get_intent", "abort_intent", "create_review"]),
    (
        "/agents",
        "201",
        "name",
        "$response.body#/agent/name",
        &["get_agent", "rotate_key", "certify_agent", "revoke_agent"],
    ),
];

/// Says of the answers that tell of something new where it can be found.
fn link_new(document: &mut openapi::OpenApi) {
    for (path, status, parameter, place, others) in LINKS {
        let operation = document.paths.paths.get_mut(path).and_then(|item| item.post.as_mut());
        let answer = operation.and_then(|operation| operation.responses.responses.get_mut(status));
        let Some(RefOr::T(answer)) = answer else { continue };
        for to in others {
            let link = Link::builder().operation_id(*to).parameter(parameter, place).build();
            answer.links.insert((*to).to_owned(), RefOr::T(link));
        }
    }
}

/// The methods of each route, as `Allow` lists them.
pub(crate) static METHODS: LazyLock<BTreeMap<String, HeaderValue>> = LazyLock::new(|| {
    let paths = [guarded_routes().into_openapi().paths, open_routes().into_openapi().paths];
    let methods = |item: &PathItem| {
        let there = [("GET", &item.get), ("POST", &item.post), ("DELETE", &item.delete)];
        let names: Vec<&str> = there.iter().filter(|(_, one)| one.is_some()).map(|(name, _)| *name).collect();
        HeaderValue::try_from(names.join(", ")).ok()
    };
    let each = paths.iter().flat_map(|paths| &paths.paths);
    each.filter_map(|(path, item)| Some((path.clone(), methods(item)?))).collect()
});

/// The OpenAPI document as it is checked in and served, with a line end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn openapi() -> Result<String, serde_json::Error> {
    let mut document = guarded_routes().into_openapi();
    document.merge(open_routes().into_openapi());
    close_reviews(&mut document);
    link_new(&mut document);
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}
