//! Sorts of files and their modes.

use super::{Findings, GateInput, Rule};
use crate::patch::{FileMode, Touched};

pub(super) fn judge(input: &GateInput<'_>, file: &Touched<'_>, findings: &mut Findings) {
    let (policy, path) = (input.policy, &file.file.path);
    let (before, after) = (file.file.before.as_ref(), file.file.after.as_ref());
    let mode = after.map(|after| after.mode);
    if mode == Some(FileMode::Symlink) {
        findings.at(Rule::Symlink, policy.symlinks, file, None, Rule::Symlink.text());
    }
    let gitlink = [before, after].into_iter().flatten().any(|side| side.mode == FileMode::Gitlink);
    // Git looks for submodules in this file alone, but on some file systems under other spellings too.
    if gitlink || path.as_str().eq_ignore_ascii_case(".gitmodules") {
        findings.at(Rule::Submodule, policy.submodules, file, None, Rule::Submodule.text());
    }
    // A link's target is no content, and a file that only goes away cannot carry anything in.
    let text = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
    if after.is_some_and(|after| text(after.mode) && after.bytes.contains(&0)) {
        findings.at(Rule::Binary, policy.binaries, file, None, Rule::Binary.text());
        if after.is_some_and(|after| is_program(&after.bytes)) {
            findings.say(Rule::NativeProgram, file, None);
        }
    }
    let was_executable = before.is_some_and(|before| before.mode == FileMode::Executable);
    if mode == Some(FileMode::Executable) && !was_executable {
        findings.at(Rule::Executable, policy.executables, file, None, Rule::Executable.text());
    }
    let other_type = before.zip(after).is_some_and(|(before, after)| before.mode.is_other_type(after.mode));
    let link_removed = before.is_some_and(|before| before.mode == FileMode::Symlink) && after.is_none();
    if other_type || link_removed {
        findings.say(Rule::TypeChange, file, None);
    }
}

/// Whether the content begins as programs do: ELF, DOS and Windows, Mach-O in both orders and several at once (which
/// Java classes share), WebAssembly.
fn is_program(bytes: &[u8]) -> bool {
    const MARKS: [&[u8]; 8] = [
        b"\x7fELF",
        b"MZ",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"\0asm",
    ];
    MARKS.iter().any(|mark| bytes.starts_with(mark))
}
