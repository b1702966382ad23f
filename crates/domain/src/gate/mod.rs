//! The rules that judge a change.
