//! Where the requests go: the configured address, completed to the interface's own path.

use std::fmt;

use engine::config::Wire;
use reqwest::Url;

/// The address that an interface's requests go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    /// Reads the configured address of a section such as `providers.local`. `/v1` and the interface's path
    /// (`/chat/completions`) are added as far as they are missing; an address that already holds a version (`/v1`,
    /// `/v1beta/openai`) gets the path only.
    ///
    /// # Errors
    /// A sentence that names the setting. It never repeats the address, which may hold a password.
    pub(crate) fn parse(text: &str, section: &str, wire: Wire) -> Result<Self, String> {
        let wrong = |why: &str| format!("{section}.url {why}");
        let mut url =
            Url::parse(text.trim()).map_err(|error| wrong(&format!("is not an address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("must begin with http:// or https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let why = format!("must not hold a password; name a variable in {section}.api_key_env");
            return Err(wrong(&why));
        }
        url.set_fragment(None);
        let path = complete(url.path(), path_of(wire));
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The whole address.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// The list of the server's models: the cheapest thing that it can be asked.
    pub(crate) fn models(&self) -> Url {
        let mut url = self.0.clone();
        let own = ["/chat/completions", "/responses", "/messages"];
        let base = own.into_iter().find_map(|own| self.0.path().strip_suffix(own)).unwrap_or_default();
        url.set_path(&format!("{base}/models"));
        url
    }

    /// The path with its query: the part of the address that a request's hash covers.
    pub(crate) fn path(&self) -> String {
        let query = self.0.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.0.path())
    }

    /// Whether certificates are needed.
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for Endpoint {
    /// Scheme, host, port and path; no query, which some servers use for keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}{port}{}", self.0.scheme(), self.0.path())
    }
}

fn path_of(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenaiChat => "/chat/completions",
        Wire::OpenaiResponses => "/responses",
        Wire::AnthropicMessages => "/messages",
    }
}

fn complete(path: &str, own: &str) -> String {
    let path = path.trim_end_matches('/');
    if path.ends_with(own) {
        return path.to_owned();
    }
    let is_version = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let version = if path.split('/').any(is_version) { "" } else { "/v1" };
    format!("{path}{version}{own}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> Result<Endpoint, String> {
        Endpoint::parse(text, "providers.local", Wire::OpenaiChat)
    }

    #[test]
    fn each_interface_has_its_path() {
        let at = |wire| Endpoint::parse("https://h/v1", "providers.x", wire).unwrap().path();
        assert_eq!(at(Wire::OpenaiResponses), "/v1/responses");
        assert_eq!(at(Wire::AnthropicMessages), "/v1/messages");
        assert!(
            Endpoint::parse("h", "providers.x", Wire::OpenaiChat).unwrap_err().starts_with("providers.x.url")
        );
    }

    #[test]
    fn the_chat_path_is_added_as_far_as_it_is_missing() {
        for (given, expected) in [
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions"),
            ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1/chat/completions"),
            ("http://h/v1", "http://h/v1/chat/completions"),
            ("http://h/v1/", "http://h/v1/chat/completions"),
            (" https://h/api/v1//", "https://h/api/v1/chat/completions"),
            ("https://h/v1beta/openai", "https://h/v1beta/openai/chat/completions"),
            ("https://h/vllm", "https://h/vllm/v1/chat/completions"),
            ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
        ] {
            assert_eq!(chat(given).unwrap().url().as_str(), expected, "{given}");
        }
    }

    #[test]
    fn a_query_is_sent_and_hashed_and_not_shown() {
        let endpoint = chat("https://h:8443/v1?key=s3cret#x").unwrap();
        assert_eq!(endpoint.path(), "/v1/chat/completions?key=s3cret");
        assert_eq!(endpoint.to_string(), "https://h:8443/v1/chat/completions");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for given in ["", "localhost:11434", "file:///etc/passwd", "http://u:hunter2@h/v1", "http://"] {
            let why = chat(given).unwrap_err();
            assert!(why.starts_with("providers.local.url ") && !why.contains("hunter2"), "{why}");
        }
    }
}
