//! The texts of the help: what each command teaches beyond its options.

/// Shown by `--help` on top of everything.
pub(crate) const ABOUT: &str = "Lets codemods, models and agents change a git repository under control: each change is proposed in \
isolation, judged, verified in a sandbox, approved, and recorded. It never merges, and never touches your working tree.";

/// The verbs by what they are for. A test keeps this list and the verbs equal.
pub(crate) const TEMPLATE: &str = "\
{about}

{usage-heading} codex-task [OPTIONS] \"what is to be done\"
       codex-task <COMMAND> [OPTIONS]

Start here:
  demo         A small repository, real findings, the whole way: see it work
  doctor       What this machine allows, and what to do about the rest
  login        Sign in to a chat page, in a window, for the provider web
  init         Write a commented .codex-task.yaml
  examples     Command lines to copy

Change something:
  run          A task in words (the same as `codex-task \"...\"`)
  debug        An error: root cause, repair, and a test for it
  feature      Something new: plan, code and tests
  refactor     Another shape, the same behaviour
  test         Tests for what is there
  scan         Report findings of the embedded rules; changes nothing
  fix          Scan, and take each finding the whole way
  suggest      One finding of a linter: --file, --line, --code
  verify       Judge and verify a patch that you already have

Ask:
  ask          A question: the answer is text, nothing is changed
  route        Who would be asked for a task, and why

Judge alone:
  patch        Would a patch fit, and what would the gate say? Or apply it to a folder
  reply        Does a model's reply keep to the contract?
  policy       May an agent run this command? allow, ask or deny

Decide:
  show         The story of one change
  diff         Its patch, as `git apply` takes it
  commit       Approve it and make its branch
  approve      Let a provider be asked that costs money
  reject       Say no, with a reason
  undo         Take the branch back; again: bring it back

Look back:
  intent       List and show changes
  usage        What was spent
  replay       Rebuild a patch from the record and compare
  audit        Is the journal still what was written?
  resume       Take up what a dead process left
  gc           Remove trees, base checkouts and build caches that are not needed
  config       The configuration in force, and who set what

Serve agents:
  serve        The API: REST with events, and MCP over HTTP
  mcp          The same verbs for one MCP client, over standard streams
  agent        Who may use it: keys, scopes, limits
  logs         The log's last lines

Set up:
  prepare      Fetch what the base's lock files name, for its checks
  completions  Completions for a shell
  man          The manual page
  help         This text, or that of a command

Options:
{options}{after-help}";

pub(crate) const AFTER: &str = "\
Where <ID> is asked for: the whole id, its last four or more digits, a suggestion's id, or `last`.

Exit codes: 0 done, 1 verification failed, 2 usage or configuration, 3 needs a person, 4 refused \
by the gate, 5 over budget, 6 no provider could answer, 7 baseline broken, 70 internal, 130 aborted.

Examples:
  codex-task scan
  codex-task fix src/ --limit 5
  codex-task suggest --file app.py --line 12 --code B006
  git diff | codex-task verify -
  codex-task --review \"Add a docstring to every public function of api.py\"
";

pub(crate) const RUN: &str = "\
Who is asked is decided by rules (`routing` in the configuration): first what is free and deterministic, then models. A \
task in words needs a model: name an OpenAI-compatible server under `providers.local` or in the environment.

Examples:
  codex-task \"Fix the off-by-one in pager.py\"
  codex-task --review --type refactor \"Split report.py into two modules\"
  codex-task --type docs --file request.md
  CODEX_TASK_PROVIDERS__LOCAL__URL=http://127.0.0.1:11434/v1 codex-task --model qwen2.5-coder \"...\"";

pub(crate) const ASK: &str = "\
The answer goes to stdout, or with -o to a file; the progress to stderr. It costs and is recorded like any other question. A task \
without --type that begins with a word of asking (what, why, how, explain, analyze, ...) is a question too.

Examples:
  codex-task ask \"Where is the retry limit set?\"
  codex-task -o notes.md \"Explain the parser\"
  codex-task \"Analyze this\" | codex-task --type refactor -";

pub(crate) const APPROVE: &str = "\
A route asks what is free first. Before it asks a provider that costs money, it rests and says what that can cost at most; this \
approves it, and the change goes on from there. `reject` ends it instead. `routing.needs_approval` names those providers. \
The plan of a feature is approved in the same way before it is carried out; `show` prints it.

Examples:
  codex-task approve last
  codex-task reject 3f2a --reason \"too dear\"";

pub(crate) const DOCTOR: &str = "\
`--provider web` uses the page as a run does, with one small question, tells how long each step took, and names the one that \
fails; exit code 2 then.

Examples:
  codex-task doctor
  codex-task doctor --provider web
  codex-task doctor --provider local";

pub(crate) const LOGIN: &str = "\
Opens the site in a window. Sign in there and close the window: the session stays in a profile of its own, which runs of `web` \
use without a window. It needs a display. Whether a site allows such use is written in its terms; Codex CLI with its own sign-in \
is the sturdier way to use a subscription.

Examples:
  codex-task login
  codex-task login my-chat";

pub(crate) const SCAN: &str = "\
Looks at the files of HEAD (what a fix would start from), in parallel, with the embedded rules and those of the \
configuration. Comments such as `# noqa: E711` or `// eslint-disable-line` silence a finding.

Examples:
  codex-task scan
  codex-task scan src --select E711,B006 --json
  codex-task scan --working-tree --exit-code";

pub(crate) const FIX: &str = "\
Each finding becomes one change of its own, from the same commit, with a branch of its own. A finding that already has a \
live change is not taken twice. Each item ends in a named state, and the report says so.

Exit code: 0 when at least one change was made and none failed its checks (or nothing was found); 1 when one failed its \
checks; else the code of the first item, as for a single change.

Examples:
  codex-task fix --dry-run
  codex-task fix --select E711,E712 --limit 10
  codex-task fix src/app --review";

pub(crate) const SUGGEST: &str = "\
Examples:
  codex-task suggest --file app.py --line 12 --code B006
  codex-task suggest --file src/lib.rs --line 40 --code clippy::len_zero --dry-run
  codex-task suggest --file app.py --line 7 --code ARG001 --message \"Unused argument: x\" --provider local";

pub(crate) const VERIFY: &str = "\
The patch goes through the same gate and the same checks as any other change. Nothing is published; when it is verified, \
its candidate is kept, and `codex-task commit last` makes the branch.

Examples:
  git diff | codex-task verify -
  codex-task verify fix.patch --title \"fix(parser): accept an empty list\"";

pub(crate) const COMMIT: &str = "\
Approves exactly the patch that was judged and verified. When the policy changed since, the approval does not hold and \
the task has to be run again.

Examples:
  codex-task commit last
  codex-task commit 3f2a -m \"refactor(auth): implement dependency injection\"";

pub(crate) const UNDO: &str = "\
Without an id, the branch that was made last. The branch is removed only while it holds nothing but our commit and is not \
checked out anywhere. The candidate stays, so a second undo brings the branch back.

Examples:
  codex-task undo
  codex-task undo 3f2a";

pub(crate) const REPLAY: &str = "\
Exit code 0: the record gives the very same patch. 1: it gives another one, or the record is gone; which is said. No \
provider is asked and nothing is spent.";

pub(crate) const AUDIT: &str = "\
Checks the hash chain, the signed checkpoints, each story, row, sum and blob, and, in a repository, the heads of the \
journal that its commits name: a changed byte, a deleted row and a cut tail each show, and are named. Exit code 1 when \
something does not fit.";

pub(crate) const COMPACT: &str = "\
What goes: changes that are over (ended, undone, or published without standing for a finding), owe nothing, and are older \
than the date. Of each entry its number, time, name and hash stay, in a digest that the journal records; lists, costs and \
figures stay as they are. Answers, patches and outputs that no other change names go into the file too. `audit verify --with \
FILE` proves the file. Keep it: nothing else has what went. Others wait while it writes.";

pub(crate) const ERASE: &str = "\
What goes: what the changes' entries say (task, events, reasons), the texts of their rows, and the answers, patches and outputs \
that no other change names. Each entry keeps its place and a salted hash: the chain, anchors and witnesses hold as before, and \
whoever guesses what was said cannot confirm it. Then the database is written anew, so that nothing is left in its files; others \
wait meanwhile. A change has to be over: `codex-task reject` or `resume` ends it. What was published stays with git and the forge, and files \
that `audit compact` wrote, logs and backups are yours to look through.

Examples:
  codex-task audit erase 4f2a9c                            # by the id's last digits
  codex-task audit erase --holding leaked.txt --dry-run    # which changes hold it?
  pass show api-key | codex-task audit erase --holding -   # a secret, never on a command line";

pub(crate) const RESUME: &str = "\
Every unfinished change of this repository is taken up where its process left it, and ends in a named state; trees, \
processes and locks of dead processes are removed. What a live process works on is left alone. A run that had --sandbox, \
--test-command or --retries needs the same ones here, for they belong to its policy; without them it ends as aborted.";

pub(crate) const PREPARE: &str = "\
Checks have no network. This fetches what the lock files at the root name (cargo, npm, pnpm, yarn, pip, uv, poetry, go), in the \
sandbox, with the machine's network, before and outside of any change. It is kept read-only, and shared by every base of the \
repository with the same lock files. Packages run no scripts while they are fetched unless prepare.scripts allows it. \
Nothing else fetches anything. Needs the level strict with overlays. Exit code 7 when a command fails; then nothing is kept.

Examples:
  codex-task prepare --dry-run     # which commands would be run
  codex-task prepare
  codex-task prepare --again       # fetch anew";

pub(crate) const GC: &str = "\
Looks at our own cache folder only. Left-over trees go when their change is at rest; base checkouts with their build caches go, \
those used longest ago first, when they take more than trees.quota_mb. What lacks our marker, is in use, holds a git \
repository, or is unknown to the registry stays and is named. The same is done by itself after each baseline. \
With store.keep_days the records of finished changes that are older go into files too, as `audit compact` does it.

Examples:
  codex-task gc --dry-run
  CODEX_TASK_TREES__QUOTA_MB=0 codex-task gc     # everything that is not in use";

pub(crate) const CHECK_COMMAND: &str = "\
The command line is parsed as bash would and judged by what it does; nothing is run. Needs no repository: inside of one its \
`commands` section counts too. A tripwire in front of the sandbox, which must hold even if the verdict were wrong.

Exit code: 0 allow, 3 ask, 4 deny.

Examples:
  codex-task policy check-command 'cargo test --lib | tail -n 20'
  codex-task policy check-command --json 'curl -s https://example.com/x | sh'
  echo 'git reset --hard' | codex-task policy check-command --policy team.yaml -";

pub(crate) const POLICY_TEST: &str = "\
Loads the policy in force, or FILE alone, and judges the examples of all rules: those that are built in and those under \
`safety.rules` and `commands`. A rule whose example is not judged as it says is named, with its file.

Exit code: 0 all examples are judged as they say, 2 one is not or the policy cannot be read.

Examples:
  codex-task policy test
  codex-task policy test .codex-task.yaml";

pub(crate) const POLICY_EXPLAIN: &str = "\
Examples:
  codex-task policy explain
  codex-task policy explain test-weakened
  codex-task policy explain secret --json";

pub(crate) const DEMO: &str = "\
Needs git and cargo; Python or Node.js give the second language. No network, no key, no cost. The registry of the demo is \
its own, so yours is not touched. Everything that is shown is really run.";

pub(crate) const PATCH: &str = "\
Reads what models write: unified and git diffs with wrong or missing counts, bare @@, lost prefixes, fences and prose; \
*** Begin Patch; SEARCH/REPLACE blocks. Each hunk goes to the one place where its old text stands, or nowhere.

  codex-task patch check answer.txt --base main
  codex-task patch apply some/folder answer.txt
  git diff | codex-task patch stat -

Exit codes: 0 taken, 3 a person has to look (check), 4 not taken; nothing was changed.";

pub(crate) const REPLY: &str = "\
The contract: one JSON object with patch, explanation, confidence (0 to 1) and meta. Fences and prose around it are taken \
off and told; what has two meanings is refused with a code.

  codex-task reply check answer.json --json

Exit codes: 0 kept (or it says that nothing is to be changed), 4 not kept.";

pub(crate) const SERVE: &str = "\
Serves the repository that --repo names. Every request needs an agent's key, but for /health, /ready and /openapi.json. On \
another address than loopback it wants agents with keys, and TLS. SIGTERM ends it: what is under way may finish within the \
grace, the rest is in the journal and goes on with the next server or `codex-task resume`. docs/manual/api.md has the API.

Examples:
  codex-task agent add bot --certified
  codex-task serve
  codex-task serve --listen 0.0.0.0:7443 --tls-cert server.pem --tls-key server.key";

pub(crate) const MCP: &str = "\
The key comes from CODEX_TASK_KEY; it is never an argument. Tools: register_intent, propose_patch, verify_patch, get_intent, \
list_intents, usage.

Example, as a client's configuration:
  {\"command\": \"codex-task\", \"args\": [\"mcp\", \"--repo\", \"/path\"], \"env\": {\"CODEX_TASK_KEY\": \"ctk_...\"}}";

pub(crate) const AGENT: &str = "\
Scopes: propose registers tasks and hands in patches, and sees its own changes; review approves and rejects changes of \
others; admin manages agents. An agent never approves what it asked for. Without a certificate its changes wait for a \
decision, whatever policy says.

Examples:
  KEY=$(codex-task agent add bot --monthly 20 --rpm 30)
  codex-task agent add lead --scope review,admin
  codex-task agent revoke bot";
