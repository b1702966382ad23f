//! `login SITE`: a visible window in which a person signs in, once; the session stays in the site's profile.

use tokio::time::Instant;

use super::browser::Browser;
use super::page::Page;
use super::settings::WebSettings;
use super::visit::Visit;
use super::{of_profile, of_stop};

/// Why nobody could sign in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// There is no display for a window.
    #[error("there is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set")]
    NoDisplay,
    /// The site is not configured well enough.
    #[error("{0}")]
    Settings(String),
    /// The browser or the page failed.
    #[error("{0}")]
    Failed(String),
}

/// Opens the site in a window, waits until it is closed or `done` comes, and looks whether the site would take a
/// question now. Gives what was found, in a sentence.
///
/// # Errors
/// [`LoginError`].
pub async fn login(
    settings: &WebSettings,
    opened: impl FnOnce(&str) + Send,
    done: impl Future<Output = ()> + Send,
) -> Result<String, LoginError> {
    let has = |name: &str| settings.environment.get(name).is_some_and(|value| !value.is_empty());
    if !has("DISPLAY") && !has("WAYLAND_DISPLAY") {
        return Err(LoginError::NoDisplay);
    }
    let site = settings.site().map_err(LoginError::Settings)?;
    let within = || Instant::now() + settings.total;
    let profile = settings.profile(&site.name, within()).await;
    let profile = profile.map_err(|error| LoginError::Failed(of_profile(&error).detail))?;
    let started = Browser::start(&settings.start(&site.program, true), &profile, within()).await;
    let mut browser = started.map_err(LoginError::Failed)?;
    let mut page = Page { devtools: &mut browser.devtools };
    let went = page.open(site.url.as_str(), within()).await;
    match went.map_err(|fault| LoginError::Failed(fault.to_string()))? {
        Ok(()) => opened(site.url.as_str()),
        Err(error) => return Err(LoginError::Failed(format!("{}: {error}", site.url))),
    }
    tokio::select! {
        () = browser.closed() => {}
        () = done => {}
    }
    browser.close().await;
    let started = Browser::start(&settings.start(&site.program, false), &profile, within()).await;
    let mut browser = started.map_err(LoginError::Failed)?;
    let until = within();
    let mut visit =
        Visit::new(&site.adapter, &site.url, settings.max_reply_bytes, until, &mut browser.devtools);
    let arrived = visit.arrive().await;
    browser.close().await;
    match arrived {
        Ok(()) => Ok(format!("{} takes questions now", site.name)),
        Err(stop) => Err(LoginError::Failed(of_stop(&stop, &site.name, None).detail)),
    }
}
