//! The examples of rules, judged when a policy loads: a rule that does not do what it says is an error, by name.

use super::policy::{CommandPolicy, CommandRules, PolicyError, RuleEntry};
use super::{Finding, Rule, Verdict, judge};

impl CommandPolicy {
    /// Holds the built-in rules against their own examples.
    pub(super) fn check_built_in() -> Result<(), PolicyError> {
        let policy = Self::default();
        for rule in Rule::ALL {
            for (examples, list, wanted) in
                [(rule.matches(), "match", true), (rule.not_matches(), "not_match", false)]
            {
                for example in examples {
                    if policy.finds(rule.id(), example) != wanted {
                        return Err(wrong(rule.id(), example, list, wanted));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a rule by this name is among the findings.
    fn finds(&self, id: &str, command: &str) -> bool {
        judge(command, self).findings.iter().any(|finding: &Finding| finding.rule == id)
    }

    pub(super) fn check_names(&self, rules: &CommandRules) -> Result<(), PolicyError> {
        let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        for rule in rules.allow.iter().chain(&rules.ask).chain(&rules.deny) {
            let refuse = |why: &str| PolicyError::Rule { id: rule.id.clone(), why: why.to_owned() };
            if rule.id.trim().is_empty() {
                return Err(refuse("it has no id"));
            }
            if names.contains(&rule.id.as_str()) {
                return Err(refuse("another rule has this id"));
            }
            if rule.argv.first().is_none_or(|word| word.is_empty() || word.contains('/')) {
                return Err(refuse("`argv` begins with a program's bare name"));
            }
            if rule.matches.is_empty() {
                return Err(refuse("it has no example under `match`"));
            }
            names.push(&rule.id);
        }
        Ok(())
    }

    /// Each rule against its examples: an allowing one must be what allows, a strict one must be found.
    pub(super) fn check_examples(&self, rules: &CommandRules) -> Result<(), PolicyError> {
        for rule in &rules.allow {
            // Beside the built-in rules alone: what another file denies is that file's business.
            let alone = Self { allow: vec![rule.clone()], strict: Vec::new() };
            for example in &rule.matches {
                let judged = judge(example, &alone);
                if judged.verdict != Verdict::Allow {
                    return Err(PolicyError::Example {
                        id: rule.id.clone(),
                        example: example.clone(),
                        list: "match",
                        why: format!("is not allowed by it: {}: {}", judged.rule, judged.why),
                    });
                }
            }
            for example in &rule.not_match {
                if judge(example, &alone).verdict == Verdict::Allow {
                    return Err(wrong(&rule.id, example, "not_match", false));
                }
            }
        }
        rules.ask.iter().chain(&rules.deny).try_for_each(|rule| self.check_strict(rule))
    }

    fn check_strict(&self, rule: &RuleEntry) -> Result<(), PolicyError> {
        for (examples, list, wanted) in
            [(&rule.matches, "match", true), (&rule.not_match, "not_match", false)]
        {
            for example in examples {
                if self.finds(&rule.id, example) != wanted {
                    return Err(wrong(&rule.id, example, list, wanted));
                }
            }
        }
        Ok(())
    }
}

fn wrong(id: &str, example: &str, list: &'static str, wanted: bool) -> PolicyError {
    let why = if wanted { "is not found by it" } else { "is found by it" };
    PolicyError::Example { id: id.to_owned(), example: example.to_owned(), list, why: why.to_owned() }
}
