//! `codex-task "text"`: a task in words, by whoever the rules choose.

use std::io::Read;
use std::path::{Path, PathBuf};

use domain::exit_code::ExitCode;
use domain::image::{MOST_BYTES, MOST_IMAGES};
use domain::task::{Kind, Task};
use engine::Job;
use engine::image::Image;
use serde_json::json;

use super::{document, finish, route};
use crate::args::RunArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::{Taken, job, on_signals, take};
use crate::ui::story;
use crate::view;

/// No task is longer, in bytes: it has to fit into a prompt.
const MOST: u64 = 1 << 20;

pub(crate) async fn run(session: &Session<'_>, args: &RunArgs) -> Result<ExitCode, Failure> {
    let text = text(session, args)?;
    let kind = match (args.kind, &args.output) {
        (Some(kind), Some(_)) if kind != Kind::Ask => {
            return Err(Failure::usage(format!("-o takes an answer, and --type {kind} asks for a change"))
                .hint("leave -o out: the change becomes a branch, and `codex-task diff` prints it"));
        }
        (Some(kind), _) => kind,
        (None, Some(_)) => Kind::Ask,
        (None, None) => route::kind_of(&text),
    };
    let task = Task { kind, text, finding: None };
    let images = images(session, args)?;
    let project = session.project(&args.steering.flags())?;
    if args.dry_run {
        return dry_run(session, &project, &task, &images, args).await;
    }
    let operator = session.operator().await?;
    let cancel = on_signals()?;
    let job = Job { images, ..job(task, args.review, &args.steering) };
    let reporter = session.reporter();
    let (Taken::Ran(intent) | Taken::Already(intent)) =
        take(&operator, &project, job, &reporter, &cancel).await?;
    drop(reporter);
    if let (Some(file), Some(answer)) = (&args.output, operator.answer(&intent).await?) {
        let path = session.environment.folder.join(file);
        std::fs::write(&path, content_for(file, &answer)).map_err(|e| Failure::file(&path, &e))?;
        session.remark(&format!("written     {}   cost {}", file.display(), story::cost(&intent)));
        document(
            session,
            "run",
            json!({ "intent": view::intent(&intent), "answer": answer, "exit_code": 0 }),
        );
        return Ok(ExitCode::Done);
    }
    finish(session, "run", &operator, &intent).await
}

/// The images that go along.
fn images(session: &Session<'_>, args: &RunArgs) -> Result<Vec<Image>, Failure> {
    if args.image.len() > MOST_IMAGES {
        return Err(Failure::usage(format!("at most {MOST_IMAGES} images may go along")));
    }
    let read = |file: &PathBuf| {
        let path = session.environment.folder.join(file);
        let size = std::fs::metadata(&path).map_err(|e| Failure::file(&path, &e))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if size > MOST_BYTES as u64 {
            return Err(Failure::usage(format!("{name} has {size} bytes; an image may have {MOST_BYTES}"))
                .hint("make it smaller: models scale large images down anyway"));
        }
        let bytes = std::fs::read(&path).map_err(|e| Failure::file(&path, &e))?;
        Image::new(&name, bytes).map_err(|e| Failure::usage(e.to_string()))
    };
    args.image.iter().map(read).collect()
}

/// A verb that names the kind.
pub(crate) async fn of_kind(
    session: &Session<'_>,
    mut args: RunArgs,
    kind: Kind,
) -> Result<ExitCode, Failure> {
    if args.kind.is_some_and(|other| other != kind) {
        return Err(Failure::usage(format!(
            "the verb says {kind}, --type another kind; leave one of them out"
        )));
    }
    args.kind = Some(kind);
    run(session, &args).await
}

/// Text files get the whole answer; any other file the one block of code that stands in it.
fn content_for(file: &Path, answer: &str) -> String {
    let is_text = file.extension().is_none_or(|e| ["md", "txt", "rst"].iter().any(|text| e == *text));
    let code = if is_text { None } else { only_block(answer) };
    let mut content = code.unwrap_or(answer).to_owned();
    if !content.ends_with('\n') {
        content.push('\n');
    }
    content
}

/// The content of the only fence in a text.
fn only_block(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("```")?;
    let (_, body) = after.split_once('\n')?;
    let (code, rest) = body.split_once("\n```")?;
    (!rest.contains("```")).then_some(code)
}

/// Who would be asked, and why; nothing is sent.
async fn dry_run(
    session: &Session<'_>,
    project: &engine::Project,
    task: &Task,
    images: &[Image],
    args: &RunArgs,
) -> Result<ExitCode, Failure> {
    let route = route::of(session, project, task, images.len(), args.steering.provider.as_deref()).await?;
    route::show(session, project, &route);
    let packed = route::packed(session, project, task, images, &route, args.steering.model.as_deref());
    let code = route::code(&route);
    session.shell.out("dry run     nothing was sent and nothing is recorded");
    document(
        session,
        "run",
        json!({ "dry_run": true, "route": route, "prompts": packed, "exit_code": code.code() }),
    );
    Ok(code)
}

/// The task's words: from the line, a file, or stdin.
fn text(session: &Session<'_>, args: &RunArgs) -> Result<String, Failure> {
    let text = match (&args.file, args.text.as_slice()) {
        (Some(file), _) => {
            let path = session.environment.folder.join(file);
            std::fs::read_to_string(&path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?
        }
        (None, [dash]) if dash == "-" => stdin()?,
        (None, words) => words.join(" "),
    };
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(Failure::usage("there is no task")
            .hint("codex-task \"what is to be done\", or `codex-task --help`"));
    }
    // One word is far more often a mistyped command than a task.
    if args.kind.is_none() && args.file.is_none() && !text.contains(char::is_whitespace) && args.text != ["-"]
    {
        return Err(Failure::usage(format!("{text:?} is no command, and one word is hardly a task"))
            .hint("`codex-task --help` lists the commands; a task is a sentence in quotes"));
    }
    Ok(text)
}

fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text);
    read.map_err(|e| Failure::usage(format!("stdin cannot be read: {e}")))?;
    if text.len() as u64 > MOST {
        return Err(Failure::usage("the task on stdin is larger than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_code_gets_the_one_block_and_a_text_all() {
        let answer = "Here:\n```python\nx = 1\n```\nDone.";
        assert_eq!(content_for(Path::new("a.py"), answer), "x = 1\n");
        assert_eq!(content_for(Path::new("a.md"), answer), format!("{answer}\n"));
        assert_eq!(content_for(Path::new("a.py"), "x = 1"), "x = 1\n");
        let two = "```\na\n```\nor\n```\nb\n```\n";
        assert_eq!(content_for(Path::new("a.py"), two), two, "two blocks: which one is not ours to choose");
    }

    #[test]
    fn a_word_of_asking_in_front_makes_a_question() {
        for (text, kind) in [
            ("Analyze codebase", Kind::Ask),
            ("why? it fails", Kind::Ask),
            ("Fix why it fails", Kind::Fix),
            ("listing.py prints nothing", Kind::Fix),
        ] {
            assert_eq!(route::kind_of(text), kind, "{text}");
        }
    }
}
