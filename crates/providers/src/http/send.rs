//! Sending one request: the client, what may be tried again, and every way in which it can fail.
//!
//! Nothing is sent twice that could be paid twice: only a refused connection and a server that says "later" are tried
//! again. Redirects are never followed, proxies of the environment never used, the key never shown.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use domain::proposal::{FailureKind, ProviderFailure, Usage};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::Waits;
use super::address::Endpoint;
use super::body::{self, Deadline};
use super::wire::Wish;
use crate::failure;

/// How often a request is sent again at most.
const RETRIES: u32 = 2;

/// A server that wants more patience than this is left for the next provider.
const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// The first pause after a refused connection (a server that restarts); the second is four times as long.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// The longest wait for a connection: a host that does not answer at all is told apart from one that thinks.
const CONNECT: Duration = Duration::from_secs(10);

/// How much of an error's body is read, and how much of it a message shows.
const EXCERPT_READ: usize = 4096;
const EXCERPT_SHOWN: usize = 300;

/// The version of Anthropic's interface that is spoken.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    FirstByte,
    Idle,
    Total,
}

/// What is owed for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Nothing was processed.
    Nothing,
    /// It cannot be known.
    Unknown,
    /// What the server reports.
    Tokens(Usage),
}

/// Why there is no answer's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It could not even be tried.
    NotSent(String),
    /// There is no connection; nothing was sent.
    Unreachable { refused: bool, why: String },
    /// An error status.
    Status { code: u16, excerpt: String, later: Option<Duration>, hint: String },
    /// A deadline passed.
    TimedOut(Wait),
    /// More bytes than the cap.
    TooLarge { cap: usize },
    /// The connection ended after so many bytes of the body.
    Truncated { bytes: usize },
}

impl Failed {
    /// What is owed. A 4xx and a "later" report that nothing was processed; so does a connection that never was.
    pub(crate) fn owed(&self) -> Owed {
        match self {
            Self::NotSent(_) | Self::Unreachable { .. } => Owed::Nothing,
            Self::Status { code, later, .. } if *code < 500 || (is_busy(*code) && later.is_some()) => {
                Owed::Nothing
            }
            Self::Status { .. } | Self::TimedOut(_) | Self::TooLarge { .. } | Self::Truncated { .. } => {
                Owed::Unknown
            }
        }
    }

    /// The wish of ours that the server refuses.
    pub(super) fn refused_wish(&self) -> Option<Wish> {
        match self {
            Self::Status { code: 400 | 422, excerpt, .. } => Wish::refused_by(excerpt),
            _ => None,
        }
    }

    /// How long to wait before the same request may be sent again without a risk to pay twice; `None` when it may not.
    fn patience(&self, tried: u32) -> Option<Duration> {
        match self {
            Self::Unreachable { refused: true, .. } => Some(REFUSED_PAUSE * 4_u32.pow(tried)),
            Self::Status { code, later, .. } if *code == 429 || is_busy(*code) => {
                later.filter(|later| *later <= MOST_PATIENCE)
            }
            _ => None,
        }
    }

    /// The failure as it is recorded: one sentence.
    pub(crate) fn into_failure(self) -> ProviderFailure {
        match self {
            Self::NotSent(why) => failure(FailureKind::NotConfigured, why),
            Self::Unreachable { why, .. } => failure(FailureKind::Unreachable, why),
            Self::Status { code, excerpt, hint, .. } => {
                failure(FailureKind::Status, status_text(code, &excerpt, &hint))
            }
            Self::TimedOut(wait) => failure(FailureKind::TimedOut, timed_out_text(wait)),
            Self::TooLarge { cap } => {
                failure(FailureKind::TooLarge, format!("the answer is larger than {cap} bytes"))
            }
            Self::Truncated { bytes } => failure(
                FailureKind::Truncated,
                format!("the connection ended after {bytes} bytes of the answer"),
            ),
        }
    }
}

/// "Unavailable", and Anthropic's "overloaded": refused before anything was generated, when a time for another try is
/// told with it.
fn is_busy(code: u16) -> bool {
    matches!(code, 503 | 529)
}

fn status_text(code: u16, excerpt: &str, key: &str) -> String {
    let shown: String = excerpt.chars().take(EXCERPT_SHOWN).collect();
    let said = if shown.is_empty() { String::new() } else { format!(": {shown}") };
    match code {
        300..=399 => format!(
            "the server answered {code}, a redirect; redirects are not followed, configure the new address"
        ),
        401 | 403 => format!("the server answered {code}; check the key ({key}){said}"),
        404 => format!("the server answered {code}; check the address and the model{said}"),
        _ => format!("the server answered {code}{said}"),
    }
}

fn timed_out_text(wait: Wait) -> &'static str {
    match wait {
        Wait::FirstByte => "no byte of the answer came in time (first-byte deadline)",
        Wait::Idle => "the answer stopped in the middle (idle deadline)",
        Wait::Total => "the answer was not complete in time (total deadline)",
    }
}

/// TLS as a client, with Mozilla's roots. For `http://` none is loaded: that alone would cost more than all the rest.
///
/// # Errors
/// One sentence, when the TLS library refuses its own defaults.
pub fn tls(is_https: bool) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    if is_https {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// The client for an endpoint.
///
/// # Errors
/// One sentence, when the TLS library refuses its own defaults.
pub(crate) fn client(endpoint: &Endpoint, waits: &Waits) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls(endpoint.is_https())?)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        // A connection that is used again may just be closing: the request would be lost, its cost unknown.
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT.min(waits.first_byte))
        .user_agent(concat!("codex-task/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("the HTTP client cannot be made: {}", causes(&error)))
}

/// One request's way to the server.
pub(crate) struct Sender<'a> {
    pub(crate) client: &'a Client,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) key: Option<&'a SecretString>,
    pub(crate) key_header: KeyHeader,
    /// The setting that names the key's variable, for messages.
    pub(crate) key_setting: String,
    pub(crate) waits: &'a Waits,
    /// The most bytes of the answer.
    pub(crate) cap: usize,
    /// The total deadline.
    pub(crate) until: Instant,
}

impl Sender<'_> {
    /// Sends the body and gives the answer's; tries again where that cannot cost twice.
    pub(crate) async fn ask(&self, body: Vec<u8>) -> Result<Vec<u8>, Failed> {
        let (response, deadline) = self.open(body, &HeaderMap::new()).await?;
        body::read(response, self.cap, deadline, self.waits).await
    }

    /// Sends the body and gives the answer as soon as its good status is there, with the deadline for its first byte. `more`
    /// are headers on top of ours.
    pub(crate) async fn open(&self, body: Vec<u8>, more: &HeaderMap) -> Result<(Response, Deadline), Failed> {
        let mut tried = 0;
        loop {
            let failed = match self.once(body.clone(), more).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            match failed.patience(tried) {
                Some(pause) if tried < RETRIES && Instant::now() + pause < self.until => {
                    tokio::time::sleep(pause).await;
                    tried += 1;
                }
                _ => return Err(failed),
            }
        }
    }

    async fn once(&self, body: Vec<u8>, more: &HeaderMap) -> Result<(Response, Deadline), Failed> {
        let next = Instant::now() + self.waits.first_byte;
        let deadline = Deadline { next, wait: Wait::FirstByte, total: self.until };
        let mut request = self.client.post(self.endpoint.url().clone()).headers(more.clone());
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(key) = self.key {
            request = request.header(self.key_header.name(), self.key_header.value(key)?);
        }
        if self.key_header == KeyHeader::Anthropic {
            request = request.header("anthropic-version", ANTHROPIC_VERSION);
        }
        let sent = deadline.hold(request.body(body).send()).await?;
        let response = sent.map_err(|error| self.unanswered(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok((response, deadline));
        }
        let later = later(response.headers());
        let excerpt = body::beginning(response, EXCERPT_READ, deadline).await;
        let (excerpt, hint) = (self.safe(&excerpt), self.key_setting.clone());
        Err(Failed::Status { code: status.as_u16(), excerpt, later, hint })
    }

    fn unanswered(&self, error: reqwest::Error) -> Failed {
        if !error.is_connect() {
            return Failed::Truncated { bytes: 0 };
        }
        let error = error.without_url();
        let why = format!("no connection to {}: {}", self.endpoint, causes(&error));
        Failed::Unreachable { refused: is_refused(&error), why }
    }

    /// A server's words as one line without the key, which some servers repeat.
    fn safe(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let text = match self.key {
            Some(key) => text.replace(key.expose_secret(), "[key]"),
            None => text.into_owned(),
        };
        let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        printable.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// How long a look at a server may take.
const PROBE: Duration = Duration::from_secs(3);

/// Asks for the list of models. Any answer but an error of the server means that somebody is there.
///
/// # Errors
/// As a question would fail.
pub(crate) async fn probe(
    client: &Client,
    endpoint: &Endpoint,
    key: Option<&SecretString>,
    header: KeyHeader,
) -> Result<(), Failed> {
    let mut request = client.get(endpoint.models());
    if let Some(key) = key {
        request = request.header(header.name(), header.value(key)?);
    }
    if header == KeyHeader::Anthropic {
        request = request.header("anthropic-version", ANTHROPIC_VERSION);
    }
    let sent = tokio::time::timeout(PROBE, request.send()).await;
    let sent = sent.map_err(|_| Failed::TimedOut(Wait::FirstByte))?;
    let unreachable = |error: reqwest::Error| {
        let error = error.without_url();
        Failed::Unreachable {
            refused: false,
            why: format!("no connection to {endpoint}: {}", causes(&error)),
        }
    };
    let code = sent.map_err(unreachable)?.status().as_u16();
    let (excerpt, hint) = (String::new(), String::new());
    if code < 500 { Ok(()) } else { Err(Failed::Status { code, excerpt, later: None, hint }) }
}

/// How an interface wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`, beside the interface's version.
    Anthropic,
}

impl KeyHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::Bearer => AUTHORIZATION,
            Self::Anthropic => HeaderName::from_static("x-api-key"),
        }
    }

    fn value(self, key: &SecretString) -> Result<HeaderValue, Failed> {
        let value = match self {
            Self::Bearer => HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())),
            Self::Anthropic => HeaderValue::from_str(key.expose_secret()),
        };
        let mut value =
            value.map_err(|_| Failed::NotSent("the key holds characters that no header may".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// How long the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds. Its form as a date would need a
/// clock and counts as absent.
fn later(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let millis = number("retry-after-ms").map(Duration::from_millis);
    millis.or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
}

fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let io = chain(error).find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| {
        let cause: &'e (dyn Error + 'static) = *cause;
        cause.source()
    })
}

/// An error with its causes, in one line.
fn causes(error: &(dyn Error + 'static)) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, later: Option<u64>) -> Failed {
        let later = later.map(Duration::from_secs);
        Failed::Status { code, excerpt: String::new(), later, hint: String::new() }
    }

    #[test]
    fn only_what_cannot_be_paid_twice_is_tried_again() {
        let refused = Failed::Unreachable { refused: true, why: String::new() };
        assert_eq!(
            (refused.patience(0), refused.patience(1)),
            (Some(REFUSED_PAUSE), Some(REFUSED_PAUSE * 4))
        );
        assert_eq!(Failed::Unreachable { refused: false, why: String::new() }.patience(0), None);
        assert_eq!(status(429, Some(2)).patience(0), Some(Duration::from_secs(2)));
        assert_eq!(status(503, Some(0)).patience(0), Some(Duration::ZERO));
        assert_eq!(status(529, Some(1)).patience(0), Some(Duration::from_secs(1)));
        let never = [
            status(429, None),
            status(429, Some(60)),
            status(503, None),
            status(500, Some(0)),
            status(400, Some(0)),
            Failed::TimedOut(Wait::Total),
            Failed::Truncated { bytes: 0 },
            Failed::TooLarge { cap: 1 },
            Failed::NotSent(String::new()),
        ];
        for failed in never {
            assert_eq!(failed.patience(0), None, "{failed:?}");
        }
    }

    #[test]
    fn nothing_is_owed_only_where_nothing_was_processed() {
        for (failed, owed) in [
            (status(400, None), Owed::Nothing),
            (status(429, None), Owed::Nothing),
            (status(307, None), Owed::Nothing),
            (status(503, Some(9)), Owed::Nothing),
            (status(503, None), Owed::Unknown),
            (status(529, None), Owed::Unknown),
            (status(500, Some(1)), Owed::Unknown),
            (Failed::Unreachable { refused: false, why: String::new() }, Owed::Nothing),
            (Failed::TimedOut(Wait::FirstByte), Owed::Unknown),
            (Failed::Truncated { bytes: 0 }, Owed::Unknown),
            (Failed::TooLarge { cap: 1 }, Owed::Unknown),
        ] {
            assert_eq!(failed.owed(), owed, "{failed:?}");
        }
    }

    #[test]
    fn a_pause_is_read_in_seconds_or_milliseconds_and_not_as_a_date() {
        let read = |name: &'static str, value: &'static str| {
            later(&HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]))
        };
        assert_eq!(read("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "Sat, 21 Nov 2026 08:00:00 GMT"), None);
        assert_eq!(read("retry-after", "-1"), None);
    }
}
