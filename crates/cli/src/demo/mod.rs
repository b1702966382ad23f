//! placeholder
use domain::exit_code::ExitCode;
use crate::{args::DemoArgs, error::Failure, session::Session};
pub(crate) async fn run(_s: &Session<'_>, _a: &DemoArgs) -> Result<ExitCode, Failure> { Err(Failure::usage("soon")) }
