//! Characters that have no place in a command line: they steer a terminal, cannot be seen, or look like others.

use super::Found;
use super::rules::Rule;

/// What the letters of a command line say, before it is parsed.
pub(super) fn look(command: &str, found: &mut Found) {
    for c in command.chars().filter(|c| is_odd(*c)).take(4) {
        found.add(Rule::NotText, format!("U+{:04X}", u32::from(c)));
    }
    for word in command.split([' ', '\t', '\n', ';', '&', '|', '(', ')', '"', '\'']) {
        let first = word.chars().next().unwrap_or(' ');
        if is_dash(first) {
            found.add(Rule::NotText, "a dash that is no option's");
        }
    }
    // A name that is no ASCII is one that looks like another, until a person says otherwise.
    let names =
        command.split(['\n', ';', '&', '|', '(', '{', '`']).filter_map(|part| part.split_whitespace().next());
    for name in names.filter(|name| !name.is_ascii() && !name.starts_with('#')) {
        found.add(Rule::NotText, name);
    }
    if !command.is_ascii() {
        found.add(Rule::NotPlain, "letters beyond ASCII");
    }
}

/// Whether a character steers, hides, or takes the place of a blank.
pub(super) fn is_odd(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || c.is_whitespace() && !matches!(c, ' ' | '\n' | '\t')
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E
            | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFD | 0xE000..=0xF8FF
            // letters of the width of a Chinese one look like ASCII, and so do mathematical ones
            | 0xFF01..=0xFF5E | 0x1D400..=0x1D7FF | 0xE0000..=0xE0FFF | 0xF0000..=0x10FFFF)
}

fn is_dash(c: char) -> bool {
    matches!(
        u32::from(c),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 | 0xFF0D | 0x2E3A | 0x2E3B | 0x2043 | 0x02D7 | 0x06D4
    )
}
