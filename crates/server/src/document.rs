//! The OpenAPI document: worked out from the handlers, so that it cannot tell of others than there are.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::http::HeaderValue;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
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
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
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
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}
