//! The codex-task command.
