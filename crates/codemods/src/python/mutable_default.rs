//! The repair of B006 and B008: the default becomes `None`, and the body makes the value when it is `None`.
//! Refuses where the value would mean something else inside of the body.

use super::Plan;
use super::defaults::{DefaultKind, DefaultSite};
use super::syntax::{Node, bare, dotted, field, fields, is_container_display, is_plain_string, parts, slice};
use crate::edit::{Edit, indent_at, line_end, newline};
use crate::source::walk;

/// Markers that a framework reads from the signature: moved into the body they would do nothing.
const MARKERS: &[&str] = &[
    "Argument", "Body", "Cookie", "Depends", "Field", "File", "Form", "Header", "Inject", "Option", "Param",
    "Path", "Provide", "Query", "Security",
];

/// The edits that move the default of the parameter into the body.
pub(super) fn plan(root: Node<'_>, text: &str, site: &DefaultSite) -> Result<Plan, String> {
    let default = Default::find(root, text, site).ok_or("the parameter is not there any more")?;
    default.check(site.kind)?;
    let mut edits = vec![Edit::replace(default.value.byte_range(), "None")];
    edits.extend(default.annotation(root));
    if !default.is_stub() {
        edits.push(default.initialisation()?);
    }
    let confidence = match site.kind {
        DefaultKind::Mutable => 0.9,
        DefaultKind::Call => 0.7,
    };
    let explanation = format!(
        "The default of `{}` was made once and shared by all calls; now each call that leaves it out gets its own.",
        default.name
    );
    Ok(Plan { edits, explanation, confidence })
}

struct Default<'t> {
    text: &'t str,
    function: Node<'t>,
    parameter: Node<'t>,
    value: Node<'t>,
    name: &'t str,
    body: Node<'t>,
    /// The end of the colon before the body.
    colon: usize,
}

impl<'t> Default<'t> {
    fn find(root: Node<'t>, text: &'t str, site: &DefaultSite) -> Option<Self> {
        let range = &site.parameter;
        let mut parameter = root.descendant_for_byte_range(range.start, range.end)?;
        while !matches!(parameter.kind(), "default_parameter" | "typed_default_parameter") {
            parameter = parameter.parent()?;
        }
        let function = parameter.parent()?.parent()?;
        let mut cursor = function.walk();
        let colon = function.children(&mut cursor).find(|child| child.kind() == ":")?.end_byte();
        Some(Self {
            text,
            function,
            parameter,
            value: field(parameter, "value")?,
            name: slice(field(parameter, "name")?, text),
            body: field(function, "body")?,
            colon,
        })
    }

    fn check(&self, kind: DefaultKind) -> Result<(), String> {
        let name = self.name;
        let lower = name.to_lowercase();
        if ["cache", "memo"].iter().any(|word| lower.contains(word)) {
            return Err(format!("`{name}` looks like a cache that is shared on purpose"));
        }
        if self.compares_with_none() {
            return Err(format!("`None` already has a meaning for `{name}` in the body"));
        }
        if kind == DefaultKind::Call {
            self.check_calls()?;
        }
        self.check_names()
    }

    fn compares_with_none(&self) -> bool {
        let mut found = false;
        walk(self.body, |node, _| {
            if node.kind() == "comparison_operator" {
                let operands = parts(node);
                found |= operands.iter().any(|n| bare(*n).kind() == "none")
                    && operands.iter().any(|n| slice(bare(*n), self.text) == self.name);
            }
            !found
        });
        found
    }

    fn check_calls(&self) -> Result<(), String> {
        let mut refusal = None;
        walk(self.value, |node, _| {
            if node.kind() == "call"
                && let Some(path) = field(node, "function").and_then(|f| dotted(f, self.text))
                && let Some(last) = path.last()
            {
                if MARKERS.contains(last) {
                    refusal = Some(format!("`{last}` is read from the signature by a framework"));
                } else if path == ["object"] {
                    refusal =
                        Some("`object()` marks an argument that was left out; it must be one object".into());
                }
            }
            refusal.is_none()
        });
        refusal.map_or(Ok(()), Err)
    }

    /// The names in the default must mean the same inside of the body.
    fn check_names(&self) -> Result<(), String> {
        let mut names = Vec::new();
        let mut forbidden = false;
        walk(self.value, |node, _| {
            forbidden |= matches!(node.kind(), "await" | "yield" | "named_expression");
            if node.kind() == "identifier" && is_load(node) {
                names.push(slice(node, self.text));
            }
            true
        });
        if forbidden {
            return Err("the default awaits, yields or binds a name".into());
        }
        let mut local = bound_names(self.body, self.text);
        local.extend(parameter_names(self.function, self.text));
        if let Some(name) = names.iter().find(|name| local.contains(name)) {
            return Err(format!("`{name}` means something else inside of the function"));
        }
        self.check_surroundings(&names)
    }

    fn check_surroundings(&self, names: &[&str]) -> Result<(), String> {
        let mut in_loop = false;
        let mut node = self.function;
        while let Some(parent) = node.parent() {
            match parent.kind() {
                "for_statement" | "while_statement" => in_loop = true,
                "class_definition" | "function_definition" | "module" => {
                    return self.check_scope(parent, names, in_loop);
                }
                _ => {}
            }
            node = parent;
        }
        Ok(())
    }

    /// The scope around: names of a class are not visible inside, others may have changed by the time of the call.
    fn check_scope(&self, around: Node<'_>, names: &[&str], in_loop: bool) -> Result<(), String> {
        let block = field(around, "body").unwrap_or(around);
        let bound = bound_names(block, self.text);
        let times = |name: &str| bound.iter().filter(|b| **b == name).count();
        let bad = names.iter().find(|name| match around.kind() {
            "class_definition" => times(name) > 0,
            "function_definition" => times(name) > usize::from(!in_loop),
            _ => times(name) > 0 && (in_loop || is_deleted(block, name, self.text)),
        });
        match (bad, around.kind()) {
            (None, _) => Ok(()),
            (Some(name), "class_definition") => {
                Err(format!("`{name}` belongs to the class; the body cannot see it"))
            }
            (Some(name), _) => Err(format!("`{name}` may have another value by the time of the call")),
        }
    }

    /// Whether there is nothing in the body that could use the parameter.
    fn is_stub(&self) -> bool {
        parts(self.body).into_iter().all(|statement| match statement.kind() {
            "pass_statement" => true,
            "expression_statement" => {
                parts(statement).iter().all(|e| e.kind() == "ellipsis" || is_plain_string(*e, self.text))
            }
            "raise_statement" => slice(statement, self.text).contains("NotImplemented"),
            _ => false,
        })
    }

    /// Lets the annotation admit `None`.
    fn annotation(&self, root: Node<'_>) -> Option<Edit> {
        let wrapper = field(self.parameter, "type")?;
        let annotation = bare(wrapper);
        let words = slice(annotation, self.text);
        if admits_none(words) {
            return None;
        }
        if annotation.kind() == "string" {
            let quote = annotation.named_child(u32::try_from(annotation.named_child_count()).ok()? - 1)?;
            return Some(Edit::insert(quote.start_byte(), " | None"));
        }
        if annotation.kind() == "concatenated_string" {
            return None;
        }
        if imports_optional(root, self.text) {
            return Some(Edit::replace(
                wrapper.byte_range(),
                format!("Optional[{}]", slice(wrapper, self.text)),
            ));
        }
        Some(Edit::insert(wrapper.end_byte(), " | None"))
    }

    /// The lines that make the value, put in front of the body's first statement, after a docstring.
    fn initialisation(&self) -> Result<Edit, String> {
        let statements = parts(self.body);
        let first = statements.first().ok_or("the function has no body")?;
        let nl = newline(self.text);
        let own = indent_at(self.text, self.function.start_byte());
        let one_line = !self.text[self.colon..first.start_byte()].contains('\n');
        let indent = if one_line {
            format!("{own}{}", self.unit())
        } else {
            indent_at(self.text, first.start_byte()).to_owned()
        };
        let unit = indent.strip_prefix(own).filter(|unit| !unit.is_empty()).unwrap_or("    ");
        let inner = format!("{indent}{unit}");
        let value = self.value_text(&inner);
        let lines = format!("{indent}if {0} is None:{nl}{inner}{0} = {value}{nl}", self.name);
        if one_line && is_docstring(*first, self.text) {
            return Err("the docstring shares its line with a statement".into());
        }
        if one_line {
            return Ok(Edit::replace(self.colon..first.start_byte(), format!("{nl}{lines}{indent}")));
        }
        let mut at = line_end(self.text, self.colon);
        if is_docstring(*first, self.text) {
            at = line_end(self.text, first.end_byte());
            if statements.get(1).is_some_and(|next| next.start_byte() < at) {
                return Err("the docstring shares its line with a statement".into());
            }
            while at < self.text.len() && self.text[at..line_end(self.text, at)].trim().is_empty() {
                at = line_end(self.text, at);
            }
        }
        Ok(Edit::insert(at, lines))
    }

    /// The file's indentation: that of the first indented block.
    fn unit(&self) -> &'t str {
        let indented = self.text.lines().find(|l| l.starts_with(['\t', ' ']) && !l.trim().is_empty());
        match indented {
            Some(line) if line.starts_with('\t') => "\t",
            Some(line) if line.len() - line.trim_start_matches(' ').len() == 2 => "  ",
            _ => "    ",
        }
    }

    /// The default as the right side of an assignment on a line with this indentation.
    fn value_text(&self, indent: &str) -> String {
        let words = slice(self.value, self.text);
        if !words.contains('\n') {
            return words.to_owned();
        }
        let head = match self.value.kind() {
            "parenthesized_expression" | "tuple" => "",
            "call" => field(self.value, "function").map_or(words, |function| slice(function, self.text)),
            _ if is_container_display(self.value) => "",
            _ => words,
        };
        let words = self.shifted(words, indent);
        if head.contains('\n') { format!("({words})") } else { words }
    }

    /// The lines after the first moved to the right as far as the first; not in strings, where white space counts.
    fn shifted(&self, words: &str, indent: &str) -> String {
        let mut in_string = false;
        walk(self.value, |node, _| {
            in_string |= node.kind() == "string" && slice(node, self.text).contains('\n');
            !in_string
        });
        let old = indent_at(self.text, self.value.start_byte());
        match indent.strip_prefix(old) {
            Some(more) if !in_string => {
                let mut lines = words.split_inclusive('\n');
                let first = lines.next().unwrap_or_default().to_owned();
                lines.fold(
                    first,
                    |all, line| if line.trim().is_empty() { all + line } else { all + more + line },
                )
            }
            _ => words.to_owned(),
        }
    }
}

fn is_docstring(statement: Node<'_>, text: &str) -> bool {
    statement.kind() == "expression_statement"
        && parts(statement).first().is_some_and(|e| is_plain_string(*e, text))
}

/// Whether a type's text says that `None` is one of its values.
fn admits_none(annotation: &str) -> bool {
    let words: Vec<&str> = annotation.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    words.contains(&"None")
        || words.contains(&"Optional")
        || matches!(words.as_slice(), ["Any" | "object"])
        || annotation.ends_with("typing.Any")
}

/// Whether the module writes `Optional[...]` because its annotations are evaluated.
fn imports_optional(root: Node<'_>, text: &str) -> bool {
    let statements = parts(root);
    let future = statements
        .iter()
        .any(|s| s.kind() == "future_import_statement" && slice(*s, text).contains("annotations"));
    !future
        && statements.iter().any(|statement| {
            statement.kind() == "import_from_statement"
                && field(*statement, "module_name").is_some_and(|module| slice(module, text) == "typing")
                && fields(*statement, "name").iter().any(|name| slice(*name, text) == "Optional")
        })
}

/// Whether an identifier is read (no attribute's and no keyword's name).
fn is_load(node: Node<'_>) -> bool {
    node.parent().is_none_or(|parent| match parent.kind() {
        "attribute" => field(parent, "attribute") != Some(node),
        "keyword_argument" => field(parent, "name") != Some(node),
        _ => true,
    })
}

fn parameter_names<'t>(function: Node<'t>, text: &'t str) -> Vec<&'t str> {
    let parameters = field(function, "parameters").map(parts).unwrap_or_default();
    let mut names = Vec::new();
    for parameter in parameters {
        let target =
            field(parameter, "name").or_else(|| parts(parameter).first().copied()).unwrap_or(parameter);
        names_in(target, text, &mut names);
    }
    names
}

fn names_in<'t>(node: Node<'t>, text: &'t str, names: &mut Vec<&'t str>) {
    walk(node, |inner, _| {
        if inner.kind() == "identifier" {
            names.push(slice(inner, text));
        }
        !matches!(inner.kind(), "attribute" | "subscript")
    });
}

/// The names that a block binds in its own scope, once for each place.
fn bound_names<'t>(block: Node<'t>, text: &'t str) -> Vec<&'t str> {
    let mut names = Vec::new();
    walk(block, |node, _| {
        let targets = match node.kind() {
            "assignment" | "augmented_assignment" | "for_statement" => fields(node, "left"),
            "function_definition" | "class_definition" | "named_expression" => fields(node, "name"),
            "import_statement" | "import_from_statement" => fields(node, "name"),
            "as_pattern_target" | "case_pattern" => vec![node],
            _ => Vec::new(),
        };
        for target in targets {
            match (target.kind(), field(target, "alias")) {
                ("aliased_import", Some(alias)) => names.push(slice(alias, text)),
                ("dotted_name", _) => names.extend(slice(target, text).split('.').next()),
                _ => names_in(target, text, &mut names),
            }
        }
        !matches!(node.kind(), "function_definition" | "class_definition" | "lambda")
    });
    names
}

fn is_deleted(block: Node<'_>, name: &str, text: &str) -> bool {
    parts(block).into_iter().filter(|s| s.kind() == "delete_statement").any(|statement| {
        let mut names = Vec::new();
        names_in(statement, text, &mut names);
        names.contains(&name)
    })
}
