//! A repository's file can tighten what the owner of the machine set, and not loosen it. Every field is named here, so
//! that a new key does not compile until it is decided which way is tighter.

use domain::command::CommandRules;
use domain::decision::PlanApproval;
use domain::gate::OwnRule;

use super::{
    AutoPush, Budget, CheckCommand, Checks, Codex, Config, Context, Git, Prepare, PushConditions,
    PushThreshold, Repair, Review, Routing, Safety, Sandbox,
};

/// What is left of a repository's wishes.
pub(super) struct Tightened {
    pub(super) config: Config,
    /// What was ignored, a sentence each.
    pub(super) warnings: Vec<String>,
    /// The keys that were ignored.
    pub(super) refused: Vec<String>,
}

/// `asked` is the owner's configuration with the repository's file merged above it.
pub(super) fn tighten(owner: &Config, asked: Config) -> Tightened {
    let mut t = Judge { warnings: Vec::new(), refused: Vec::new() };
    let mut config = asked;
    let Config {
        codex,
        git,
        safety,
        approval,
        auto_push,
        commands,
        repair,
        sandbox,
        checks,
        providers,
        routing,
        budget,
        context,
        rules,
        rules_in_tree,
        store,
        trees,
        prepare,
        logging,
    } = &mut config;
    t.codex(&owner.codex, codex);
    t.git(&owner.git, git);
    t.safety(&owner.safety, safety);
    t.at_most("approval.max_files", &owner.approval.max_files, &mut approval.max_files);
    t.at_most("approval.max_lines", &owner.approval.max_lines, &mut approval.max_lines);
    t.at_most("approval.max_deleted", &owner.approval.max_deleted, &mut approval.max_deleted);
    t.plans(owner.approval.plans, &mut approval.plans);
    t.auto_push(&owner.auto_push, auto_push);
    t.agent_commands(&owner.commands, commands);
    t.repair(&owner.repair, repair);
    t.sandbox(&owner.sandbox, sandbox);
    t.checks(&owner.checks, checks);
    t.owners_only("providers", &owner.providers, providers);
    t.routing(&owner.routing, routing);
    t.budget(&owner.budget, budget);
    let Context { max_tokens, prompts } = context;
    t.owners_only("context.prompts", &owner.context.prompts, prompts);
    t.at_most("context.max_tokens", &owner.context.max_tokens, max_tokens);
    *rules_in_tree = t.rules(&owner.rules, rules);
    t.owners_only("store", &owner.store, store);
    t.owners_only("trees", &owner.trees, trees);
    t.prepare(&owner.prepare, prepare);
    t.owners_only("logging", &owner.logging, logging);
    Tightened { config, warnings: t.warnings, refused: t.refused }
}

struct Judge {
    warnings: Vec<String>,
    refused: Vec<String>,
}

impl Judge {
    fn refuse(&mut self, key: &str, why: &str) {
        let sentence = format!("{}: {key} was ignored: {why}", super::REPOSITORY_FILE);
        self.warnings.push(sentence);
        self.refused.push(key.to_owned());
    }

    fn plans(&mut self, owner: PlanApproval, asked: &mut PlanApproval) {
        if (owner, *asked) == (PlanApproval::Person, PlanApproval::Policy) {
            self.refuse("approval.plans", "a repository can leave plans to a person, not take them from one");
            *asked = owner;
        }
    }

    fn at_most<T: PartialOrd + Clone + std::fmt::Debug>(&mut self, key: &str, owner: &T, asked: &mut T) {
        if *asked > *owner {
            self.refuse(key, &format!("a repository can lower it below {owner:?}, not raise it"));
            *asked = owner.clone();
        }
    }

    fn at_least<T: PartialOrd + Clone + std::fmt::Debug>(&mut self, key: &str, owner: &T, asked: &mut T) {
        if *asked < *owner {
            self.refuse(key, &format!("a repository can raise it above {owner:?}, not lower it"));
            *asked = owner.clone();
        }
    }

    /// An absent bound is no bound.
    fn bound<T: PartialOrd + Clone + std::fmt::Debug>(
        &mut self,
        key: &str,
        owner: &Option<T>,
        asked: &mut Option<T>,
    ) {
        let looser = match (&owner, &asked) {
            (Some(owner), Some(asked)) => asked > owner,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if looser {
            self.refuse(key, &format!("a repository can lower it below {owner:?}, not raise it"));
            asked.clone_from(owner);
        }
    }

    fn owners_only<T: PartialEq + Clone>(&mut self, key: &str, owner: &T, asked: &mut T) {
        if *asked != *owner {
            self.refuse(key, "only the machine's owner sets it");
            asked.clone_from(owner);
        }
    }

    /// The owner's entries stay, the repository's are added.
    fn union<T: PartialEq + Clone>(owner: &[T], asked: &mut Vec<T>) {
        let added: Vec<T> = asked.iter().filter(|a| !owner.contains(a)).cloned().collect();
        *asked = owner.to_vec();
        asked.extend(added);
    }

    fn codex(&mut self, owner: &Codex, asked: &mut Codex) {
        let Codex { mode, cli_model, max_context_tokens } = asked;
        self.owners_only("codex.mode", &owner.mode, mode);
        self.owners_only("codex.cli_model", &owner.cli_model, cli_model);
        self.bound("codex.max_context_tokens", &owner.max_context_tokens, max_context_tokens);
    }

    fn git(&mut self, owner: &Git, asked: &mut Git) {
        // The names of branches and the form of messages are the repository's own business.
        let Git { auto_branch, branch_prefix: _, commit_style: _, auto_push_threshold } = asked;
        let PushThreshold { files, lines } = auto_push_threshold;
        self.at_most("git.auto_branch", &owner.auto_branch, auto_branch);
        self.at_most("git.auto_push_threshold.files", &owner.auto_push_threshold.files, files);
        self.at_most("git.auto_push_threshold.lines", &owner.auto_push_threshold.lines, lines);
    }

    fn auto_push(&mut self, owner: &AutoPush, asked: &mut AutoPush) {
        let AutoPush { enabled, conditions, require_approval_if } = asked;
        let PushConditions { max_files, max_lines_added, max_lines_deleted, excluded_patterns } = conditions;
        self.at_most("auto_push.enabled", &owner.enabled, enabled);
        let of = &owner.conditions;
        self.at_most("auto_push.conditions.max_files", &of.max_files, max_files);
        self.at_most("auto_push.conditions.max_lines_added", &of.max_lines_added, max_lines_added);
        self.at_most("auto_push.conditions.max_lines_deleted", &of.max_lines_deleted, max_lines_deleted);
        Self::union(&of.excluded_patterns, excluded_patterns);
        Self::union(&owner.require_approval_if, require_approval_if);
    }

    fn safety(&mut self, owner: &Safety, asked: &mut Safety) {
        let Safety {
            max_files_changed,
            max_lines_changed,
            finding_max_files,
            finding_max_lines,
            max_output_lines,
            refused_paths,
            review_paths,
            config_paths,
            production_paths,
            security_paths,
            forbidden_patterns,
            weakest_anchor,
            rules,
            allow_binary,
            allow_symlinks,
            allow_submodules,
            allow_mode_changes,
            require_review,
            require_review_if,
        } = asked;
        self.at_most("safety.max_files_changed", &owner.max_files_changed, max_files_changed);
        self.at_most("safety.max_lines_changed", &owner.max_lines_changed, max_lines_changed);
        self.at_most("safety.finding_max_files", &owner.finding_max_files, finding_max_files);
        self.at_most("safety.finding_max_lines", &owner.finding_max_lines, finding_max_lines);
        self.at_most("safety.max_output_lines", &owner.max_output_lines, max_output_lines);
        for (owners, asked) in [
            (&owner.refused_paths, refused_paths),
            (&owner.review_paths, review_paths),
            (&owner.config_paths, config_paths),
            (&owner.production_paths, production_paths),
            (&owner.security_paths, security_paths),
            (&owner.forbidden_patterns, forbidden_patterns),
        ] {
            Self::union(owners, asked);
        }
        self.at_most("safety.weakest_anchor", &owner.weakest_anchor, weakest_anchor);
        self.own_rules(&owner.rules, rules);
        self.at_most("safety.allow_binary", &owner.allow_binary, allow_binary);
        self.at_most("safety.allow_symlinks", &owner.allow_symlinks, allow_symlinks);
        self.at_most("safety.allow_submodules", &owner.allow_submodules, allow_submodules);
        self.at_most("safety.allow_mode_changes", &owner.allow_mode_changes, allow_mode_changes);
        self.review(&owner.require_review, require_review);
        Self::union(&owner.require_review_if, require_review_if);
    }

    /// Rules are added; one of the owner's cannot be replaced by another of its id.
    fn own_rules(&mut self, owner: &[OwnRule], asked: &mut Vec<OwnRule>) {
        let mut added = std::mem::take(asked);
        added.retain(|rule| !owner.contains(rule));
        added.retain(|rule| {
            let taken = owner.iter().any(|o| o.id == rule.id);
            if taken {
                self.refuse("safety.rules", &format!("the owner has a rule {:?} already", rule.id));
            }
            !taken
        });
        *asked = owner.to_vec();
        asked.append(&mut added);
    }

    fn review(&mut self, owner: &Review, asked: &mut Review) {
        let Review {
            files_gt,
            lines_gt,
            deletions_gt,
            touches_config,
            touches_production,
            security_sensitive,
        } = asked;
        self.bound("safety.require_review.files_gt", &owner.files_gt, files_gt);
        self.bound("safety.require_review.lines_gt", &owner.lines_gt, lines_gt);
        self.bound("safety.require_review.deletions_gt", &owner.deletions_gt, deletions_gt);
        self.at_least("safety.require_review.touches_config", &owner.touches_config, touches_config);
        self.at_least(
            "safety.require_review.touches_production",
            &owner.touches_production,
            touches_production,
        );
        self.at_least(
            "safety.require_review.security_sensitive",
            &owner.security_sensitive,
            security_sensitive,
        );
    }

    /// The repository may ask about more and deny more; what is allowed is the owner's word.
    fn agent_commands(&mut self, owner: &CommandRules, asked: &mut CommandRules) {
        let CommandRules { allow, ask, deny } = asked;
        self.owners_only("commands.allow", &owner.allow, allow);
        Self::union(&owner.ask, ask);
        Self::union(&owner.deny, deny);
    }

    fn repair(&mut self, owner: &Repair, asked: &mut Repair) {
        let Repair { max_retries, min_confidence } = asked;
        self.at_most("repair.max_retries", &owner.max_retries, max_retries);
        self.at_least("repair.min_confidence", &owner.min_confidence, min_confidence);
    }

    fn sandbox(&mut self, owner: &Sandbox, asked: &mut Sandbox) {
        let Sandbox { minimum, level, memory_mb, cpu_seconds, processes, tmp_mb, tree_mb } = asked;
        self.at_least("sandbox.minimum", &owner.minimum, minimum);
        self.at_least("sandbox.level", &owner.level, level);
        self.at_most("sandbox.memory_mb", &owner.memory_mb, memory_mb);
        self.at_most("sandbox.cpu_seconds", &owner.cpu_seconds, cpu_seconds);
        self.at_most("sandbox.processes", &owner.processes, processes);
        self.at_most("sandbox.tmp_mb", &owner.tmp_mb, tmp_mb);
        self.at_most("sandbox.tree_mb", &owner.tree_mb, tree_mb);
    }

    fn checks(&mut self, owner: &Checks, asked: &mut Checks) {
        let Checks {
            detect,
            python,
            rust,
            javascript,
            go,
            make,
            reruns,
            together,
            timeout_seconds,
            test_command,
            commands,
        } = asked;
        self.at_least("checks.detect", &owner.detect, detect);
        self.at_least("checks.python", &owner.python, python);
        self.at_least("checks.rust", &owner.rust, rust);
        self.at_least("checks.javascript", &owner.javascript, javascript);
        self.at_least("checks.go", &owner.go, go);
        self.at_least("checks.make", &owner.make, make);
        self.at_most("checks.reruns", &owner.reruns, reruns);
        // More at once is more of the owner's machine.
        self.at_most("checks.together", &owner.together, together);
        self.at_most("checks.timeout_seconds", &owner.timeout_seconds, timeout_seconds);
        if *test_command != owner.test_command {
            self.refuse(
                "checks.test_command",
                "it replaces the detected tests; name it under checks.commands",
            );
            test_command.clone_from(&owner.test_command);
        }
        self.commands(&owner.commands, commands);
        // What `checks.timeout_seconds` bounds is bound for each command too.
        for command in commands.iter_mut().skip(owner.commands.len()) {
            let key = format!("checks.commands.{}.timeout_seconds", command.name);
            self.bound(
                &key,
                &command.timeout_seconds.map(|_| owner.timeout_seconds),
                &mut command.timeout_seconds,
            );
        }
    }

    /// What is fetched runs with a network, so a repository's own commands are scripts that the owner has to allow.
    fn prepare(&mut self, owner: &Prepare, asked: &mut Prepare) {
        let Prepare { scripts, commands, env, timeout_seconds } = asked;
        self.owners_only("prepare.scripts", &owner.scripts, scripts);
        self.owners_only("prepare.env", &owner.env, env);
        self.at_most("prepare.timeout_seconds", &owner.timeout_seconds, timeout_seconds);
        if *commands != owner.commands && !owner.scripts {
            let why =
                "they would run with a network: the machine's owner allows that by prepare.scripts: true";
            self.refuse("prepare.commands", why);
            commands.clone_from(&owner.commands);
        }
    }

    /// Commands are added: they run in the box. One of the owner's cannot be replaced.
    fn commands(&mut self, owner: &[CheckCommand], asked: &mut Vec<CheckCommand>) {
        let mut added = std::mem::take(asked);
        added.retain(|command| !owner.contains(command));
        added.retain(|command| {
            let taken = owner.iter().any(|o| o.name == command.name);
            if taken {
                self.refuse("checks.commands", &format!("the owner has a check {:?} already", command.name));
            }
            !taken
        });
        *asked = owner.to_vec();
        asked.append(&mut added);
    }

    /// The repository may reorder or leave out the owner's providers; it cannot bring in another one.
    fn routing(&mut self, owner: &Routing, asked: &mut Routing) {
        let Routing { order, kinds, prefer, matrix, by_history, needs_approval } = asked;
        if let Some(order) = order {
            self.subset("routing.order", &owner.allowed(None), order);
        }
        for (kind, asked) in kinds.iter_mut() {
            self.subset(&format!("routing.kinds.{kind}"), &owner.allowed(Some(*kind)), asked);
        }
        for (kind, owners) in &owner.kinds {
            kinds.entry(*kind).or_insert_with(|| owners.clone());
        }
        self.owners_only("routing.prefer", &owner.prefer, prefer);
        self.owners_only("routing.matrix", &owner.matrix, matrix);
        self.owners_only("routing.by_history", &owner.by_history, by_history);
        Self::union(&owner.needs_approval, needs_approval);
    }

    fn subset(&mut self, key: &str, owner: &[String], asked: &mut Vec<String>) {
        let known = asked.len();
        asked.retain(|id| owner.contains(id));
        if asked.len() < known {
            self.refuse(key, &format!("only {} may be asked", owner.join(", ")));
        }
    }

    fn budget(&mut self, owner: &Budget, asked: &mut Budget) {
        let Budget {
            per_change,
            daily,
            monthly,
            requests_per_minute,
            tokens_per_minute,
            changes_per_week,
            open_pull_requests,
        } = asked;
        self.bound("budget.requests_per_minute", &owner.requests_per_minute, requests_per_minute);
        self.bound("budget.tokens_per_minute", &owner.tokens_per_minute, tokens_per_minute);
        self.bound("budget.changes_per_week", &owner.changes_per_week, changes_per_week);
        self.bound("budget.open_pull_requests", &owner.open_pull_requests, open_pull_requests);
        self.at_most("budget.per_change", &owner.per_change, per_change);
        self.bound("budget.daily", &owner.daily, daily);
        self.at_most("budget.monthly", &owner.monthly, monthly);
    }

    /// The repository's rule files are read from the base tree, so they are relative and stay inside of it.
    fn rules(&mut self, owner: &[String], asked: &mut Vec<String>) -> Vec<String> {
        let mut named = std::mem::replace(asked, owner.to_vec());
        if named == owner {
            return Vec::new();
        }
        let inside = |path: &String| {
            !path.starts_with('/')
                && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
                && !path.contains('\\')
        };
        let all = named.len();
        named.retain(inside);
        if named.len() < all {
            self.refuse("rules", "a repository's rule files are paths inside of it, from its root");
        }
        named
    }
}
