//! A plain folder as the base of a patch, and its files changed wholly or not at all. No git, no record.

mod base;
mod write;

pub(crate) use base::Folder;
pub(crate) use write::{WriteError, is_own, recover, write};
