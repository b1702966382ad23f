//! The place of each hunk of one file. Exact first; then, in lenient reading only, white space and trimmed outer
//! context. A place is taken when it is the only one, or when the header's line number points at it exactly, or
//! when the hunks around it leave no other. Never the likeliest of several.

use super::finding::{Mismatch, PatchCode, PatchFinding, shown};
use super::lines::Lined;
use super::search::{GaveUp, Sameness, Text};
use super::{Counts, Hunk, LineKind, Tolerance, scope};

use super::apply::How;

/// Outer context lines that may be left out of a hunk, both sides together. A usual hunk has six; with more than half
/// of them wrong its author did not have the file in view.
const MAX_TRIM: usize = 3;

/// Where a hunk goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    /// The index of the base's line at which the (trimmed) old lines begin.
    pub(super) at: usize,
    /// Old lines that are left out at the front and at the back; always context.
    pub(super) trim: (usize, usize),
    /// How the place was found.
    pub(super) how: How,
    /// What was compared.
    pub(super) same: Sameness,
    /// Lines between the claimed place and this one.
    pub(super) offset: i64,
    /// Half-open range of base lines from the first to behind the last that the hunk changes.
    changed: (usize, usize),
}

/// The places that come into question for a hunk, all found in the same way.
struct Options {
    places: Vec<usize>,
    trim: (usize, usize),
    same: Sameness,
    /// Nothing but the header's number speaks for the place.
    by_number: bool,
}

impl Options {
    fn exact(places: Vec<usize>) -> Self {
        Self { places, trim: (0, 0), same: Sameness::Exact, by_number: false }
    }
}

/// Finds the place of every hunk; the base's lines are given back.
///
/// # Errors
/// One finding for each hunk that has no place, several, or one that another hunk changes too.
pub(super) fn place<'b>(
    hunks: &[Hunk],
    base: Lined<'b>,
    tolerance: Tolerance,
) -> Result<(Vec<Placed>, Lined<'b>), Vec<PatchFinding>> {
    let mut text = Text::new(base);
    let mut findings = Vec::new();
    let mut options = Vec::new();
    for hunk in hunks {
        match find(hunk, &mut text, tolerance) {
            Ok(found) => options.push(found),
            Err(finding) => findings.push(finding.at(hunk.line).in_hunk(hunk.number)),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    narrow(hunks, &mut options);
    let mut placed = Vec::new();
    for (hunk, options) in hunks.iter().zip(&options) {
        match options.places.as_slice() {
            [at] => placed.push(settle(hunk, *at, options)),
            several => findings.push(ambiguous(hunk, several)),
        }
    }
    if findings.is_empty() {
        findings = unproven(hunks, &placed);
    }
    if findings.is_empty() {
        findings = collisions(hunks, &placed, tolerance);
        findings.extend(disorder(hunks, &placed));
    }
    if findings.is_empty() { Ok((placed, text.lines)) } else { Err(findings) }
}

/// The header's place as an index; none when the header names none.
fn claimed(hunk: &Hunk) -> Option<usize> {
    hunk.old_start.map(|start| (start as usize).saturating_sub(1))
}

fn find(hunk: &Hunk, text: &mut Text<'_>, tolerance: Tolerance) -> Result<Options, PatchFinding> {
    let old: Vec<&[u8]> = hunk.old_lines().map(|line| line.text.as_slice()).collect();
    if old.is_empty() {
        return find_without_context(hunk, text, tolerance);
    }
    let gave_up = |GaveUp| {
        PatchFinding::new(
            PatchCode::TooMuchWork,
            "the search was given up: too many hunks moved in too long a file",
        )
    };
    for (same, trim) in ladder(hunk, tolerance) {
        let kept = &old[trim.0..old.len() - trim.1];
        let hint = claimed(hunk).map(|at| at + trim.0);
        if let Some(at) = hint.filter(|at| text.stands_at(kept, *at, same)) {
            return Ok(Options { trim, same, ..Options::exact(vec![at]) });
        }
        let mut places = text.find(kept, same).map_err(gave_up)?;
        if places.len() > 1 {
            places = scope::narrow(hunk, text, places, kept.len()).map_err(gave_up)?;
        }
        if !places.is_empty() {
            return Ok(Options { trim, same, ..Options::exact(places) });
        }
    }
    Err(mismatch(hunk, &old, text))
}

/// Lines that are added without any line around them have a place only in an empty file, or (in lenient reading) where
/// their number says, when [`unproven`] finds that the file's other hunks prove the numbers right.
fn find_without_context(hunk: &Hunk, text: &Text<'_>, tolerance: Tolerance) -> Result<Options, PatchFinding> {
    if text.lines.len() == 0 {
        return Ok(Options::exact(vec![0]));
    }
    // An empty range is named by the line before it.
    match hunk.old_start.map(|start| start as usize).filter(|at| *at <= text.lines.len()) {
        Some(at) if tolerance == Tolerance::Lenient && hunk.counts == Counts::Right => {
            Ok(Options { by_number: true, ..Options::exact(vec![at]) })
        }
        _ => Err(without_place()),
    }
}

fn without_place() -> PatchFinding {
    let detail = "the hunk has no line of the file by which its place could be known";
    PatchFinding::new(PatchCode::ContextMismatch, detail)
}

/// Hunks that only a number places, unless the numbers of this file are proven: every other hunk stands byte for byte
/// where its own number says, and the new numbers follow from the old ones.
fn unproven(hunks: &[Hunk], placed: &[Placed]) -> Vec<PatchFinding> {
    let is_numbered = |placed: &&Placed| placed.how == How::Numbered;
    let mut others = placed.iter().filter(|placed| !is_numbered(placed)).peekable();
    let anchored =
        others.peek().is_some() && others.all(|placed| placed.offset == 0 && placed.how <= How::Recounted);
    let proven = anchored && numbers_agree(hunks);
    let mut findings = Vec::new();
    for (hunk, placed) in hunks.iter().zip(placed) {
        if !proven && is_numbered(&placed) {
            findings.push(without_place().at(hunk.line).in_hunk(hunk.number));
        }
    }
    findings
}

/// Whether each hunk's new number is its old one and what the hunks before it add and remove.
fn numbers_agree(hunks: &[Hunk]) -> bool {
    let mut grown = 0i64;
    hunks.iter().all(|hunk| {
        let count = |kind| hunk.lines.iter().filter(|line| line.kind == kind).count() as i64;
        let (added, removed) = (count(LineKind::Add), count(LineKind::Remove));
        let sides = hunk.old_start.zip(hunk.new_start).map(|(old, new)| (i64::from(old), i64::from(new)));
        // An empty side is named by the line before it.
        let kept = count(LineKind::Context);
        let (old_empty, new_empty) = (kept + removed == 0, kept + added == 0);
        let agrees =
            sides.is_some_and(|(old, new)| old + i64::from(old_empty) + grown == new + i64::from(new_empty));
        grown += added - removed;
        agrees
    })
}

/// What is tried, in this order.
fn ladder(hunk: &Hunk, tolerance: Tolerance) -> Vec<(Sameness, (usize, usize))> {
    let mut steps = vec![(Sameness::Exact, (0, 0))];
    if tolerance == Tolerance::Lenient {
        steps.extend([(Sameness::TrailingSpace, (0, 0)), (Sameness::AnySpace, (0, 0))]);
        // What is left after trimming must stand there byte for byte: one liberty at a time.
        steps.extend(trims(hunk).into_iter().map(|trim| (Sameness::Exact, trim)));
    }
    steps
}

/// How much outer context may be left out: less before more, never all of it, and never so much that no line of
/// substance is left.
fn trims(hunk: &Hunk) -> Vec<(usize, usize)> {
    let is_context = |line: &&super::HunkLine| line.kind == LineKind::Context;
    let head = hunk.lines.iter().take_while(is_context).count();
    let tail = hunk.lines.iter().rev().take_while(is_context).count();
    let old: Vec<&super::HunkLine> = hunk.old_lines().collect();
    let mut trims: Vec<(usize, usize)> = (0..=head.min(MAX_TRIM))
        .flat_map(|front| (0..=tail.min(MAX_TRIM)).map(move |back| (front, back)))
        .filter(|(front, back)| (1..=MAX_TRIM).contains(&(front + back)))
        .collect();
    trims.retain(|(front, back)| {
        let kept = old.get(*front..old.len().saturating_sub(*back)).unwrap_or_default();
        let of_substance = |line: &&super::HunkLine| {
            line.text.iter().filter(|byte| byte.is_ascii_alphanumeric()).count() >= 3
        };
        kept.iter().any(|line| line.kind == LineKind::Context)
            && kept.iter().copied().any(|line| of_substance(&line))
    });
    trims.sort_by_key(|(front, back)| (front + back, front.abs_diff(*back)));
    trims
}

/// Leaves out places that the hunks around do not allow, until nothing changes (three passes settle what chains of
/// neighbours can; more would be a puzzle, and a puzzle is refused).
fn narrow(hunks: &[Hunk], options: &mut [Options]) {
    for _ in 0..3 {
        let ends: Vec<Option<(usize, usize)>> = hunks
            .iter()
            .zip(options.iter())
            .map(|(hunk, found)| match found.places.as_slice() {
                [at] => Some(settle(hunk, *at, found).changed),
                _ => None,
            })
            .collect();
        let mut floor = 0;
        let mut floors = Vec::with_capacity(ends.len());
        for end in &ends {
            floors.push(floor);
            floor = end.map_or(floor, |(_, end)| end.max(floor));
        }
        let mut ceiling = usize::MAX;
        for index in (0..options.len()).rev() {
            if options[index].places.len() > 1 {
                let kept = within(&hunks[index], &options[index], floors[index], ceiling);
                if !kept.is_empty() {
                    options[index].places = kept;
                }
            }
            ceiling = ends[index].map_or(ceiling, |(start, _)| start.min(ceiling));
        }
    }
}

fn within(hunk: &Hunk, options: &Options, floor: usize, ceiling: usize) -> Vec<usize> {
    let fits = |at: &usize| {
        let (start, end) = settle(hunk, *at, options).changed;
        start >= floor && end <= ceiling
    };
    options.places.iter().copied().filter(fits).collect()
}

fn settle(hunk: &Hunk, at: usize, options: &Options) -> Placed {
    let untrimmed = at as i64 - options.trim.0 as i64;
    let offset =
        if options.by_number { 0 } else { claimed(hunk).map_or(0, |claimed| untrimmed - claimed as i64) };
    // A form that has no line numbers has lost none.
    let lost_its_numbers = hunk.old_start.is_none() && hunk.counts == Counts::Recounted;
    let how = if options.by_number {
        How::Numbered
    } else if options.trim != (0, 0) {
        How::Trimmed
    } else if options.same != Sameness::Exact {
        How::Whitespace
    } else if offset != 0 || (lost_its_numbers && hunk.old_lines().next().is_some()) {
        How::Moved
    } else if hunk.counts == Counts::Recounted {
        How::Recounted
    } else {
        How::Exact
    };
    Placed {
        at,
        trim: options.trim,
        how,
        same: options.same,
        offset,
        changed: changed_range(hunk, at, options.trim),
    }
}

/// The base lines from the first to behind the last change; an insertion alone has an empty range.
fn changed_range(hunk: &Hunk, at: usize, trim: (usize, usize)) -> (usize, usize) {
    let mut index = at as i64 - trim.0 as i64;
    let mut range: Option<(i64, i64)> = None;
    for line in &hunk.lines {
        let next = index + i64::from(line.kind != LineKind::Add);
        if line.kind != LineKind::Context {
            range = Some((range.map_or(index, |(start, _)| start), next));
        }
        index = next;
    }
    let (start, end) = range.unwrap_or((index, index));
    (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0))
}

/// Hunks that change the same lines, or (in strict reading) share context.
fn collisions(hunks: &[Hunk], placed: &[Placed], tolerance: Tolerance) -> Vec<PatchFinding> {
    let range = |index: usize| match tolerance {
        Tolerance::Strict => (placed[index].at, placed[index].at + hunks[index].old_lines().count()),
        Tolerance::Lenient => placed[index].changed,
    };
    let mut order: Vec<usize> = (0..hunks.len()).collect();
    order.sort_by_key(|index| range(*index));
    let mut findings = Vec::new();
    for pair in order.windows(2) {
        let (first, second) = (range(pair[0]), range(pair[1]));
        if second.0 < first.1 || second == first {
            let (number, other) = (hunks[pair[1]].number, hunks[pair[0]].number);
            let detail = format!("it changes lines that hunk {other} changes too");
            let line = hunks[pair[1]].line;
            findings.push(PatchFinding::new(PatchCode::OverlappingHunks, detail).at(line).in_hunk(number));
        }
    }
    findings
}

/// Hunks that were found with some liberty must keep the order in which they are written: it is the one thing about
/// their place that still can be checked.
fn disorder(hunks: &[Hunk], placed: &[Placed]) -> Vec<PatchFinding> {
    let loose = |placed: &Placed| placed.how >= How::Whitespace;
    let mut findings = Vec::new();
    for (pair, hunk) in placed.windows(2).zip(hunks.iter().skip(1)) {
        if pair[1].changed < pair[0].changed && (loose(&pair[0]) || loose(&pair[1])) {
            let detail = "it stands before the hunk that precedes it, and one of the two fits only roughly";
            findings.push(PatchFinding::new(PatchCode::HunkOrder, detail).at(hunk.line).in_hunk(hunk.number));
        }
    }
    findings
}

fn ambiguous(hunk: &Hunk, places: &[usize]) -> PatchFinding {
    let shown: Vec<String> = places.iter().take(5).map(|at| (at + 1).to_string()).collect();
    let more = if places.len() > 5 { ", ..." } else { "" };
    let detail = format!("its text stands in {} places: lines {}{more}", places.len(), shown.join(", "));
    PatchFinding::new(PatchCode::Ambiguous, detail).at(hunk.line).in_hunk(hunk.number)
}

fn mismatch(hunk: &Hunk, old: &[&[u8]], text: &mut Text<'_>) -> PatchFinding {
    let mut finding = PatchFinding::new(PatchCode::ContextMismatch, "its text does not stand in the file");
    // Where even looking for the nearest place would take too long, the finding has to do without.
    let Ok((at, index)) = text.nearest(old, claimed(hunk).unwrap_or(0)) else { return finding };
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    finding.mismatch = Some(Box::new(Mismatch {
        nearest: number(at),
        base_line: number(at + index),
        expected: old.get(index).map(|line| shown(line)).unwrap_or_default(),
        found: text.lines.get(at + index).map(shown),
    }));
    finding
}
