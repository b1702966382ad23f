//! What the types of an adapter file cannot say: the order of the steps, the ranges of numbers, addresses.

use serde_saphyr::Spanned;

use super::form::{Sign, Step};
use super::{File, VERSION};

/// What is wrong, with its line where it is known.
pub(super) type Fault = (Option<u64>, String);

/// What the types cannot say: the order of the steps and the ranges of numbers.
pub(super) fn check(file: &File) -> Result<(), Fault> {
    if file.version.value != VERSION {
        let message = format!("version: {} is not known; this program reads {VERSION}", file.version.value);
        return Err((Some(file.version.referenced.line()), message));
    }
    if let Some(url) = &file.url {
        address(&url.value).map_err(|why| (Some(url.referenced.line()), format!("url: {why}")))?;
    }
    for host in &file.hosts {
        let bare = !host.value.is_empty() && !host.value.contains(['/', ':', ' ', '*']);
        if !bare {
            let message = format!("hosts: {:?} is no host's name", host.value);
            return Err((Some(host.referenced.line()), message));
        }
    }
    for sign in file.signs.expired.iter().chain(&file.signs.captcha) {
        let (Sign::Selector(text) | Sign::Url(text) | Sign::Text(text)) = sign;
        if text.trim().is_empty() {
            return Err((None, "signs: an empty sign would always be seen".to_owned()));
        }
    }
    for step in &file.steps {
        let fault =
            |message| (Some(step.referenced.line()), format!("steps: {}: {message}", step.value.word()));
        ranges(&step.value).map_err(fault)?;
    }
    order(&file.steps)
}

/// An address of a page: over HTTP, without a password in it.
pub(in crate::web) fn address(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text.trim()).map_err(|e| format!("{text:?} is no address: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("{text:?} must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address must not hold a password".to_owned());
    }
    Ok(url)
}

fn ranges(step: &Step) -> Result<(), String> {
    let seconds = |seconds: u64| match seconds {
        1..=3600 => Ok(()),
        _ => Err(format!("seconds: {seconds} is not from 1 to 3600")),
    };
    let filled = |key: &str, text: &str| {
        if text.trim().is_empty() { Err(format!("{key} is empty")) } else { Ok(()) }
    };
    match step {
        Step::Open(at) if !at.starts_with("{url}") => address(at).map(drop),
        Step::Open(_) | Step::Press(_) => Ok(()),
        Step::WaitFor(wait) => filled("selector", &wait.selector).and(seconds(wait.seconds)),
        Step::Fill(fill) => filled("selector", &fill.selector),
        Step::Click(click) => filled("selector", &click.selector).and(seconds(click.seconds)),
        Step::WaitAnswer(wait) => {
            filled("selector", &wait.selector)?;
            if !(100..=60_000).contains(&wait.stable_ms) {
                return Err(format!("stable_ms: {} is not from 100 to 60000", wait.stable_ms));
            }
            seconds(wait.seconds)
        }
        Step::Read(read) => filled("selector", &read.selector),
    }
}

/// `open` comes first, then `fill`, something that sends, `wait_answer`, and `read` as the last: each of them once.
fn order(steps: &[Spanned<Step>]) -> Result<(), Fault> {
    let line = |at: usize| steps.get(at).map(|step: &Spanned<Step>| step.referenced.line());
    let only = |word: &str| -> Result<usize, Fault> {
        let mut places = (0..steps.len()).filter(|at| steps[*at].value.word() == word);
        match (places.next(), places.next()) {
            (Some(at), None) => Ok(at),
            (None, _) => Err((line(0), format!("steps: there is no {word}"))),
            (Some(_), Some(second)) => Err((line(second), format!("steps: a second {word}"))),
        }
    };
    let (open, fill, wait, read) = (only("open")?, only("fill")?, only("wait_answer")?, only("read")?);
    let comes = |at: usize, word: &str, why: &str| Err((line(at), format!("steps: {word} must {why}")));
    let is_sending = |step: &Spanned<Step>| matches!(step.value, Step::Click(_) | Step::Press(_));
    if open != 0 {
        return comes(open, "open", "come first");
    }
    if wait < fill {
        return comes(wait, "wait_answer", "come after fill");
    }
    if !steps[fill..wait].iter().any(is_sending) {
        return comes(wait, "wait_answer", "come after a click or press that sends the question");
    }
    if read != steps.len() - 1 {
        return comes(read, "read", "come last");
    }
    Ok(())
}
