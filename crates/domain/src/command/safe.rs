//! What may follow an allowed prefix: for the programs that are known, the options that neither run, load nor write
//! anything; operands that stay inside the tree. An option that is not listed is not allowed, and so is asked about.

use super::paths::{Place, names_secret, place_of};
use super::shell::Arg;

/// The prefixes that are allowed when nobody says otherwise.
pub(super) const BUILT_IN: &[&[&str]] = &[
    &["cargo", "test"],
    &["cargo", "nextest", "run"],
    &["cargo", "check"],
    &["cargo", "clippy"],
    &["cargo", "fmt", "--check"],
    &["cargo", "fmt", "--all", "--check"],
    &["cargo", "fmt", "--all", "--", "--check"],
    &["cargo", "fmt", "--", "--check"],
    &["pytest"],
    &["python", "-m", "pytest"],
    &["python3", "-m", "pytest"],
    &["python", "-m", "unittest"],
    &["python3", "-m", "unittest"],
    &["ruff", "check"],
    &["ruff", "format", "--check"],
    &["npm", "test"],
    &["npm", "run", "lint"],
    &["npm", "run", "test"],
    &["go", "test"],
    &["go", "vet"],
    &["make", "test"],
    &["make", "check"],
    &["make", "lint"],
    &["git", "status"],
    &["git", "diff"],
    &["git", "log"],
    &["git", "show"],
    &["git", "blame"],
    &["git", "ls-files"],
    &["git", "rev-parse"],
    &["ls"],
    &["cat"],
    &["grep"],
    &["rg"],
    &["wc"],
    &["head"],
    &["tail"],
    &["echo"],
    &["printf"],
    &["pwd"],
    &["cd"],
    &["true"],
    &["sort"],
    &["uniq"],
    &["cut"],
    &["nl"],
    &["basename"],
    &["dirname"],
    &["find"],
    &["diff"],
];

/// What the operands of a program are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operands {
    /// None may follow.
    None,
    /// Words that nobody opens.
    Words,
    /// Paths of the tree, or words that could be some.
    Paths,
    /// A pattern, then paths, unless an option brought the pattern.
    Pattern,
}

/// What may follow a prefix. Words are parted by blanks; a long option that takes a value ends in `=`.
struct Grammar {
    prefix: &'static [&'static str],
    letters: &'static str,
    /// Letters that take a value, attached or next.
    valued: &'static str,
    long: &'static str,
    operands: Operands,
    /// The options that may follow `--`; `None`: only operands may.
    behind: Option<&'static str>,
}

const CARGO: &str = "--offline --locked --frozen --all --workspace --lib --bins --tests --examples --benches --all-targets --all-features \
    --no-default-features --release --doc --no-run --no-fail-fast --quiet --verbose --keep-going --package= --exclude= --bin= --test= --example= \
    --bench= --features= --jobs= --profile= --color= --message-format=";
const LIBTEST: &str = "--nocapture --no-capture --test-threads= --ignored --include-ignored --exact --skip= --list --show-output --format= --color= --quiet -q";
const LINTS: &str = "-D -W -A -F --deny= --warn= --allow= --forbid=";
const PYTEST: &str = "--quiet --verbose --exitfirst --maxfail= --last-failed --lf --failed-first --ff --stepwise --sw --collect-only --co --no-header \
    --no-summary --tb= --durations= --durations-min= --color= --disable-warnings --strict-markers --strict-config --showlocals --runxfail --new-first --nf \
    --capture= --show-capture= --full-trace --cache-show --markers --fixtures --deselect= --no-cov --ignore=";
const NODE_TESTS: &str = "--watch=false --watchAll=false --run --ci --coverage --no-coverage --bail --silent --verbose --runInBand --passWithNoTests \
    --testNamePattern= --testPathPattern= --grep= --reporter= -i -t -u=false --max-warnings= --quiet --no-watch --single-run";
const GIT: &str = "--stat --shortstat --numstat --name-only --name-status --oneline --graph --decorate --all --branches --tags --cached --staged --patch --no-patch \
    --color --no-color --color= --word-diff --word-diff= --unified= --max-count= --skip= --since= --until= --after= --before= --author= --committer= --grep= --follow --reverse \
    --no-ext-diff --no-textconv --ignore-all-space --ignore-space-change --ignore-blank-lines --summary --compact-summary --find-renames --find-copies --no-renames \
    --diff-filter= --pretty --pretty= --format= --abbrev-commit --abbrev= --date= --relative-date --merges --no-merges --first-parent --left-right --cherry-pick \
    --decorate= --porcelain --porcelain= --short --branch --long --show-stash --untracked-files --untracked-files= --ignored --no-renames --minimal --patience \
    --histogram --raw --full-index --binary --exit-code --check --quiet --merge-base --simplify-by-decoration --topo-order --date-order --no-walk --stat= --function-context --ahead-behind";
const LS: &str = "--all --almost-all --human-readable --recursive --reverse --color --color= --sort= --group-directories-first --time-style= --size --classify --directory --inode --full-time --time= --si";
const GREP: &str = "--recursive --line-number --ignore-case --files-with-matches --files-without-match --count --invert-match --word-regexp --line-regexp --extended-regexp \
    --fixed-strings --perl-regexp --only-matching --with-filename --no-filename --quiet --no-messages --after-context= --before-context= --context= --max-count= \
    --include= --exclude= --exclude-dir= --color --color= --regexp= --null --text --binary-files= --initial-tab --line-buffered";
const RG: &str = "--line-number --no-line-number --ignore-case --case-sensitive --smart-case --files-with-matches --files-without-match --count --count-matches --word-regexp --fixed-strings \
    --regexp= --glob= --iglob= --type= --type-not= --after-context= --before-context= --context= --max-count= --only-matching --multiline --multiline-dotall --invert-match \
    --line-regexp --files --json --no-heading --heading --color= --vimgrep --column --stats --sort= --max-depth= --type-list --with-filename --no-filename --trim --passthru --replace= --null --pcre2 --quiet --max-columns= --no-messages";

const fn grammar(
    prefix: &'static [&'static str],
    letters: &'static str,
    valued: &'static str,
    long: &'static str,
    operands: Operands,
    behind: Option<&'static str>,
) -> Grammar {
    Grammar { prefix, letters, valued, long, operands, behind }
}

const KNOWN: &[Grammar] = &[
    grammar(&["cargo", "test"], "qvr", "pFj", CARGO, Operands::Words, Some(LIBTEST)),
    grammar(&["cargo", "nextest", "run"], "qvr", "pFjEP", CARGO, Operands::Words, Some(LIBTEST)),
    grammar(&["cargo", "check"], "qvr", "pFj", CARGO, Operands::None, None),
    grammar(&["cargo", "clippy"], "qvr", "pFj", CARGO, Operands::None, Some(LINTS)),
    grammar(&["cargo", "fmt"], "qv", "p", "--all --check --quiet --verbose --package=", Operands::None, None),
    grammar(&["pytest"], "qvxsl", "kmr", PYTEST, Operands::Paths, None),
    grammar(&["python", "-m", "pytest"], "qvxsl", "kmr", PYTEST, Operands::Paths, None),
    grammar(&["python3", "-m", "pytest"], "qvxsl", "kmr", PYTEST, Operands::Paths, None),
    grammar(
        &["python", "-m", "unittest"],
        "qvfbc",
        "k",
        "--quiet --verbose --failfast --buffer --locals",
        Operands::Paths,
        None,
    ),
    grammar(
        &["python3", "-m", "unittest"],
        "qvfbc",
        "k",
        "--quiet --verbose --failfast --buffer --locals",
        Operands::Paths,
        None,
    ),
    grammar(
        &["ruff"],
        "qvn",
        "",
        "--quiet --verbose --select= --ignore= --extend-select= --diff --check --no-cache --statistics --output-format= --line-length= --preview --no-fix --show-settings --target-version=",
        Operands::Paths,
        None,
    ),
    grammar(&["npm"], "s", "", "--silent --if-present", Operands::None, Some(NODE_TESTS)),
    grammar(
        &["go", "test"],
        "",
        "",
        "-v -race -short -count= -run= -bench= -benchmem -timeout= -failfast -cover -covermode= -json -parallel= -cpu= -list= -shuffle= -skip= -p= -x -n -fullpath -benchtime= -vet=",
        Operands::Paths,
        None,
    ),
    grammar(&["go", "vet"], "", "", "-v -json -c= -n -x", Operands::Paths, None),
    grammar(
        &["make"],
        "ksBnw",
        "j",
        "--silent --keep-going --jobs= --jobs --no-print-directory --always-make --dry-run",
        Operands::None,
        None,
    ),
    grammar(&["git", "status"], "sbvuz", "", GIT, Operands::Paths, None),
    grammar(&["git", "diff"], "pwbuzRMC", "USGl", GIT, Operands::Paths, None),
    grammar(&["git", "log"], "pwbuziEFMC", "nUSGL", GIT, Operands::Paths, None),
    grammar(&["git", "show"], "pwbuzsMC", "nUSG", GIT, Operands::Paths, None),
    grammar(
        &["git", "blame"],
        "wsltefMC",
        "L",
        "--line-porcelain --porcelain --date= --since= --show-email --show-name",
        Operands::Paths,
        None,
    ),
    grammar(
        &["git", "ls-files"],
        "comdszt",
        "",
        "--cached --others --modified --deleted --stage --exclude-standard --full-name --error-unmatch",
        Operands::Paths,
        None,
    ),
    grammar(
        &["git", "rev-parse"],
        "",
        "",
        "--short --short= --abbrev-ref --verify --quiet --show-toplevel --show-prefix --is-inside-work-tree --show-cdup --symbolic-full-name",
        Operands::Paths,
        None,
    ),
    grammar(&["ls"], "aAlhRrtSF1dpLGgisnmxCBkUX", "", LS, Operands::Paths, None),
    grammar(
        &["cat"],
        "nbAEsTvet",
        "",
        "--number --number-nonblank --show-all --squeeze-blank --show-ends --show-tabs",
        Operands::Paths,
        None,
    ),
    grammar(&["grep"], "rnilcvwxEFGPoHhqsaLZI", "eABCm", GREP, Operands::Pattern, None),
    grammar(&["rg"], "nNilcwFoUvxSsHIpP0q", "egtTABCmrjM", RG, Operands::Pattern, None),
    grammar(&["wc"], "lwcmL", "", "--lines --words --bytes --chars --max-line-length", Operands::Paths, None),
    grammar(&["head"], "qvz", "nc", "--lines= --bytes= --quiet --verbose", Operands::Paths, None),
    grammar(&["tail"], "qvz", "nc", "--lines= --bytes= --quiet --verbose", Operands::Paths, None),
    grammar(&["pwd"], "LP", "", "", Operands::None, None),
    grammar(&["true"], "", "", "", Operands::None, None),
    grammar(
        &["sort"],
        "nrufbdghMVRsz",
        "kt",
        "--numeric-sort --reverse --unique --key= --field-separator= --human-numeric-sort --version-sort --ignore-case --stable",
        Operands::Paths,
        None,
    ),
    // A second operand of `uniq` would be written to; it reads its input.
    grammar(&["uniq"], "cdiu", "fsw", "--count --repeated --unique --ignore-case", Operands::None, None),
    grammar(
        &["cut"],
        "s",
        "dfcb",
        "--delimiter= --fields= --characters= --bytes= --only-delimited --complement --output-delimiter=",
        Operands::Paths,
        None,
    ),
    grammar(&["nl"], "p", "bwsv", "", Operands::Paths, None),
    grammar(&["basename"], "a", "s", "", Operands::Paths, None),
    grammar(&["dirname"], "z", "", "", Operands::Paths, None),
    grammar(
        &["diff"],
        "urNqwbBaiy",
        "U",
        "--unified= --recursive --brief --new-file --ignore-all-space --ignore-space-change --ignore-blank-lines --color --color= --side-by-side --suppress-common-lines --width=",
        Operands::Paths,
        None,
    ),
    grammar(
        &["find"],
        "",
        "",
        "-name= -iname= -path= -ipath= -type= -maxdepth= -mindepth= -size= -mtime= -mmin= -newer= -empty -print -print0 -not -o -a -or -and -prune -regex= -perm= -depth -ls -wholename=",
        Operands::Paths,
        None,
    ),
];

/// Whether the prefix allows this call: every word is plain, and what follows is known to be harmless or listed.
pub(super) fn covers(prefix: &[String], options: &[String], argv: &[Arg]) -> bool {
    let pagerless: Vec<Arg>;
    let mut argv = argv;
    if let [git, option, rest @ ..] = argv
        && git.text == "git"
        && option.text == "--no-pager"
    {
        pagerless = std::iter::once(git).chain(rest).cloned().collect();
        argv = &pagerless;
    }
    if argv.len() < prefix.len()
        || !prefix.iter().zip(argv).all(|(word, arg)| *word == arg.text && !arg.home && !arg.glob)
    {
        return false;
    }
    let rest = argv.get(prefix.len()..).unwrap_or_default();
    if matches!(prefix, [only] if only == "cd") {
        // Where it leads is judged where it is followed.
        return matches!(rest, [one] if !one.text.starts_with('-') && !one.is_unknown() && !one.glob && !one.home);
    }
    if argv.iter().any(|arg| arg.is_unknown() || arg.home) || !rest.iter().all(glob_is_tame) {
        return false;
    }
    if matches!(prefix, [only] if matches!(only.as_str(), "echo" | "printf")) {
        // `printf -v` writes a variable, whose name may hold a command.
        return prefix.first().is_some_and(|p| p == "echo")
            || !rest.first().is_some_and(|arg| arg.text.starts_with('-'));
    }
    let known = KNOWN.iter().find(|g| {
        prefix.len() >= g.prefix.len() && g.prefix.iter().zip(prefix).all(|(word, own)| own == word)
            || g.prefix.len() > prefix.len()
                && argv.len() >= g.prefix.len()
                && g.prefix.iter().zip(argv).all(|(word, arg)| arg.text == *word)
    });
    match known {
        Some(grammar) => {
            let skipped = grammar.prefix.len().max(prefix.len());
            follows(grammar, options, argv.get(skipped..).unwrap_or_default())
        }
        None => rest.iter().all(|arg| {
            let listed = options
                .iter()
                .any(|option| *option == arg.text || option.ends_with('=') && arg.text.starts_with(option));
            listed || !arg.text.starts_with('-') && stays(&arg.text)
        }),
    }
}

/// Whether what a wildcard may become is known to be no option and no hidden file.
fn glob_is_tame(arg: &Arg) -> bool {
    let before = arg.text.split(['*', '?', '[']).next().unwrap_or("");
    !arg.glob
        || !before.is_empty()
            && !before.starts_with('-')
            && !before.rsplit('/').next().unwrap_or("").starts_with('.')
        || arg.text.starts_with("./*")
}

fn follows(grammar: &Grammar, options: &[String], rest: &[Arg]) -> bool {
    let mut args = rest.iter();
    let mut pattern = grammar.operands == Operands::Pattern;
    while let Some(arg) = args.next() {
        let text = arg.text.as_str();
        if options.iter().any(|option| option == text) {
            continue;
        }
        if text == "--" {
            return behind(grammar, pattern, args.as_slice());
        }
        if !text.starts_with('-') || text == "-" {
            if !operand(grammar.operands, std::mem::take(&mut pattern), text) {
                return false;
            }
            continue;
        }
        match option(grammar, text) {
            Taken::Alone => {}
            Taken::Value(value) => pattern &= !is_regexp(text) && stays_or_pattern(grammar, text, value),
            Taken::Next => match args.next() {
                Some(value) if stays_or_pattern(grammar, text, &value.text) => pattern &= !is_regexp(text),
                _ => return false,
            },
            Taken::No => return false,
        }
        if let Taken::Value(value) = option(grammar, text)
            && !stays_or_pattern(grammar, text, value)
        {
            return false;
        }
    }
    true
}

/// How an option is read.
enum Taken<'a> {
    Alone,
    Value(&'a str),
    Next,
    No,
}

fn option<'a>(grammar: &Grammar, text: &'a str) -> Taken<'a> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    for word in grammar.long.split_whitespace() {
        match (word.strip_suffix('='), value) {
            (_, _) if word == text => return Taken::Alone,
            (Some(valued), Some(value)) if valued == name => return Taken::Value(value),
            (Some(valued), None) if valued == name => return Taken::Next,
            _ => {}
        }
    }
    let Some(cluster) = text.strip_prefix('-').filter(|c| !c.starts_with('-')) else { return Taken::No };
    // `-5` is a number of lines, where lines are counted.
    if cluster.chars().all(|c| c.is_ascii_digit())
        && (grammar.valued.contains(['n', 'A']) || grammar.letters.contains('5'))
    {
        return Taken::Alone;
    }
    for (at, c) in cluster.char_indices() {
        let behind = cluster.get(at + c.len_utf8()..).unwrap_or_default();
        if grammar.valued.contains(c) {
            return if behind.is_empty() { Taken::Next } else { Taken::Value(behind) };
        }
        if !grammar.letters.contains(c) {
            return Taken::No;
        }
    }
    Taken::Alone
}

fn is_regexp(option: &str) -> bool {
    option.starts_with("-e")
        || option.starts_with("--regexp")
        || option == "--files"
        || option == "--type-list"
}

/// Whether an option's value is a text, or a path that stays in the tree.
fn stays_or_pattern(grammar: &Grammar, option: &str, value: &str) -> bool {
    let text = is_regexp(option)
        || [
            "--grep",
            "--author",
            "--committer",
            "--format",
            "--pretty",
            "--include",
            "--exclude",
            "--since",
            "--until",
            "--replace",
            "-S",
            "-G",
            "-k",
            "-run",
            "-t",
            "-d",
            "--delimiter",
        ]
        .iter()
        .any(|o| option.starts_with(o))
            && grammar.prefix.first().is_some_and(|p| *p != "find");
    text || !value.starts_with('-') && stays(value)
}

fn behind(grammar: &Grammar, mut pattern: bool, rest: &[Arg]) -> bool {
    let Some(options) = grammar.behind else {
        return rest.iter().all(|arg| operand(grammar.operands, std::mem::take(&mut pattern), &arg.text));
    };
    let inner = Grammar {
        prefix: grammar.prefix,
        letters: "",
        valued: "",
        long: options,
        operands: Operands::Paths,
        behind: None,
    };
    let lints = options == LINTS;
    let mut args = rest.iter();
    while let Some(arg) = args.next() {
        let text = arg.text.as_str();
        let lint = lints
            && text.len() > 2
            && text.starts_with(['-'])
            && text.get(1..2).is_some_and(|c| "DWAF".contains(c));
        let fine = lint && text.chars().skip(2).all(|c| c.is_ascii_alphanumeric() || "_:-".contains(c))
            || match option(&inner, text) {
                _ if !text.starts_with('-') => stays(text),
                Taken::Alone if matches!(text, "-D" | "-W" | "-A" | "-F" | "-t") => {
                    args.next().is_some_and(|a| !a.text.starts_with('-'))
                }
                Taken::Alone => true,
                Taken::Value(value) => stays(value),
                Taken::Next => args.next().is_some_and(|a| stays(&a.text)),
                Taken::No => false,
            };
        if !fine {
            return false;
        }
    }
    true
}

fn operand(operands: Operands, pattern: bool, text: &str) -> bool {
    match operands {
        Operands::None => false,
        Operands::Words => stays(text),
        Operands::Pattern if pattern => true,
        Operands::Paths | Operands::Pattern => stays(text),
    }
}

/// Whether a word, read as a path in any of the ways that programs read one, stays in the tree and names no secret.
fn stays(text: &str) -> bool {
    let pieces = text.split(['=', ':', ',']);
    !names_secret(text)
        && pieces.into_iter().all(|piece| {
            let folder = Some(Vec::new());
            let tree = matches!(place_of(piece, false, &folder), Place::Tree(_) | Place::Stream)
                && !piece.starts_with('~');
            tree && !piece.split('/').any(|part| part == "..")
        })
}
