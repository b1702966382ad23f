//! The new content of a file from its placed hunks: context stands as the base has it, and added lines take on the
//! line ends and the indentation of the place when the hunk was written with others.

use super::indent::Shift;
use super::lines::{self, Lined};
use super::place::Placed;
use super::search::Sameness;
use super::{Hunk, LineKind};

/// One changed stretch of the base: the lines that go, and those that come in their place.
struct Edit {
    start: usize,
    end: usize,
    new: Vec<Vec<u8>>,
}

/// The file's new content. Context stands as it stands in the base, whatever the patch made of its white space.
pub(super) fn splice(hunks: &[Hunk], placed: &[Placed], base: &Lined<'_>) -> Vec<u8> {
    // A hunk that fits byte for byte means its line ends; then nobody has to know the file's.
    let is_loose = placed.iter().any(|placed| placed.same != Sameness::Exact);
    let endings = if is_loose { Endings::of(base) } else { Endings::Mixed };
    let mut edits: Vec<Edit> =
        hunks.iter().zip(placed).flat_map(|(hunk, placed)| edits(hunk, placed, base, endings)).collect();
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let added: usize = edits.iter().flat_map(|edit| &edit.new).map(|line| line.len() + 1).sum();
    let mut out = Vec::with_capacity(base.bytes().len() + added);
    let mut at = 0;
    for edit in &edits {
        push_line(&mut out, base.range(at..edit.start));
        for line in &edit.new {
            push_line(&mut out, line);
        }
        at = edit.end;
    }
    push_line(&mut out, base.range(at..base.len()));
    out
}

/// Adds one or more lines; the one before may have been the file's last, without a line end.
fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    if !line.is_empty() && out.last().is_some_and(|byte| *byte != b'\n') {
        out.push(b'\n');
    }
    out.extend_from_slice(line);
}

fn edits(hunk: &Hunk, placed: &Placed, base: &Lined<'_>, endings: Endings) -> Vec<Edit> {
    let shift = Shift::of(hunk, placed, base);
    let mut edits: Vec<Edit> = Vec::new();
    let mut index = placed.at as i64 - placed.trim.0 as i64;
    let mut open = false;
    for line in &hunk.lines {
        if line.kind == LineKind::Context {
            (index, open) = (index + 1, false);
            continue;
        }
        let here = usize::try_from(index).unwrap_or(0);
        if !open {
            edits.push(Edit { start: here, end: here, new: Vec::new() });
            open = true;
        }
        let Some(edit) = edits.last_mut() else { continue };
        match line.kind {
            LineKind::Remove => (index, edit.end) = (index + 1, here + 1),
            LineKind::Add | LineKind::Context => {
                edit.new.push(endings.adapt(&shift.apply(&line.text), placed.same));
            }
        }
    }
    edits
}

/// How the lines of a file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endings {
    Lf,
    CrLf,
    Mixed,
}

impl Endings {
    fn of(base: &Lined<'_>) -> Self {
        let ended = base.from(0).filter(|line| line.ends_with(b"\n")).count();
        match base.from(0).filter(|line| line.ends_with(b"\r\n")).count() {
            0 => Self::Lf,
            crlf if crlf == ended => Self::CrLf,
            _ => Self::Mixed,
        }
    }

    /// The line with the file's line end. Only where the hunk had to be placed without looking at white space: a
    /// hunk that fits byte for byte means its line ends.
    fn adapt(self, line: &[u8], same: Sameness) -> Vec<u8> {
        let stem = lines::trim_end(line);
        match self {
            _ if same == Sameness::Exact || !line.ends_with(b"\n") => line.to_vec(),
            Self::Mixed => line.to_vec(),
            Self::Lf => [stem, b"\n"].concat(),
            Self::CrLf => [stem, b"\r\n"].concat(),
        }
    }
}
