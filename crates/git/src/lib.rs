//! The only spawner of git, and the only reader and writer of git objects.
//!
//! Objects, trees and refs go through gix in memory, which runs no hook, filter or file system monitor and whose cost
//! follows the change. The git program ([`run`]) is for what gix cannot do. Nothing here writes the user's working tree,
//! index, HEAD, stash or configuration, and no ref outside of [`OwnRef`] can be named for writing.

mod checkout;
mod diff;
mod digest;
mod edit;
mod error;
mod index;
mod objects;
mod refs;
mod repository;
pub mod run;
mod throwaway;
mod tree;
mod worktrees;

pub use checkout::Checkout;
pub use diff::Delta;
pub use digest::{RepoDigest, difference, digest};
pub use edit::Change;
pub use error::GitError;
pub use objects::{Blob, Entry, Mode, ObjectId, Signature};
pub use refs::{Name, OwnRef};
pub use repository::{Base, Repository};
pub use throwaway::{IndexFill, Throwaway};
pub use tree::{Listing, TreeFile};
