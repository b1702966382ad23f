//! The providers of a project, from its configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Project;
use engine::provider::Provider;
use providers::Settings;

/// The time whose prices hold: none of a scenario's providers is priced by the table.
const NOW: i64 = 0;

/// As the program makes them.
pub(crate) fn of(project: &Project, environment: &BTreeMap<String, String>) -> Vec<Box<dyn Provider>> {
    let settings = Settings::new(Arc::clone(&project.rules), &project.config, NOW);
    providers::from_config(&settings, environment)
}
