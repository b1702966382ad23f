//! Tests of the judge of commands.
