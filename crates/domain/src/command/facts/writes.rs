//! Writing files: by redirection, and by programs whose operands are written to.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::paths::{Folder, Place, is_steering, place};
use crate::command::rules::Rule;
use crate::command::shell::Arg;

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    let all = [
        "tee", "sponge", "touch", "mkdir", "mkfifo", "mknod", "chmod", "patch", "truncate", "ex", "ed",
        "split", "csplit",
    ];
    let last = [
        "cp", "mv", "install", "ln", "link", "rsync", "gcp", "gmv", "ginstall", "gln", "ditto", "xcopy",
        "copy",
    ];
    if call.is(&all) {
        call.places().for_each(|(arg, place)| target(call.name, arg, &place, found));
    } else if call.is(&last) {
        copy(call, found);
    } else if call.is(&["sed", "gsed", "perl", "ruby"]) && call.options().any(|o| is_in_place(call.name, o)) {
        call.places().skip(1).for_each(|(arg, place)| target(call.name, arg, &place, found));
    }
    // Options that name a file to be written are spelt in many ways; where they lead outside, it shows in the value.
    for arg in call.args {
        let Some((name, value)) = arg.text.split_once('=') else { continue };
        if ["--output", "--out", "-o", "--outfile", "--output-file", "--log-file", "--target-directory"]
            .contains(&name)
        {
            let value = arg.part(value);
            target(call.name, &value, &place(&value, call.folder), found);
        }
    }
    for pair in call.args.windows(2) {
        let [name, value] = pair else { continue };
        if ["-o", "-O", "--output", "--output-document", "-t", "--target-directory", "-d"]
            .contains(&name.text.as_str())
            && call.is(&[
                "curl", "wget", "less", "cp", "mv", "ln", "install", "sort", "gcc", "cc", "unzip", "shuf",
            ])
        {
            target(call.name, value, &place(value, call.folder), found);
        }
    }
}

fn is_in_place(name: &str, option: &str) -> bool {
    let sed = matches!(name, "sed" | "gsed");
    sed && (option.starts_with("-i")
        || option.starts_with("--in-place")
        || option.starts_with("-s") && option.contains('i'))
        || !sed && !option.starts_with("--") && option.contains('i')
}

fn copy(call: &Call<'_>, found: &mut Found) {
    let places: Vec<(&Arg, Place)> = call.places().collect();
    let Some(((arg, to), sources)) = places.split_last() else { return };
    target(call.name, arg, to, found);
    if call.is(&["ln", "link", "gln"]) {
        // A link that leads out makes the outside look like a part of the tree.
        for (arg, place) in sources.iter().chain(places.first().filter(|_| sources.is_empty())) {
            if matches!(place, Place::Whole | Place::Outside(_) | Place::Device | Place::Unknown) {
                found.add(Rule::WriteOutside, format!("a link to {}", arg.text));
            }
        }
    }
}

/// What writing to this place is.
fn target(name: &str, arg: &Arg, place: &Place, found: &mut Found) {
    match place {
        Place::Whole | Place::Outside(_) => {
            found.add(Rule::WriteOutside, format!("{name} writes {}", arg.text))
        }
        Place::Device => found.add(Rule::Disk, format!("{name} writes {}", arg.text)),
        Place::Tree(parts) if is_steering(parts) => {
            found.add(Rule::SteeringFile, format!("{name} writes {}", arg.text));
        }
        Place::Tree(_) | Place::Temporary | Place::Stream | Place::Unknown => {}
    }
}

/// What a redirection into this place is.
pub(in crate::command) fn written_to(arg: &Arg, folder: &Folder, found: &mut Found) {
    if arg.text.starts_with("/dev/tcp/") || arg.text.starts_with("/dev/udp/") {
        found.add(Rule::RawNetwork, format!("a connection: {}", arg.text));
        return;
    }
    let place = place(arg, folder);
    target("a redirection", arg, &place, found);
    match place {
        Place::Unknown => found.add(Rule::WriteOutside, "a redirection to a place that is not known"),
        Place::Tree(_) | Place::Temporary => found.add(Rule::WritesFile, format!("into {}", arg.text)),
        Place::Whole | Place::Outside(_) | Place::Device | Place::Stream => {}
    }
}

/// What a redirection from this place is; whether nothing is to be said against it.
pub(in crate::command) fn read_from(arg: &Arg, folder: &Folder, found: &mut Found) -> bool {
    if arg.text.starts_with("/dev/tcp/") || arg.text.starts_with("/dev/udp/") {
        found.add(Rule::RawNetwork, format!("a connection: {}", arg.text));
        return false;
    }
    if arg.names_secret() {
        found.add(Rule::Secrets, format!("from {}", arg.text));
    }
    match place(arg, folder) {
        Place::Tree(parts) => !parts.is_empty() && !arg.glob,
        Place::Stream => true,
        _ => {
            found.add(Rule::ReadsOutside, format!("from {}", arg.text));
            false
        }
    }
}
