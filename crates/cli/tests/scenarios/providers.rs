//! The providers of a project, from its configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Project;
use engine::provider::Provider;
use providers::{LocalSettings, Prices, Settings};

/// As the program makes them, but with the defaults for deadlines and sizes, which no scenario sets.
pub(crate) fn of(project: &Project, environment: &BTreeMap<String, String>) -> Vec<Box<dyn Provider>> {
    let asked = &project.config.providers.local;
    let local = LocalSettings {
        url: asked.url.clone(),
        model: asked.model.clone(),
        prices: Prices { input: asked.price_in, output: asked.price_out },
        ..LocalSettings::default()
    };
    providers::from_config(&Settings { rules: Arc::clone(&project.rules), local }, environment)
}
