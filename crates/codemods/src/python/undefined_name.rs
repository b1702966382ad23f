//! The repair of F821: adds the import that the name stands for, or corrects a typo of the one close name in scope.
//! Strict: where two answers are possible, or the name is likely to mean something else, there is none.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Plan;
use super::builtins;
use super::imports::{Import, add};
use super::known_names::{home_of, is_attribute_of_module, is_plain_module, is_submodule, python_2};
use super::scope::{MODULE, Model, ScopeId, ScopeKind};
use super::syntax::{Node, field, is_keyword, slice};
use crate::edit::Edit;
use crate::scan::ProjectNames;

/// A use of a name that nothing binds.
#[derive(Debug, Clone)]
pub(crate) struct NameSite {
    pub(crate) name: String,
    pub(crate) range: Range<usize>,
    /// The scope in which it is looked up.
    pub(crate) scope: ScopeId,
}

/// The edits that define or correct the name.
pub(super) fn plan(
    root: Node<'_>,
    text: &str,
    model: &Model<'_>,
    site: &NameSite,
    project: &dyn ProjectNames,
) -> Result<Plan, String> {
    let name = site.name.as_str();
    if let Some(successor) = python_2(name) {
        return renamed_builtin(text, site, successor);
    }
    if model.scopes[MODULE].names.contains_key(name) {
        return Err(format!("`{name}` is defined in this file, but not at this point"));
    }
    let attribute = attribute_after(root, text, &site.range);
    if let Some(import) = standard_import(name, attribute) {
        return Ok(import_plan(root, text, &import.borrowed(), 0.9));
    }
    if let Some(module) = project.module_defining(name) {
        return Ok(import_plan(root, text, &Import::Name { module: &module, name }, 0.8));
    }
    typo_plan(text, model, site)
}

fn renamed_builtin(text: &str, site: &NameSite, successor: Option<&str>) -> Result<Plan, String> {
    let name = &site.name;
    match successor {
        Some(new) if text.get(site.range.clone()) == Some(name) => Ok(Plan {
            edits: vec![Edit::replace(site.range.clone(), new)],
            explanation: format!("`{name}` is called `{new}` since Python 3."),
            confidence: 0.9,
        }),
        _ => Err(format!("`{name}` is a builtin of Python 2 without a plain successor")),
    }
}

fn import_plan(root: Node<'_>, text: &str, import: &Import<'_>, confidence: f64) -> Plan {
    Plan {
        edits: vec![add(root, text, import)],
        explanation: format!("Adds the missing `{}`.", import.statement()),
        confidence,
    }
}

/// The attribute that is read from the name, as in `os.path`.
fn attribute_after<'s>(root: Node<'_>, text: &'s str, range: &Range<usize>) -> Option<&'s str> {
    let node = root.descendant_for_byte_range(range.start, range.end)?;
    if node.kind() != "identifier" {
        // In quotes there is no syntax tree: look at the text.
        let rest = text.get(range.end..)?.strip_prefix('.')?;
        return rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    }
    let parent = node.parent()?;
    let is_object = parent.kind() == "attribute" && field(parent, "object") == Some(node);
    if is_object { field(parent, "attribute").map(|n| slice(n, text)) } else { None }
}

enum Found<'n> {
    Module(String),
    Name { module: &'static str, name: &'n str },
}

impl Found<'_> {
    fn borrowed(&self) -> Import<'_> {
        match self {
            Self::Module(module) => Import::Module(module),
            Self::Name { module, name } => Import::Name { module, name },
        }
    }
}

fn standard_import<'n>(name: &'n str, attribute: Option<&str>) -> Option<Found<'n>> {
    if let Some(attribute) = attribute {
        if is_submodule(name, attribute) {
            return Some(Found::Module(format!("{name}.{attribute}")));
        }
        if is_plain_module(name) || is_attribute_of_module(name, attribute) {
            return Some(Found::Module(name.to_owned()));
        }
        if name == "datetime" && is_method_of_datetime(attribute) {
            return Some(Found::Name { module: "datetime", name });
        }
    }
    home_of(name).map(|module| Found::Name { module, name })
}

/// What is read from the class `datetime`, not from the module.
fn is_method_of_datetime(attribute: &str) -> bool {
    matches!(
        attribute,
        "combine"
            | "fromisoformat"
            | "fromtimestamp"
            | "max"
            | "min"
            | "now"
            | "strptime"
            | "today"
            | "utcfromtimestamp"
            | "utcnow"
    )
}

fn typo_plan(text: &str, model: &Model<'_>, site: &NameSite) -> Result<Plan, String> {
    let name = site.name.as_str();
    if text.get(site.range.clone()) != Some(name) {
        return Err(format!("`{name}` stands in a string that is put together"));
    }
    if model.scopes.iter().any(|scope| scope.names.contains_key(name)) {
        return Err(format!("`{name}` is a name of another scope in this file"));
    }
    let visible = visible_names(model, site.scope);
    let close: Vec<&&str> = visible.iter().filter(|other| is_typo(name, other)).collect();
    match close.as_slice() {
        [] => Err(format!("no import and no name in scope is known to be meant by `{name}`")),
        [other] => Ok(Plan {
            edits: vec![Edit::replace(site.range.clone(), **other)],
            explanation: format!(
                "`{name}` is not defined; `{other}` is the one name in scope that is close to it."
            ),
            confidence: 0.75,
        }),
        [one, two, ..] => Err(format!("`{name}` could be a typo of `{one}` or of `{two}`")),
    }
}

/// The names that can be read in the scope, builtins included.
fn visible_names<'m>(model: &'m Model<'_>, scope: ScopeId) -> BTreeSet<&'m str> {
    let mut names: BTreeSet<&str> = builtins::all().collect();
    for (index, id) in model.ancestors(scope).enumerate() {
        let here = &model.scopes[id];
        if here.kind == ScopeKind::Class && index > 0 {
            continue;
        }
        let bound = here.names.iter().filter(|(_, binding)| !model.is_unbound(**binding));
        names.extend(bound.map(|(name, _)| *name));
    }
    names
}

/// Whether `wrong` reads like a slip of the pen for `right`. Slips fall inside of long words; a difference at the
/// start, in the last letter or in a short part (`max_size`, `min_size`) usually means another thing.
fn is_typo(wrong: &str, right: &str) -> bool {
    let letters = wrong.chars().count();
    let allowed = match letters {
        0..=4 | 65.. => return false,
        5..=8 => 1,
        _ => 2,
    };
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
    !is_keyword(right)
        && wrong.chars().next() == right.chars().next()
        && right.chars().count().abs_diff(letters) <= allowed
        && wrong.to_lowercase() != right.to_lowercase()
        && digits(wrong) == digits(right)
        && !wrong.starts_with(right)
        && right.strip_prefix(wrong) != Some("s")
        && !differs_in_last_letter(wrong, right)
        && differing_part(wrong, right).is_none_or(|part| part >= 4 * distance(wrong, right).min(2) - 1)
        && distance(wrong, right) <= allowed
}

/// `type_a` and `type_b`.
fn differs_in_last_letter(a: &str, b: &str) -> bool {
    let without_last = |word: &str| word.char_indices().last().map(|(at, _)| at);
    without_last(a).zip(without_last(b)).is_some_and(|(x, y)| a[..x] == b[..y])
}

/// The length of the shortest part (`max` of `max_size` and of `MaxSize`) in which two names of as many parts differ.
fn differing_part(a: &str, b: &str) -> Option<usize> {
    let (a, b) = (word_parts(a), word_parts(b));
    let different = a.iter().zip(&b).filter(|(x, y)| x != y);
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    different.map(|(x, y)| x.chars().count().min(y.chars().count())).min()
}

fn word_parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if (c == '_' || c.is_uppercase()) && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(String::new());
        }
        if c != '_' {
            parts.iter_mut().last().into_iter().for_each(|part| part.push(c));
        }
    }
    parts
}

/// Edit distance in which swapping two neighbours is one edit (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_a_typo() {
        for (wrong, right) in [
            ("reuslt", "result"),
            ("responce", "response"),
            ("isinstanc", "isinstance"),
            ("lenght_of_all", "length_of_all"),
            ("username", "user_name"),
            ("maximum_vlaue", "maximum_value"),
            ("HttpRespnse", "HttpResponse"),
        ] {
            assert!(is_typo(wrong, right), "{wrong} {right}");
        }
    }

    #[test]
    fn another_word_is_no_typo() {
        for (wrong, right) in [
            ("idx", "id"),
            ("text", "next"),
            ("main", "min"),
            ("dtype", "type"),
            ("Self_", "self_"),
            ("items", "item"),
            ("config", "configs"),
            ("item2", "item1"),
            ("value_", "value"),
            ("MyException", "Exception"),
            ("ImmutableTypeA", "ImmutableTypeB"),
            ("max_length", "min_length"),
            ("col_x_min", "col_y_min"),
            ("MaxLength", "MinLength"),
            ("input_name", "output_name"),
        ] {
            assert!(!is_typo(wrong, right), "{wrong} {right}");
        }
    }

    #[test]
    fn the_distance_counts_swapped_neighbours_once() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
