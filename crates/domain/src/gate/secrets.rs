//! Secrets in added lines. What a secret is stands in a kept rule set (see `third_party/gitleaks`), not here. What is
//! found is named by its sort and line, and never shown.

mod go_regex;
mod rule_set;

use std::ops::Range;
use std::sync::LazyLock;

use rule_set::RuleSet;

use super::{Findings, Rule};
use crate::patch::Touched;

/// The rule file, as it is built in.
const TEXT: &str = include_str!("../../third_party/gitleaks/gitleaks.toml");

/// More bytes of added lines of one file than this are not searched; a person is asked instead.
const MOST: usize = 1 << 20;

static SET: LazyLock<Option<RuleSet>> = LazyLock::new(|| RuleSet::read(TEXT).ok());

/// A secret in a text: its sort, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The rule's id in the rule set, such as `aws-access-token`.
    pub sort: &'static str,
    /// The bytes of the text that are the secret itself.
    pub range: Range<usize>,
}

/// The secrets in a text; `path` is the file that it stands in, or will. None when the rule set is broken, which a
/// test holds that it is not.
pub fn find(path: &str, text: &[u8]) -> Option<Vec<Secret>> {
    Some(SET.as_ref()?.find(path, text))
}

pub(super) fn judge(file: &Touched<'_>, findings: &mut Findings) {
    let path = file.file.path.as_str();
    if file.added.iter().map(|(_, line)| line.len()).sum::<usize>() > MOST {
        findings.at(
            Rule::HugeFile,
            Rule::HugeFile.verdict(),
            file,
            None,
            "too much is added to look for secrets",
        );
        return;
    }
    for run in file.added.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
        let text: Vec<u8> = run.iter().flat_map(|(_, line)| line.iter().copied()).collect();
        let Some(secrets) = find(path, &text) else {
            let unknown = "the rules for secrets cannot be read, so nothing can be said";
            findings.at(Rule::Secret, Rule::Secret.verdict(), file, None, unknown);
            return;
        };
        for secret in secrets {
            let lines = text[..secret.range.start].iter().filter(|byte| **byte == b'\n').count();
            let line = run.get(lines).map(|(number, _)| *number);
            let said = format!("{} ({}; its value is not shown)", Rule::Secret.text(), secret.sort);
            findings.at(Rule::Secret, Rule::Secret.verdict(), file, line, said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that nobody ever used, put together here so that no scanner takes this file for a leak.
    fn sample(parts: &[&str]) -> String {
        parts.concat()
    }

    fn sorts(path: &str, text: &str) -> Vec<&'static str> {
        find(path, text.as_bytes()).unwrap().into_iter().map(|secret| secret.sort).collect()
    }

    #[test]
    fn well_known_sorts_are_found_and_the_range_is_the_secret_alone() {
        let token = sample(&["gh", "p_", "x7Kq2mZ9vB4nR8tY1wE5uI3oP6aS0dF7gH2j"]);
        let line = format!("token = \"{token}\"\n");
        let found = find("a.py", line.as_bytes()).unwrap();
        assert_eq!(found.iter().map(|secret| secret.sort).collect::<Vec<_>>(), ["github-pat"]);
        assert_eq!(&line[found[0].range.clone()], token);
        let aws = sample(&["AK", "IA", "Z7VRSQ5TJN2XMPLQ"]);
        assert_eq!(sorts("a.py", &format!("key = '{aws}'\n")), ["aws-access-token"]);
        let generic = sample(&["api_", "key = 'q8Zt5", "Wm2Lx9Rv4Kp7Nc1Hs6Jd3'\n"]);
        assert_eq!(sorts("a.py", &generic), ["generic-api-key"]);
    }

    #[test]
    fn look_alikes_are_left_alone() {
        for text in [
            "key = 'AKIAIOSFODNN7EXAMPLE'\n",
            "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n",
            "password = os.environ['PASSWORD']\n",
            "api_key = 'your-api-key-here'\n",
            "token = ${{ secrets.GITHUB_TOKEN }}\n",
            "let x = 1;\n",
        ] {
            assert_eq!(sorts("a.py", text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn a_remark_in_the_change_switches_nothing_off() {
        let token = sample(&["gh", "p_", "x7Kq2mZ9vB4nR8tY1wE5uI3oP6aS0dF7gH2j"]);
        assert_eq!(sorts("a.py", &format!("t = '{token}'  # gitleaks:allow\n")), ["github-pat"]);
    }

    fn judged(added: &[(u32, &[u8])]) -> Vec<(Rule, Option<u32>)> {
        let file = crate::patch::FileResult::edited("a.txt".parse().unwrap(), None, None);
        let mut findings = Findings::default();
        judge(&Touched { file: &file, added: added.to_vec(), removed: Vec::new() }, &mut findings);
        findings.0.into_iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn a_secret_is_named_by_its_line_and_may_go_over_lines_that_follow_each_other() {
        let token = sample(&["t = '", "gh", "p_", "x7Kq2mZ9vB4nR8tY1wE5uI3oP6aS0dF7gH2j'\n"]);
        let lines: [(u32, &[u8]); 3] = [(2, b"x\n"), (7, b"y\n"), (8, token.as_bytes())];
        assert_eq!(judged(&lines), [(Rule::Secret, Some(8))]);
        let dashes = "-".repeat(5);
        let begin = format!("{dashes}BEGIN PRIVATE {}{dashes}\n", "KEY");
        let end = format!("{dashes}END PRIVATE {}{dashes}\n", "KEY");
        let inside = "Zx9".repeat(30) + "\n";
        let key = |first: u32, second: u32, third: u32| {
            judged(&[(first, begin.as_bytes()), (second, inside.as_bytes()), (third, end.as_bytes())])
        };
        assert_eq!(key(4, 5, 6), [(Rule::Secret, Some(4))]);
        assert_eq!(key(4, 5, 9), [], "what stands between is not known");
    }

    #[test]
    fn up_to_one_mebibyte_is_searched() {
        let text = vec![b'\n'; MOST + 1];
        assert_eq!(judged(&[(1, &text[..MOST])]), []);
        assert_eq!(judged(&[(1, &text)]), [(Rule::HugeFile, None)]);
        assert_eq!(judged(&[(1, &text[..MOST]), (2, b"\n\n")]), [(Rule::HugeFile, None)]);
    }

    #[test]
    fn files_that_the_rule_set_allows_are_not_searched() {
        let token = sample(&["gh", "p_", "x7Kq2mZ9vB4nR8tY1wE5uI3oP6aS0dF7gH2j"]);
        let line = format!("token = \"{token}\"\n");
        assert_eq!(sorts("yarn.lock", &line), [] as [&str; 0]);
        assert_eq!(sorts("yarn.lock.py", &line), ["github-pat"]);
    }
}
