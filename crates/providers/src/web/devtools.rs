//! The DevTools protocol over two pipes: JSON messages with a zero byte after each.
//!
//! Why pipes and no library: the libraries speak over a TCP port, to which every process of the machine may connect and
//! use the person's session. A pipe belongs to us alone, and a browser whose pipe closes ends by itself, also when this
//! process is killed. What is needed of the protocol is a dozen calls.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{Instant, timeout_at};

/// No message of the browser is larger: a screenshot is some megabytes.
const MOST_BYTES: usize = 64 << 20;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The browser is gone, or its pipe is.
    #[error("the browser ended")]
    Gone,
    /// No answer in time.
    #[error("the browser did not answer in time")]
    Late,
    /// The page went elsewhere during the call.
    #[error("the page went elsewhere")]
    Moved,
    /// The page's process died.
    #[error("the page crashed")]
    Crashed,
    /// The browser refuses the call, or the page's script failed.
    #[error("{0}")]
    Refused(String),
}

type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;
type Reader = BufReader<Box<dyn AsyncRead + Send + Sync + Unpin>>;

/// One browser's end of the pipes, attached to one page.
pub(super) struct DevTools {
    writer: Writer,
    reader: Reader,
    /// What came of a message that is not whole yet: a call that was given up loses nothing.
    partial: Vec<u8>,
    last_id: u64,
    page: Option<String>,
}

impl DevTools {
    pub(super) fn new(
        writer: impl AsyncWrite + Send + Sync + Unpin + 'static,
        reader: impl AsyncRead + Send + Sync + Unpin + 'static,
    ) -> Self {
        Self {
            writer: Box::new(writer),
            reader: BufReader::new(Box::new(reader)),
            partial: Vec::new(),
            last_id: 0,
            page: None,
        }
    }

    /// Attaches to the browser's page; calls go to it from then on.
    pub(super) async fn attach(&mut self, until: Instant) -> Result<(), Fault> {
        let page = loop {
            let targets = self.browser("Target.getTargets", json!({}), until).await?;
            let targets = targets["targetInfos"].as_array().cloned().unwrap_or_default();
            if let Some(page) = targets.into_iter().find(|target| target["type"] == "page") {
                break page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let params = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = self.browser("Target.attachToTarget", params, until).await?;
        self.page = attached["sessionId"].as_str().map(str::to_owned);
        self.call("Page.enable", json!({}), until).await?;
        self.call("Inspector.enable", json!({}), until).await?;
        Ok(())
    }

    /// A call to the page.
    pub(super) async fn call(&mut self, method: &str, params: Value, until: Instant) -> Result<Value, Fault> {
        let session = self.page.clone();
        self.exchange(method, params, session, until).await
    }

    /// A call to the browser as a whole.
    pub(super) async fn browser(
        &mut self,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<Value, Fault> {
        self.exchange(method, params, None, until).await
    }

    /// Reads to the end, so that a browser that closes is not held up by what it still has to say.
    pub(super) async fn drain(&mut self) {
        while self.message().await.is_ok() {}
    }

    async fn exchange(
        &mut self,
        method: &str,
        params: Value,
        session: Option<String>,
        until: Instant,
    ) -> Result<Value, Fault> {
        let id = self.send(method, params, session, until).await?;
        loop {
            let mut message = timeout_at(until, self.message()).await.map_err(|_| Fault::Late)??;
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(refused(method, &error["message"])),
                    None => Ok(message["result"].take()),
                };
            }
            self.event(&message, until).await?;
        }
    }

    /// What happens beside the calls. A dialog stops the page until it is answered: it is dismissed, but for the one that
    /// asks whether the page may be left.
    async fn event(&mut self, message: &Value, until: Instant) -> Result<(), Fault> {
        match message["method"].as_str() {
            Some("Page.javascriptDialogOpening") => {
                let accept = message["params"]["type"] == "beforeunload";
                let session = message["sessionId"].as_str().map(str::to_owned);
                self.send("Page.handleJavaScriptDialog", json!({ "accept": accept }), session, until).await?;
                Ok(())
            }
            Some("Inspector.targetCrashed" | "Target.targetCrashed") => Err(Fault::Crashed),
            Some("Inspector.detached") => Err(Fault::Gone),
            _ => Ok(()),
        }
    }

    async fn send(
        &mut self,
        method: &str,
        params: Value,
        session: Option<String>,
        until: Instant,
    ) -> Result<u64, Fault> {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let written = timeout_at(until, self.writer.write_all(&bytes)).await.map_err(|_| Fault::Late)?;
        written.map_err(|_| Fault::Gone)?;
        Ok(self.last_id)
    }

    async fn message(&mut self) -> Result<Value, Fault> {
        loop {
            let piece = self.reader.fill_buf().await.map_err(|_| Fault::Gone)?;
            if piece.is_empty() || self.partial.len() > MOST_BYTES {
                return Err(Fault::Gone);
            }
            let end = piece.iter().position(|byte| *byte == 0);
            let taken = end.unwrap_or(piece.len());
            self.partial.extend_from_slice(&piece[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                let bytes = std::mem::take(&mut self.partial);
                return serde_json::from_slice(&bytes).map_err(|e| Fault::Refused(e.to_string()));
            }
        }
    }
}

/// Some refusals only say that the page was left while it was asked.
fn refused(method: &str, message: &Value) -> Fault {
    let message = message.as_str().unwrap_or("no reason");
    let moved = ["Cannot find context", "navigated or closed", "Execution context was destroyed"];
    if moved.iter().any(|words| message.contains(words)) {
        return Fault::Moved;
    }
    Fault::Refused(format!("{method}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, duplex};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn answers_are_told_apart_from_events_and_come_in_any_pieces() {
        let (ours, mut browsers_in) = duplex(1 << 16);
        let (mut browsers_out, reader) = duplex(8);
        let mut devtools = DevTools::new(ours, reader);
        let browser = tokio::spawn(async move {
            let said = "{\"method\":\"Some.event\"}\0{\"id\":1,\"result\":{\"a\":[1,2]}}\0";
            browsers_out.write_all(said.as_bytes()).await.unwrap();
            let refusal = "{\"id\":2,\"error\":{\"message\":\"no such thing\"}}\0";
            browsers_out.write_all(refusal.as_bytes()).await.unwrap();
        });
        assert_eq!(devtools.browser("A.b", json!({}), soon()).await.unwrap()["a"][1], 2);
        let refusal = devtools.browser("A.c", json!({}), soon()).await.unwrap_err();
        assert_eq!(refusal, Fault::Refused("A.c: no such thing".to_owned()));
        browser.await.unwrap();
        assert_eq!(devtools.browser("A.d", json!({}), soon()).await.unwrap_err(), Fault::Gone);
        let mut sent = vec![0; 64];
        let read = browsers_in.read(&mut sent).await.unwrap();
        let sent = String::from_utf8_lossy(&sent[..read]);
        assert!(sent.contains("\"method\":\"A.b\"") && sent.contains('\0'), "{sent}");
    }

    #[tokio::test]
    async fn a_dialog_is_answered_while_a_call_waits() {
        let (ours, mut browsers_in) = duplex(1 << 16);
        let (mut browsers_out, reader) = duplex(1 << 16);
        let mut devtools = DevTools::new(ours, reader);
        let dialog = "{\"method\":\"Page.javascriptDialogOpening\",\"sessionId\":\"s\",\"params\":{\"type\":\"alert\"}}\0";
        browsers_out.write_all(dialog.as_bytes()).await.unwrap();
        browsers_out.write_all(b"{\"id\":1,\"result\":{}}\0").await.unwrap();
        devtools.browser("A.b", json!({}), soon()).await.unwrap();
        let mut sent = vec![0; 1024];
        let read = browsers_in.read(&mut sent).await.unwrap();
        let sent = String::from_utf8_lossy(&sent[..read]);
        assert!(sent.contains("Page.handleJavaScriptDialog") && sent.contains("\"accept\":false"), "{sent}");
    }

    #[tokio::test]
    async fn a_browser_that_stays_silent_is_late() {
        let (ours, _in) = duplex(1 << 16);
        let (_out, reader) = duplex(8);
        let mut devtools = DevTools::new(ours, reader);
        let until = Instant::now() + Duration::from_millis(10);
        assert_eq!(devtools.browser("A.b", json!({}), until).await.unwrap_err(), Fault::Late);
    }
}
