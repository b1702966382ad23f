//! Numbers in configuration that say how good is good enough: coverage, warnings, complexity, waits, repeats.

use std::collections::BTreeMap;

use super::super::patterns::patterns;
use super::super::{Findings, Rule, steering};
use super::TestFile;

patterns! {
    /// Less is looser.
    LEAST = r"(?i)(fail[_-]under|cov[_-]fail[_-]under|minimum[_-]coverage|coverage[_-]threshold|\b(?:branches|functions|lines|statements)\b|\bmin[_-]?(?:coverage|score|lines|similarity\w*)|\bthreshold|\btarget)[\x22']?[ \t]*[:=]?[ \t]*[\x22']?(\d+(?:\.\d+)?)";
    /// More is looser.
    MOST = r"(?i)(max[_-]warnings|max[_-](?:line[_-]length|complexity|args|arguments|branches|returns|statements|locals|lines\w*|depth|nested\w*|failures|public\w*|attributes|positional\w*|bool\w*)|\bline[_-]length|cognitive[_-]complexity[_-]threshold|too[_-]many[_-]\w+[_-]threshold|\b(?:test)?timeout(?:[_-]?(?:minutes|seconds|ms|sec))?|slow[_-]timeout|\bretries|\breruns|allowed[_-]failures)[\x22']?[ \t]*[:=]?[ \t]*[\x22']?(\d+(?:\.\d+)?)";
    /// Names that a service's own settings have too.
    ORDINARY = r"(?i)^(?:timeout.*|retries|threshold|target|branches|functions|lines|statements)$";
    CONFIG = r"(?i)\.(?:toml|cfg|ini|ya?ml|json|json5|sh|mk)$|(?:^|/)(?:[^/]*config\.\w+|\.[^/]*rc(?:\.\w+)?|Makefile|justfile|noxfile\.py|\.coveragerc|setup\.py)$";
}

pub(super) fn judge(files: &[TestFile<'_>], findings: &mut Findings) {
    for file in files.iter().filter(|file| CONFIG.is_match(file.touched.file.path.as_str().as_bytes())) {
        let (removed, added) = (&file.touched.removed, &file.touched.added);
        let about_checks = steering::steers_checks(file.touched.file.path.as_str());
        let read = |pattern: &regex::bytes::Regex, lines: &[(u32, &[u8])]| {
            let mut found = numbers(pattern, lines);
            found.retain(|name, _| about_checks || !ORDINARY.is_match(name.as_bytes()));
            found
        };
        let (old_least, new_least) = (read(&LEAST, removed), read(&LEAST, added));
        let (old_most, new_most) = (read(&MOST, removed), read(&MOST, added));
        let lower = looser(&old_least, &new_least, |old, new| new < old);
        let higher = looser(&old_most, &new_most, |old, new| new > old);
        if let Some((line, what)) = lower.or(higher) {
            let text = format!("{}: {what}", Rule::ThresholdLowered.text());
            findings.at(
                Rule::ThresholdLowered,
                Rule::ThresholdLowered.verdict(),
                file.touched,
                Some(line),
                text,
            );
        }
    }
}

/// The numbers by the name before them, each with its line.
type Numbers = BTreeMap<String, Vec<(f64, u32)>>;

fn numbers(pattern: &regex::bytes::Regex, lines: &[(u32, &[u8])]) -> Numbers {
    let mut numbers = Numbers::new();
    for (line, text) in lines {
        for found in pattern.captures_iter(text) {
            let name = String::from_utf8_lossy(&found[1]).to_ascii_lowercase().replace('_', "-");
            if let Ok(number) = String::from_utf8_lossy(&found[2]).parse() {
                numbers.entry(name).or_default().push((number, *line));
            }
        }
    }
    numbers
}

/// The first number that is looser than the one of the same name and place before it.
fn looser(old: &Numbers, new: &Numbers, is_looser: impl Fn(f64, f64) -> bool) -> Option<(u32, String)> {
    for (name, news) in new {
        let Some(olds) = old.get(name).filter(|olds| olds.len() == news.len()) else { continue };
        for ((before, _), (after, line)) in olds.iter().zip(news) {
            if is_looser(*before, *after) {
                return Some((*line, format!("{name} from {before} to {after}")));
            }
        }
    }
    None
}

#[cfg(test)]
mod cases {
    use super::*;

    fn found(pattern: &regex::bytes::Regex, text: &str) -> Vec<(String, f64)> {
        let numbers = numbers(pattern, &[(1, text.as_bytes())]);
        numbers.into_iter().map(|(name, numbers)| (name, numbers[0].0)).collect()
    }

    #[test]
    fn bounds_are_read_in_the_ways_they_are_written() {
        for text in [
            "fail_under = 90",
            "--cov-fail-under=90",
            "\"branches\": 90,",
            "target: 90%",
            "minimum_coverage 90",
        ] {
            assert_eq!(found(&LEAST, text).len(), 1, "{text}");
            assert_eq!(found(&LEAST, text)[0].1, 90.0, "{text}");
        }
        for text in [
            "--max-warnings 9",
            "--max-warnings=9",
            "max-complexity = 9",
            "timeout-minutes: 9",
            "testTimeout: 9",
            "retries = 9",
        ] {
            assert_eq!(found(&MOST, text).len(), 1, "{text}");
            assert_eq!(found(&MOST, text)[0].1, 9.0, "{text}");
        }
        assert_eq!(found(&LEAST, "version = 90"), []);
        assert_eq!(found(&MOST, "port = 9"), []);
        assert_eq!(all_patterns().len(), 4);
    }

    #[test]
    fn only_numbers_of_the_same_name_are_compared() {
        let numbers = |text: &str| numbers(&LEAST, &[(1, text.as_bytes())]);
        let lower = |old: &str, new: &str| looser(&numbers(old), &numbers(new), |old, new| new < old);
        assert_eq!(
            lower("fail_under = 90", "fail-under = 80"),
            Some((1, "fail-under from 90 to 80".to_owned()))
        );
        assert_eq!(lower("fail_under = 80", "fail_under = 80"), None);
        assert_eq!(lower("lines: 80", "branches: 70"), None);
        assert_eq!(lower("lines: 80", "lines: 90 lines: 70"), None);
    }
}
