//! A chat page for tests: a real site on 127.0.0.1 that streams Markdown as chat pages do, and misbehaves as they do.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use tokio::sync::oneshot;

use crate::must::Must;

/// How the page behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageMode {
    /// It takes questions and streams its answers.
    Streams,
    /// It streams, but only for who has signed in: all others are sent to `/login`, where a session is given to whoever
    /// looks at the page for a moment.
    WantsSession,
    /// The session is over for good: everybody is sent to `/login`, which gives none.
    Expired,
    /// A captcha lies where the page was.
    Captcha,
    /// The answers carry other marks than before.
    OtherLayout,
    /// The field for the question is gone.
    NoField,
    /// The field takes a hundred characters.
    ShortField,
    /// A dialog opens that stops everything until it is answered.
    Dialog,
    /// The answer never ends.
    Endless,
    /// The page leads to another host.
    Elsewhere,
}

/// What gives a question's answer.
type Answering = Box<dyn FnMut(&str) -> String + Send>;

struct Shared {
    mode: Mutex<PageMode>,
    answer: Mutex<Answering>,
    questions: Mutex<Vec<String>>,
    signed_in: AtomicBool,
}

/// A running page. It ends when it is dropped.
pub struct ChatPage {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

impl ChatPage {
    /// A page whose answers this closure gives.
    #[track_caller]
    pub fn start(mode: PageMode, answer: impl FnMut(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).must("listening on 127.0.0.1");
        listener.set_nonblocking(true).must("listening on 127.0.0.1");
        let address = listener.local_addr().must("listening on 127.0.0.1");
        let shared = Arc::new(Shared {
            mode: Mutex::new(mode),
            answer: Mutex::new(Box::new(answer)),
            questions: Mutex::default(),
            signed_in: AtomicBool::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let state = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(format!("page-{}", address.port()));
        thread.spawn(move || serve(listener, state, stopped)).must("starting the page's thread");
        Self { address, shared, stop: Some(stop) }
    }

    /// The page's address.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Another behaviour from now on.
    pub fn becomes(&self, mode: PageMode) {
        *self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Whether somebody came with a session.
    pub fn is_signed_in(&self) -> bool {
        self.shared.signed_in.load(Ordering::SeqCst)
    }

    /// All questions so far.
    pub fn questions(&self) -> Vec<String> {
        self.shared.questions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ChatPage {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn serve(listener: TcpListener, state: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().must("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).must("listening");
        let router = Router::new()
            .route("/", get(chat))
            .route("/login", get(login))
            .route("/answer", post(answer))
            .with_state(state);
        tokio::select! {
            served = axum::serve(listener, router) => served.must("serving the page"),
            _ = stopped => {}
        }
    });
}

async fn chat(State(state): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let mode = *state.mode.lock().unwrap_or_else(PoisonError::into_inner);
    let cookie = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let has_session = cookie.contains("session=yes");
    state.signed_in.fetch_or(has_session, Ordering::SeqCst);
    let page = include_str!("chat_page/chat.html");
    match mode {
        PageMode::Expired => to("/login"),
        PageMode::WantsSession if !has_session => to("/login"),
        PageMode::Elsewhere => {
            let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
            to(&format!("http://{}/login", host.replacen("127.0.0.1", "localhost", 1)))
        }
        PageMode::Captcha => Html(include_str!("chat_page/captcha.html")).into_response(),
        PageMode::OtherLayout => Html(page.replace("message assistant", "bubble theirs")).into_response(),
        PageMode::NoField => {
            Html(page.replace("<textarea", "<div hidden").replace("</textarea", "</div")).into_response()
        }
        PageMode::ShortField => Html(page.replace("<textarea", "<textarea maxlength=100")).into_response(),
        PageMode::Dialog => Html(page.replace("/* dialog */", "alert('Read our news');")).into_response(),
        PageMode::Streams | PageMode::WantsSession | PageMode::Endless => Html(page).into_response(),
    }
}

fn to(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place.to_owned())]).into_response()
}

async fn login(State(state): State<Arc<Shared>>) -> Html<String> {
    let mode = *state.mode.lock().unwrap_or_else(PoisonError::into_inner);
    let page = include_str!("chat_page/login.html");
    let gives = if mode == PageMode::WantsSession { "true" } else { "false" };
    Html(page.replace("GIVES_SESSION", gives))
}

async fn answer(State(state): State<Arc<Shared>>, question: String) -> Response {
    state.questions.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
    let endless = *state.mode.lock().unwrap_or_else(PoisonError::into_inner) == PageMode::Endless;
    let text = {
        let mut answer = state.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&question)
    };
    let letters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = letters.chunks(60).map(|piece| piece.iter().collect()).collect();
    let streamed = stream::unfold(0, move |at| {
        let piece = if endless { Some("and so on ".to_owned()) } else { pieces.get(at).cloned() };
        async move {
            tokio::time::sleep(Duration::from_millis(15)).await;
            piece.map(|piece| (Ok::<_, std::io::Error>(piece), at + 1))
        }
    });
    Body::from_stream(streamed).into_response()
}
