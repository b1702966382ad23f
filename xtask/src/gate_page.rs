//! The manual's page about the gate, from the table of rules: what each is for, why, what follows, how it is changed, and an
//! example of what it finds.

use std::fmt::Write as _;

use domain::gate::table::{self, RuleEntry};

/// What stands above the rules.
const HEAD: &str = include_str!("gate_page.md");

/// The first rule of each part, with the part's title.
const PARTS: [(&str, &str); 7] = [
    ("too-many-files", "Limits"),
    ("denied-path", "Paths"),
    ("own-policy", "Files that steer tools or people"),
    ("symlink", "Sorts of files"),
    ("test-touched-by-finding", "Tests and linters"),
    ("hidden-characters", "Added lines"),
    ("own-rule", "Rules of the policy"),
];

pub(crate) fn text() -> anyhow::Result<String> {
    let mut page = HEAD.to_owned();
    for entry in table::builtin()? {
        if let Some((_, title)) = PARTS.iter().find(|(first, _)| *first == entry.id.id()) {
            write!(page, "\n## {title}\n")?;
        }
        page.push_str(&section(entry)?);
    }
    Ok(page)
}

fn section(entry: &RuleEntry) -> anyhow::Result<String> {
    let mut out = format!("\n### {} ({})\n\n", entry.id, entry.verdict);
    let (text, why, change) = (capital(&entry.text), entry.why.trim(), entry.change.trim());
    writeln!(out, "{text}. {why}\n\nHow to change it: {change}")?;
    if let Some(example) = entry.examples.matching.first() {
        // A fence within an example would end this one.
        writeln!(out, "\n~~~text\n{}\n~~~", example.to_string().trim_end())?;
    }
    Ok(out)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_every_rule_has_its_heading() {
        let page = text().unwrap();
        for (_, title) in PARTS {
            assert!(page.contains(&format!("\n## {title}\n")), "{title}");
        }
        for entry in table::builtin().unwrap() {
            assert!(page.contains(&format!("\n### {} ({})\n", entry.id, entry.verdict)), "{}", entry.id);
        }
    }
}
