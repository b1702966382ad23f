//! What is done on a page, each as one call: open, look, fill, click, press, read, screenshot.

use std::time::Duration;

use base64::Engine as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::adapter::{Key, Read, Sign, Signs, WaitAnswer};
use super::devtools::{DevTools, Fault};

/// The function that looks at the page.
const SCRIPT: &str = include_str!("page.js");

/// A screenshot is no larger; a larger one is taken again in a coarser form.
const MOST_PICTURE: usize = 2 << 20;

/// The most characters of a page's text that are kept.
const MOST_TEXT: usize = 200_000;

/// How the page looks at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Look {
    pub(super) url: String,
    /// Whether the document was read.
    pub(super) ready: bool,
    /// Whether a sign of an expired session can be seen.
    pub(super) expired: bool,
    /// Whether the site asks for a proof that a person is there.
    pub(super) captcha: bool,
    /// Whether what was asked for can be seen.
    pub(super) seen: bool,
}

/// The answers on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Answers {
    pub(super) count: u64,
    /// The last one's length in characters, and a hash of its text.
    pub(super) length: u64,
    pub(super) hash: i64,
    /// Whether nothing says that it is still being written.
    pub(super) gone: bool,
    /// Whether what says that it is finished can be seen.
    pub(super) present: bool,
    /// The length of all text on the page.
    pub(super) page: u64,
}

/// The field that was chosen for the question.
#[derive(Debug, Deserialize)]
pub(super) struct Focus {
    pub(super) url: String,
    pub(super) active: bool,
}

/// Where something to click on is.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    x: f64,
    y: f64,
    pub(super) enabled: bool,
    /// Whether nothing lies over it.
    pub(super) free: bool,
}

/// The browser's page.
pub(super) struct Page<'a> {
    pub(super) devtools: &'a mut DevTools,
}

impl Page<'_> {
    /// Goes to an address. A server that is not there is told as the browser names it.
    pub(super) async fn open(&mut self, url: &str, until: Instant) -> Result<Result<(), String>, Fault> {
        let gone = self.devtools.call("Page.navigate", json!({ "url": url }), until).await?;
        Ok(match gone["errorText"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(()),
        })
    }

    /// The selectors that are none.
    pub(super) async fn invalid(&mut self, selectors: &[&str], until: Instant) -> Result<Vec<String>, Fault> {
        self.ask("invalid", &json!(selectors), until).await
    }

    /// How the page looks, and whether something can be seen.
    pub(super) async fn look(
        &mut self,
        signs: &Signs,
        selector: Option<&str>,
        until: Instant,
    ) -> Result<Look, Fault> {
        let list = |signs: &[Sign]| -> Vec<Value> {
            let one = |sign: &Sign| match sign {
                Sign::Selector(text) => json!({ "selector": text }),
                Sign::Url(text) => json!({ "url": text }),
                Sign::Text(text) => json!({ "text": text }),
            };
            signs.iter().map(one).collect()
        };
        let (expired, captcha) = (list(&signs.expired), list(&signs.captcha));
        let arg = json!({ "expired": expired, "captcha": captcha, "selector": selector });
        self.ask("look", &arg, until).await
    }

    /// Puts the focus into a field and selects what it holds.
    pub(super) async fn focus(&mut self, selector: &str, until: Instant) -> Result<Option<Focus>, Fault> {
        self.ask("focus", &json!(selector), until).await
    }

    /// Types a text at the focus, in place of what is selected, as one paste.
    pub(super) async fn insert(&mut self, text: &str, until: Instant) -> Result<(), Fault> {
        self.devtools.call("Input.insertText", json!({ "text": text }), until).await.map(drop)
    }

    /// What a field holds.
    pub(super) async fn held(&mut self, selector: &str, until: Instant) -> Result<Option<String>, Fault> {
        self.ask("held", &json!(selector), until).await
    }

    /// Where something is that can be clicked on.
    pub(super) async fn place(&mut self, selector: &str, until: Instant) -> Result<Option<Place>, Fault> {
        self.ask("place", &json!(selector), until).await
    }

    /// Clicks, as a mouse does.
    pub(super) async fn click(&mut self, place: &Place, until: Instant) -> Result<(), Fault> {
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place.x, "y": place.y, "button": "left", "clickCount": 1 });
            self.devtools.call("Input.dispatchMouseEvent", event, until).await?;
        }
        Ok(())
    }

    /// Presses a key, as a keyboard does.
    pub(super) async fn press(&mut self, key: Key, until: Instant) -> Result<(), Fault> {
        let (name, number, text, modifiers) = match key {
            Key::Enter => ("Enter", 13, "\r", 0),
            Key::ControlEnter => ("Enter", 13, "", 2),
            Key::Tab => ("Tab", 9, "", 0),
            Key::Escape => ("Escape", 27, "", 0),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": number, "modifiers": modifiers
            });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.devtools.call("Input.dispatchKeyEvent", event, until).await?;
        }
        Ok(())
    }

    /// The answers on the page.
    pub(super) async fn answers(&mut self, wait: &WaitAnswer, until: Instant) -> Result<Answers, Fault> {
        let arg = json!({ "selector": wait.selector, "gone": wait.gone, "present": wait.present });
        self.ask("answers", &arg, until).await
    }

    /// The last answer as it was written.
    pub(super) async fn read(&mut self, read: &Read, until: Instant) -> Result<Option<String>, Fault> {
        self.ask("read", &json!({ "selector": read.selector, "skip": read.skip }), until).await
    }

    /// All text of the page, cut.
    pub(super) async fn text(&mut self, until: Instant) -> Result<String, Fault> {
        self.ask("text", &json!(MOST_TEXT), until).await
    }

    /// What can be seen: a PNG, or a JPEG where that would be too large. With the name's ending.
    pub(super) async fn screenshot(&mut self, until: Instant) -> Result<(&'static str, Vec<u8>), Fault> {
        let png = self.picture(json!({ "format": "png" }), until).await?;
        if png.len() <= MOST_PICTURE {
            return Ok(("png", png));
        }
        Ok(("jpg", self.picture(json!({ "format": "jpeg", "quality": 40 }), until).await?))
    }

    async fn picture(&mut self, params: Value, until: Instant) -> Result<Vec<u8>, Fault> {
        let taken = self.devtools.call("Page.captureScreenshot", params, until).await?;
        let data = taken["data"].as_str().unwrap_or_default();
        let decoded = base64::engine::general_purpose::STANDARD.decode(data);
        decoded.map_err(|e| Fault::Refused(e.to_string()))
    }

    /// One look at the page by the script. A page that goes elsewhere meanwhile is looked at again.
    async fn ask<T: DeserializeOwned>(&mut self, op: &str, arg: &Value, until: Instant) -> Result<T, Fault> {
        let expression = format!("({SCRIPT})({}, {arg})", json!(op));
        loop {
            let params = json!({ "expression": expression, "returnByValue": true });
            match self.devtools.call("Runtime.evaluate", params, until).await {
                Err(Fault::Moved) if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(fault) => return Err(fault),
                Ok(mut given) => {
                    if let Some(thrown) = given.get("exceptionDetails") {
                        let what = thrown["exception"]["description"].as_str().unwrap_or("an exception");
                        let line = what.lines().next().unwrap_or_default();
                        return Err(Fault::Refused(format!("looking at the page ({op}): {line}")));
                    }
                    return serde_json::from_value(given["result"]["value"].take())
                        .map_err(|e| Fault::Refused(format!("looking at the page ({op}): {e}")));
                }
            }
        }
    }
}
