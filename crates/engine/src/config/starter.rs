//! The file that `codex-task init` writes: all of it commented out, so that it changes nothing until somebody wants it.

/// The commented text of a repository's configuration file. Lines that begin with `## ` explain; taking `# ` off the
/// other lines makes them count.
pub fn starter_file() -> &'static str {
    include_str!("starter.yaml")
}
