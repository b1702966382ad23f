//! What a command does, by its arguments: one file for each family. A fact is a rule that is found, with a reason.

mod delete;
mod environment;
mod git;
mod interpreters;
mod machine;
mod network;
mod secrets;
mod writes;

pub(super) use environment::{assigned, declared, holds_key, is_harmless};
pub(super) use interpreters::{Source, source};
pub(super) use writes::{read_from, written_to};

use super::Found;
use super::call::Call;

/// Everything that is to be said about one call, but for what it makes other programs do.
pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    delete::look(call, found);
    writes::look(call, found);
    machine::look(call, found);
    network::look(call, found);
    secrets::look(call, found);
    environment::look(call, found);
    interpreters::look(call, found);
    if call.is(&["git"]) {
        git::look(call, found);
    }
}

/// Of that only what a call deletes.
pub(super) fn look_for_deletions(call: &Call<'_>, found: &mut Found) {
    delete::look(call, found);
}
