//! `agent`: who may use the API. A key is told once, when it is made; only its hash is kept.

use std::collections::BTreeSet;

use domain::agent::AgentName;
use domain::exit_code::ExitCode;
use domain::money::MicroDollars;
use secrecy::ExposeSecret;
use serde_json::json;
use server::Minted;
use store::{Agent, Micros, Store, Trace};

use super::document;
use crate::args::service::{AgentAddArgs, AgentCommand};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::table::table;
use crate::ui::words;

/// How long traces are kept, in microseconds: a quarter of a year.
const TRACES_KEPT: i64 = 90 * 24 * 3600 * 1_000_000;

pub(crate) async fn run(session: &Session<'_>, command: &AgentCommand) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let now = Micros(session.world.clock.now_micros());
    match command {
        AgentCommand::Add(args) => add(session, &store, args, now).await,
        AgentCommand::List => list(session, &store).await,
        AgentCommand::Show(args) => show(session, command, &found(&store, &args.name).await?),
        AgentCommand::Rotate(args) => {
            let (key, until) = (mint()?, Micros(now.0 + i64::from(args.overlap) * 1_000_000));
            if !store.rotate_key(&args.name, &key.kept, now, until).await? {
                return Err(unknown(&args.name));
            }
            tell_key(session, &store, command, &args.name, &key).await
        }
        AgentCommand::Revoke(args) => {
            if !store.revoke_agent(&args.name, now).await? {
                return Err(unknown(&args.name));
            }
            traced(session, &store, command, &args.name).await?;
            session.shell.out(&format!("{} is revoked: none of its keys is taken any more", args.name));
            document(
                session,
                command.name(),
                json!({ "agent": found(&store, &args.name).await?, "exit_code": 0 }),
            );
            Ok(ExitCode::Done)
        }
        AgentCommand::Certify(args) => {
            if !store.certify_agent(&args.name, !args.off).await? {
                return Err(unknown(&args.name));
            }
            traced(session, &store, command, &args.name).await?;
            show(session, command, &found(&store, &args.name).await?)
        }
    }
}

async fn add(
    session: &Session<'_>,
    store: &Store,
    args: &AgentAddArgs,
    now: Micros,
) -> Result<ExitCode, Failure> {
    let key = mint()?;
    let agent = Agent {
        name: args.name.clone(),
        rights: args.scope.iter().copied().collect::<BTreeSet<_>>(),
        certified: args.certified,
        monthly: args.monthly.map(|dollars| MicroDollars::from_micros(u64::from(dollars) * 1_000_000)),
        per_minute: args.rpm,
        created: now,
        revoked: None,
        keys: Vec::new(),
    };
    if !store.add_agent(&agent, &key.kept).await? {
        return Err(Failure::usage(format!("the name {} is taken, or was once", args.name))
            .hint("`codex-task agent rotate` gives an agent a new key; `codex-task agent list` lists them"));
    }
    tell_key(session, store, &AgentCommand::Add(args.clone()), &args.name, &key).await
}

async fn tell_key(
    session: &Session<'_>,
    store: &Store,
    command: &AgentCommand,
    name: &AgentName,
    key: &Minted,
) -> Result<ExitCode, Failure> {
    traced(session, store, command, name).await?;
    let text = key.text.expose_secret();
    session.remark(&format!("the key of {name}; it is shown this once and kept nowhere:"));
    session.shell.out(text);
    let agent = found(store, name).await?;
    document(session, command.name(), json!({ "agent": agent, "key": text, "exit_code": 0 }));
    Ok(ExitCode::Done)
}

fn mint() -> Result<Minted, Failure> {
    server::mint(None).map_err(|e| Failure::machine(format!("the system gives no random bytes: {e}")))
}

async fn found(store: &Store, name: &AgentName) -> Result<Agent, Failure> {
    store.agent(name).await?.ok_or_else(|| unknown(name))
}

fn unknown(name: &AgentName) -> Failure {
    Failure::usage(format!("there is no agent {name} that is not revoked"))
        .hint("`codex-task agent list` lists them")
}

async fn traced(
    session: &Session<'_>,
    store: &Store,
    command: &AgentCommand,
    name: &AgentName,
) -> Result<(), Failure> {
    let trace = Trace {
        at: Micros(session.world.clock.now_micros()),
        who: session.world.person.clone(),
        what: command.name().to_owned(),
        subject: name.to_string(),
        outcome: "done".to_owned(),
    };
    Ok(store.add_trace(&trace, Micros(trace.at.0 - TRACES_KEPT)).await?)
}

fn show(session: &Session<'_>, command: &AgentCommand, agent: &Agent) -> Result<ExitCode, Failure> {
    let shell = session.shell;
    shell.out(&format!("{}  {}", agent.name, state(agent)));
    shell.out(&format!("scopes      {}", scopes(agent)));
    let month = agent.monthly.map_or("no limit of its own".to_owned(), |m| format!("{m} a month"));
    shell.out(&format!("money       {month}"));
    let rate = agent.per_minute.map_or("the server's limit".to_owned(), |n| format!("{n} a minute"));
    shell.out(&format!("requests    {rate}"));
    for key in &agent.keys {
        let end = key.expires.map_or(String::new(), |at| format!(", until {}", words::moment(at.0)));
        shell.out(&format!(
            "key         ctk_{}_..., since {}{end}",
            key.prefix,
            words::moment(key.created.0)
        ));
    }
    document(session, command.name(), json!({ "agent": agent, "exit_code": 0 }));
    Ok(ExitCode::Done)
}

async fn list(session: &Session<'_>, store: &Store) -> Result<ExitCode, Failure> {
    let agents = store.agents().await?;
    if agents.is_empty() {
        session.shell.out("there is no agent yet");
    } else {
        let rows = agents.iter().map(|agent| {
            vec![agent.name.to_string(), state(agent).to_owned(), scopes(agent), agent.keys.len().to_string()]
        });
        session.shell.out(&table(&["agent", "state", "scopes", "keys"], rows));
    }
    document(session, "agent list", json!({ "agents": agents, "exit_code": 0 }));
    Ok(ExitCode::Done)
}

fn state(agent: &Agent) -> &'static str {
    match (agent.revoked, agent.certified) {
        (Some(_), _) => "revoked",
        (None, true) => "certified",
        (None, false) => "not certified: its changes wait for a decision",
    }
}

fn scopes(agent: &Agent) -> String {
    agent.rights.iter().map(|right| right.as_str()).collect::<Vec<_>>().join(", ")
}
