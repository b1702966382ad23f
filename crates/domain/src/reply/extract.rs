//! Finds the one answer in a reply: the whole text, the content of the one fence around it, or one object in prose.

use serde_json::{Map, Value};

use super::mend::mend;
use super::{Mend, ReplyCode, ReplyFinding, ReplyLimits, json};

type Object = Map<String, Value>;

/// Places in prose where an object is tried before the reply is given up; each try costs one pass.
const MAX_TRIES: usize = 64;

/// What an answer is known by among prose: two keys, of which the first never stands in another object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    /// The keys.
    pub(super) keys: [&'static str; 2],
    /// What an answer has, in words.
    pub(super) both: &'static str,
    /// What is missing where only one is there.
    pub(super) either: &'static str,
}

/// The reply of {patch, explanation, confidence, meta}.
pub(super) const CHANGE: Sought = Sought {
    keys: ["patch", "explanation"],
    both: "a patch and an explanation",
    either: "a patch or an explanation",
};

/// The answer's object and what was mended to get at it.
pub(super) fn answer(
    text: &str,
    limits: &ReplyLimits,
    sought: Sought,
) -> Result<(Object, Vec<Mend>), ReplyFinding> {
    let mut mended = Vec::new();
    let mut whole = text;
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        (whole, mended) = (rest, vec![Mend::ByteOrderMark]);
    }
    whole = whole.trim_matches([' ', '\t', '\r', '\n']);
    if whole.is_empty() {
        return Err(ReplyFinding::new(ReplyCode::Empty, "the reply is empty"));
    }
    if let Some(inner) = only_fence(whole) {
        (whole, mended) = (inner.trim_matches([' ', '\t', '\r', '\n']), [mended, vec![Mend::Fence]].concat());
    }
    let first = match parse(whole, limits, &mut mended) {
        Ok(Value::Object(object)) => return Ok((object, mended)),
        Ok(other) => {
            let detail = format!("the reply is not an object but {}", json::kind(&other));
            return Err(ReplyFinding::new(ReplyCode::WrongType, detail));
        }
        Err(finding) => finding,
    };
    // What refuses the whole must not be got around by looking at its parts.
    if matches!(first.code, ReplyCode::DuplicateKey | ReplyCode::TooDeep | ReplyCode::InvalidNumber) {
        return Err(first);
    }
    let looks_like_json = whole.starts_with(['{', '[', '"']);
    let found = in_prose(whole, limits, sought);
    match found.answers.as_slice() {
        [] => Err(found.excuse(looks_like_json.then_some(first), sought)),
        [(object, mends)] => {
            let count = if found.repeated { vec![Mend::Repeated] } else { Vec::new() };
            Ok((object.clone(), [mended, vec![Mend::Prose], count, mends.clone()].concat()))
        }
        several => {
            let detail = format!("the reply holds {} different answers", several.len());
            Err(ReplyFinding::new(ReplyCode::Ambiguous, detail))
        }
    }
}

/// Parses as it is, and once more after mending when that may help.
fn parse(text: &str, limits: &ReplyLimits, mended: &mut Vec<Mend>) -> Result<Value, ReplyFinding> {
    let first = match json::parse(text, limits.depth) {
        Ok(value) => return Ok(value),
        Err(finding) => finding,
    };
    if first.code != ReplyCode::InvalidJson {
        return Err(first);
    }
    let Some((text, mends)) = mend(text) else { return Err(first) };
    let value = json::parse(&text, limits.depth)?;
    mended.extend(mends);
    Ok(value)
}

/// The content of the markdown fence that spans the whole text. A fence that is never closed counts too: its content
/// then says that it is cut off.
fn only_fence(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|ch| matches!(ch, '`' | '~'))?;
    let length = text.chars().take_while(|ch| *ch == mark).count();
    if length < 3 {
        return None;
    }
    let start = text.find('\n').unwrap_or(text.len());
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.len() >= length && trimmed.chars().all(|ch| ch == mark) {
            let last = text[at + line.len()..].trim().is_empty();
            return last.then_some(&text[start..at]);
        }
        at += line.len();
    }
    Some(&text[start..])
}

/// What was found among prose.
#[derive(Default)]
struct Found {
    answers: Vec<(Object, Vec<Mend>)>,
    repeated: bool,
    /// Objects that look like an answer and are none.
    excuses: Vec<ReplyFinding>,
}

impl Found {
    /// Why there is no answer. What is wrong with the whole says more than what is wrong with a part, unless a part is
    /// an answer that something contradicts.
    fn excuse(self, whole: Option<ReplyFinding>, sought: Sought) -> ReplyFinding {
        let none = || ReplyFinding::new(ReplyCode::NoJson, format!("no JSON object with {}", sought.both));
        let contradicted = self.excuses.iter().find(|excuse| excuse.code == ReplyCode::Ambiguous).cloned();
        contradicted.or(whole).or_else(|| self.excuses.into_iter().next()).unwrap_or_else(none)
    }

    fn add(&mut self, object: Object, mends: Vec<Mend>, sought: Sought) {
        let named = sought.keys.iter().filter(|key| object.contains_key(**key)).count();
        match named {
            2 if self.answers.iter().any(|(known, _)| *known == object) => self.repeated = true,
            2 => self.answers.push((object, mends)),
            1 => self.excuses.push(ReplyFinding::new(
                ReplyCode::MissingField,
                format!("the object lacks {}", sought.either),
            )),
            _ => {}
        }
    }
}

/// Tries every place where an object may begin, never within one that was read.
fn in_prose(text: &str, limits: &ReplyLimits, sought: Sought) -> Found {
    let [first, _] = sought.keys;
    let quoted = format!("{first:?}");
    let mut found = Found::default();
    let mut from = 0;
    for _ in 0..MAX_TRIES {
        let Some(start) = next_object(text, from) else { break };
        let Some(length) = balanced(&text[start..]) else {
            let detail = "an object begins and does not end";
            found.excuses.push(ReplyFinding::new(ReplyCode::Truncated, detail));
            from = start + 1;
            continue;
        };
        let object = &text[start..start + length];
        let mut mends = Vec::new();
        from = start + length;
        match parse(object, limits, &mut mends) {
            Ok(Value::Object(object)) if closers_follow(&text[from..]) => {
                if object.contains_key(first) {
                    let detail = "closing brackets follow that nothing opened";
                    found.excuses.push(ReplyFinding::new(ReplyCode::Ambiguous, detail));
                }
            }
            Ok(Value::Object(object)) => found.add(object, mends, sought),
            Ok(_) => {}
            Err(finding) => {
                if object.contains(&quoted) {
                    found.excuses.push(finding);
                }
                from = start + 1;
            }
        }
    }
    found
}

/// The next `{` that a key or a `}` follows: braces of prose and code are left alone.
fn next_object(text: &str, from: usize) -> Option<usize> {
    let begins = |at: &usize| text[at + 1..].trim_start_matches([' ', '\t', '\r', '\n']).starts_with('"');
    text[from..].match_indices('{').map(|(at, _)| from + at).find(begins)
}

fn closers_follow(rest: &str) -> bool {
    rest.starts_with(['}', ']', ',', ':'])
}

/// The length of the object that begins the text, by its brackets outside of strings; none when it does not end.
fn balanced(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}
