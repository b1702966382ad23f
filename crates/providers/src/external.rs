//! A patch that somebody hands in: it goes the way of every other proposal, with no more trust than any.

use async_trait::async_trait;
use domain::ids::Sha256;
use domain::money::MicroDollars;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Form, ProviderFailure, ProviderId};
use domain::task::Task;
use engine::provider::{Answer, Ask, Attached, Provider, Refusal, Request};

use crate::failure;

/// `external`: the patch that the caller handed in, given as a diff or as a reply in JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct External;

/// A text whose first character is `{` is a reply; no diff starts so. Everything else is read as a diff, with the diff
/// reader's reasons when it is none.
fn form_of(bytes: &[u8]) -> Form {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Form::Reply,
        _ => Form::Diff,
    }
}

fn patch<'a>(ask: &Ask<'a>) -> Result<&'a [u8], ProviderFailure> {
    ask.handed_in.ok_or_else(|| failure(FailureKind::NotConfigured, "no patch was handed in"))
}

#[async_trait]
impl Provider for External {
    fn id(&self) -> ProviderId {
        ProviderId::new("external")
    }

    fn suits(&self, _task: &Task) -> Result<String, String> {
        Ok("the patch was handed in".to_owned())
    }

    fn repairs(&self) -> bool {
        false
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        let bytes = format!("external\n{}", Sha256::of(patch(ask)?)).into_bytes();
        Ok(Request { bytes, model: None, images: Attached::default() })
    }

    fn ceiling(&self, _request: &Request) -> Result<MicroDollars, ProviderFailure> {
        Ok(MicroDollars::ZERO)
    }

    async fn propose(&self, _request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let charge = Charge::nothing(ChargeBasis::Free);
        let patch = patch(ask).map_err(|failure| Refusal { failure, charge })?;
        Ok(Answer { form: form_of(patch), bytes: patch.to_vec(), model: None, usage: None, charge })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handed_in_text_is_a_reply_when_it_starts_as_json_does() {
        let form = |text: &str| form_of(text.as_bytes());
        assert_eq!(form("\u{feff}\n {\"patch\": \"\"}"), Form::Reply);
        assert_eq!(form("diff --git a/a b/a\n"), Form::Diff);
        assert_eq!(form("From 0123\nSubject: {x}\n"), Form::Diff);
        assert_eq!(form(""), Form::Diff);
    }
}
