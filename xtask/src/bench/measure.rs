//! Runs one command and takes its wall time and the peak memory of its largest process. Each command is run by a
//! process of its own, because the kernel adds the peak up over all children that a process has waited for.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use nix::sys::resource::{UsageWho, getrusage};

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Wall time in milliseconds.
    pub(crate) wall_ms: f64,
    /// The peak resident set of the largest process, in KiB.
    pub(crate) peak_kib: i64,
}

/// Runs `argv` and prints what it took, for [`measured`].
pub(crate) fn child(argv: &[String]) -> anyhow::Result<ExitCode> {
    let (program, rest) = argv.split_first().context("no command")?;
    #[expect(clippy::disallowed_methods, reason = "a benchmark runs the programs that it measures")]
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().with_context(|| program.clone())?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    crate::say(format!(
        "{} {} {}",
        wall.as_secs_f64() * 1000.0,
        usage.max_rss(),
        status.code().unwrap_or(-1)
    ));
    Ok(ExitCode::SUCCESS)
}

/// Runs `argv` in `folder` with exactly this environment.
///
/// # Errors
/// When it cannot be run or does not end with 0: a figure of a failed run is worth nothing.
pub(crate) fn measured(argv: &[&str], folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Taken> {
    // Neither side is to wait for the disk to take what the other one left unwritten.
    rustix::fs::sync();
    #[expect(clippy::disallowed_methods, reason = "a benchmark runs the programs that it measures")]
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("measure").arg("--").args(argv).current_dir(folder).stdin(Stdio::null());
    command.env_clear().envs(environment.iter().copied());
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{argv:?} could not be measured: {errors}");
    let line = String::from_utf8(output.stdout)?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let &[wall, peak, code] = fields.as_slice() else { anyhow::bail!("unexpected: {line}") };
    ensure!(code == "0", "{argv:?} ended with {code}: {errors}");
    Ok(Taken { wall_ms: wall.parse()?, peak_kib: peak.parse()? })
}
