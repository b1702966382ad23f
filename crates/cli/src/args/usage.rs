//! The arguments of `usage` and of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use store::Micros;

/// What was spent.
#[derive(Debug, Clone, Args)]
pub(crate) struct UsageArgs {
    /// Sum up by these, in this order [default: day,provider]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KEYS")]
    pub(crate) by: Vec<UsageKey>,
    /// Only this agent's
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// Forgive what was spent in the present month: it no longer counts against the limit. Recorded
    #[arg(long, alias = "reset-budget")]
    pub(crate) reset: bool,
    /// What --reset forgives
    #[arg(long, value_enum, default_value = "month", requires = "reset")]
    pub(crate) window: UsageWindow,
}

/// By what usage is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageKey {
    /// The day in UTC
    Day,
    /// Who was asked
    Provider,
    /// Who pays
    Agent,
    /// The kind of task
    Kind,
}

/// A stretch whose budget can be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageWindow {
    /// Today in UTC
    Day,
    /// This week, from Monday
    Week,
    /// This month
    Month,
}

/// The journal.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Is the journal still what was written? Works offline
    #[command(after_help = crate::help::AUDIT)]
    Verify(ProofArgs),
    /// One JSON object a line for each proposal, with the fields of ai_suggestions.jsonl
    Export(ExportArgs),
    /// The entries of the journal, or one of them
    Show(EntryArgs),
    /// The signed checkpoint of the journal's end, to be kept somewhere else
    Checkpoint(CheckpointArgs),
    /// Does a newer checkpoint go on from an older one, or was history rewritten in between?
    Witness(WitnessArgs),
    /// Put what old finished changes say into a file; their hashes, rows and costs stay. Recorded
    #[command(after_help = crate::help::COMPACT)]
    Compact(CompactArgs),
    /// Take out of the record what finished changes said, for good; their hashes, status and costs stay. Recorded
    #[command(after_help = crate::help::ERASE)]
    Erase(EraseArgs),
    /// Sign with a new key from now on; the old one vouches for it in the journal
    RotateKey,
}

impl AuditCommand {
    /// The command's name in its document.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Verify(_) => "audit verify",
            Self::Export(_) => "audit export",
            Self::Show(_) => "audit show",
            Self::Checkpoint(_) => "audit checkpoint",
            Self::Witness(_) => "audit witness",
            Self::Compact(_) => "audit compact",
            Self::Erase(_) => "audit erase",
            Self::RotateKey => "audit rotate-key",
        }
    }
}

/// What proves entries that were compacted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ProofArgs {
    /// Files that `audit compact` or `gc` wrote, or a folder of them: what went into them is proved as if it were there
    #[arg(long = "with", value_name = "FILE")]
    pub(crate) archives: Vec<PathBuf>,
}

/// What goes, and where to.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompactArgs {
    /// Only changes whose last event is older than this: a day (its beginning in UTC) or a time, 2026-11-21T12:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment)]
    pub(crate) before: Micros,
    /// The file to be written
    #[arg(long = "to", value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) file: Option<PathBuf>,
    /// Throw the bytes away that nobody else names (answers, patches, outputs) instead of writing them into the file
    #[arg(long)]
    pub(crate) without_bytes: bool,
    /// Say what would go, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is erased.
#[derive(Debug, Clone, Args)]
pub(crate) struct EraseArgs {
    /// Finished changes: ids, or their last digits
    #[arg(value_name = "CHANGE", required_unless_present = "holding")]
    pub(crate) changes: Vec<String>,
    /// And every change that holds the text in FILE, such as a secret (`-`: standard input; the line's end does not count)
    #[arg(long, value_name = "FILE")]
    pub(crate) holding: Option<PathBuf>,
    /// Say which changes would be erased, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A day in UTC, or a time.
fn moment(text: &str) -> Result<Micros, String> {
    let time = match text.parse::<jiff::civil::Date>() {
        Ok(day) if text.len() == 10 => {
            day.to_zoned(jiff::tz::TimeZone::UTC).map(|time| time.timestamp()).map_err(|e| e.to_string())
        }
        _ => text
            .parse::<jiff::Timestamp>()
            .map_err(|_| "neither a day, 2026-11-21, nor a time in UTC".to_owned()),
    };
    time.map(|time| Micros(time.as_microsecond()))
}

/// Where an export goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportArgs {
    /// The file to write; without it, stdout
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The journal's own entries with all that their hashes cover, for a witness elsewhere
    #[arg(long)]
    pub(crate) entries: bool,
}

/// Which entries.
#[derive(Debug, Clone, Args)]
pub(crate) struct EntryArgs {
    /// The entry's number; without it, the last ones
    #[arg(value_name = "SEQ")]
    pub(crate) seq: Option<u64>,
    /// How many, from that one on or up to the end
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: u32,
}

/// Where a checkpoint is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckpointArgs {
    /// Also write it into the repository, as a commit at refs/codex-task/checkpoint
    #[arg(long)]
    pub(crate) anchor: bool,
}

/// Two checkpoints, and what lies between them.
#[derive(Debug, Clone, Args)]
pub(crate) struct WitnessArgs {
    /// The older checkpoint, as `audit checkpoint` printed it
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The newer one
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// The entries in between, as `audit export --entries` wrote them; without it, they are read from the registry
    #[arg(long, value_name = "FILE")]
    pub(crate) entries: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) proof: ProofArgs,
}
