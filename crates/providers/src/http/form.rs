//! Which form of answer a model is asked for: a table by provider and model, used where the configuration says nothing.
//!
//! The table is a first guess from what is known of such models in general; nothing in it was measured by us against
//! real services. `providers.<name>.answer` overrides it, and the journal tells for each provider what became of its
//! answers, so that a better choice can be read off one's own history.

use engine::context::AnswerForm;

/// A model of at most so many billions of parameters counts as small.
const SMALL: f64 = 14.0;

/// One line of the table; the first that fits counts.
struct Row {
    provider: &'static str,
    model: Model,
    form: AnswerForm,
}

/// Which models a line is about.
enum Model {
    /// Names that say a size up to [`SMALL`].
    Small,
    /// All.
    Any,
}

const TABLE: [Row; 2] = [
    // Counting lines and repeating context exactly is what small models fail at; a whole file they can write.
    Row { provider: "local", model: Model::Small, form: AnswerForm::WholeFile },
    Row { provider: "*", model: Model::Any, form: AnswerForm::Diff },
];

/// The form for a model of a provider.
pub(super) fn by_table(provider: &str, model: &str) -> AnswerForm {
    let fits = |row: &&Row| {
        let about = row.provider == "*" || row.provider == provider;
        about && (matches!(row.model, Model::Any) || billions(model).is_some_and(|size| size <= SMALL))
    };
    TABLE.iter().find(fits).map_or(AnswerForm::Diff, |row| row.form)
}

/// The size that a model's name tells, in billions of parameters: `qwen2.5-coder:7b` is 7, `smollm:360m` 0.36.
fn billions(model: &str) -> Option<f64> {
    model.to_ascii_lowercase().split(|c: char| !c.is_ascii_alphanumeric() && c != '.').find_map(|word| {
        let scaled = |unit: &str, scale: f64| {
            let digits = word.strip_suffix(unit).filter(|d| d.starts_with(|c: char| c.is_ascii_digit()))?;
            digits.parse::<f64>().ok().map(|number| number * scale)
        };
        scaled("b", 1.0).or_else(|| scaled("m", 0.001))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_local_models_write_whole_files_and_all_others_diffs() {
        for (provider, model, form) in [
            ("local", "qwen2.5-coder:7b", AnswerForm::WholeFile),
            ("local", "SmolLM2-360M-Instruct", AnswerForm::WholeFile),
            ("local", "qwen2.5-coder:32b", AnswerForm::Diff),
            ("local", "scripted", AnswerForm::Diff),
            ("openai", "gpt-4o-mini", AnswerForm::Diff),
            ("openai", "some-7b", AnswerForm::Diff),
        ] {
            assert_eq!(by_table(provider, model), form, "{provider} {model}");
        }
    }

    #[test]
    fn a_size_is_read_only_where_a_name_tells_one() {
        assert_eq!(billions("deepseek-r1:1.5b"), Some(1.5));
        assert_eq!(billions("gpt-4o-mini"), None);
        assert_eq!(billions("claude-haiku-4-5"), None);
    }
}
