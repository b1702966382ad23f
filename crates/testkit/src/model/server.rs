//! The server's thread: its routes, and how a request becomes a step.

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde_json::json;
use tokio::sync::oneshot;

use super::answer;
use super::request::Request;
use super::state::{Open, Shared};
use super::wire::{Asked, Wire};
use crate::must::Must;

/// The most that a request's body may have; a prompt with a whole file is far below.
const REQUEST_CAP: usize = 64 << 20;

/// Serves until the other end of `stopped` is gone. Leaving drops every connection.
pub(super) fn run(listener: TcpListener, shared: &Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.must("starting the server's runtime").block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).must("taking over the listener");
        // Small writes go out at once: what is measured is the client, not the kernel's patience.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let serving = axum::serve(listener, router(Arc::clone(shared)));
        tokio::select! {
            served = serving => served.must("serving"),
            _ = stopped => {}
        }
    });
}

fn router(shared: Arc<Shared>) -> Router {
    let asking = |router: Router<Arc<Shared>>, wire: Wire| router.route(wire.path(), post(complete));
    Wire::ALL
        .into_iter()
        .fold(Router::new(), asking)
        .route("/v1/models", get(models))
        .fallback(unknown)
        .with_state(shared)
}

async fn complete(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    let open = Open::new(&shared);
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, REQUEST_CAP).await else {
        shared.complain("a request's body was cut off or over 64 MiB".to_owned());
        return answer::error(StatusCode::BAD_REQUEST, "the body did not arrive");
    };
    let mut asked = Asked { wire: Wire::of(parts.uri.path()), is_stream: false };
    let next = shared.next(|number| {
        let request = Request::new(number, &parts, &bytes);
        asked.is_stream = request.body["stream"] == true;
        request
    });
    match next {
        Ok(step) => answer::to(step, asked, open).await,
        Err(complaint) => answer::error(StatusCode::BAD_REQUEST, &complaint),
    }
}

async fn models(State(shared): State<Arc<Shared>>) -> Response {
    shared.look(|state| state.listings += 1);
    let list =
        json!({"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "testkit"}]});
    answer::json(StatusCode::OK, Body::from(list.to_string()))
}

async fn unknown(State(shared): State<Arc<Shared>>, request: HttpRequest) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    shared.complain(format!("no such endpoint: {asked}"));
    answer::error(StatusCode::NOT_FOUND, &format!("no such endpoint: {asked}"))
}
