//! The canonical change.
