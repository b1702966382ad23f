//! What is wrong with a configuration: always with the file (or variable) and the key or the line.

use std::path::PathBuf;

/// The configuration cannot be used. The user or the repository's owner has to change it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file is there and cannot be read.
    #[error("{path}: cannot be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A file is larger than any configuration.
    #[error("{path}: larger than {limit} bytes, which no configuration is")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        limit: u64,
    },
    /// A file holds an unknown key, a wrong type, or is no YAML.
    #[error("{}: {message}{}", place(file, *line), for_key(key.as_deref()))]
    File {
        /// The file.
        file: String,
        /// The line, from 1, where it is known.
        line: Option<u64>,
        /// The key, with dots, where it is known.
        key: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// An environment variable or a flag has a value that its key cannot take.
    #[error("{source_name}: {message} (key {key})")]
    Value {
        /// The variable or the flag.
        source_name: String,
        /// The key, with dots.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// A value has the right type and makes no sense.
    #[error("{key}: {why}{}", set_by(source_name.as_deref()))]
    Senseless {
        /// The key, with dots.
        key: String,
        /// Why.
        why: String,
        /// Which layer set it; `None` for the built-in one.
        source_name: Option<String>,
    },
}

fn place(file: &str, line: Option<u64>) -> String {
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

fn for_key(key: Option<&str>) -> String {
    key.map(|key| format!(" (key {key})")).unwrap_or_default()
}

fn set_by(source: Option<&str>) -> String {
    source.map(|source| format!(" (set by {source})")).unwrap_or_default()
}
