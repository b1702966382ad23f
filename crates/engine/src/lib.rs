//! The library: the Operator and one file for each arrow of a change.
