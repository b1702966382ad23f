//! The network: what leaves, what comes in, and services nearby.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::rules::Rule;

const RAW: &[&str] = &[
    "nc",
    "ncat",
    "netcat",
    "nc.openbsd",
    "nc.traditional",
    "socat",
    "telnet",
    "ssh",
    "sshd",
    "mosh",
    "autossh",
    "sshpass",
    "cryptcat",
    "pwncat",
    "chisel",
    "ngrok",
    "cloudflared",
    "frpc",
    "bore",
    "localtunnel",
    "lt",
    "websocat",
    "wscat",
    "rlogin",
    "rsh",
    "tcpdump",
    "tshark",
    "nmap",
    "masscan",
    "hping3",
    "openvpn",
    "wg",
    "wg-quick",
    "tor",
    "torsocks",
    "proxychains",
    "socket",
    "slirp4netns",
    "xfreerdp",
    "vncviewer",
    "rexec",
    "tailscale",
    "stunnel",
];

const SENDS: &[&str] = &[
    "scp",
    "sftp",
    "ftp",
    "lftp",
    "tftp",
    "ncftp",
    "ncftpput",
    "rclone",
    "mail",
    "mailx",
    "mutt",
    "sendmail",
    "msmtp",
    "swaks",
    "ssmtp",
    "gist",
    "magic-wormhole",
    "wormhole",
    "croc",
    "transfer",
    "ssh-copy-id",
    "s3cmd",
    "syncthing",
    "smbclient",
    "curlftpfs",
    "sshfs",
    "rcp",
    "logger",
    "notify-send",
    "twine",
];

const ASKS: &[&str] = &[
    "curl",
    "wget",
    "wget2",
    "aria2c",
    "axel",
    "http",
    "https",
    "xh",
    "httpie",
    "fetch",
    "lynx",
    "links",
    "w3m",
    "elinks",
    "ping",
    "ping6",
    "nslookup",
    "dig",
    "host",
    "whois",
    "traceroute",
    "tracepath",
    "mtr",
    "drill",
    "resolvectl",
    "getent",
    "gh",
    "glab",
    "hub",
    "aws",
    "gcloud",
    "gsutil",
    "az",
    "doctl",
    "heroku",
    "flyctl",
    "fly",
    "vercel",
    "netlify",
    "psql",
    "mysql",
    "redis-cli",
    "mongo",
    "mongosh",
    "sqlcmd",
    "xdg-open",
    "open",
    "sensible-browser",
    "firefox",
    "chromium",
    "google-chrome",
    "yt-dlp",
    "youtube-dl",
    "invoke-webrequest",
    "iwr",
    "terraform",
    "ansible",
    "ansible-playbook",
];

const PACKAGES: &[&str] = &[
    "apt",
    "apt-get",
    "aptitude",
    "dpkg",
    "yum",
    "dnf",
    "rpm",
    "zypper",
    "pacman",
    "apk",
    "brew",
    "port",
    "snap",
    "flatpak",
    "nix-env",
    "nix",
    "conda",
    "mamba",
    "pip",
    "pip3",
    "pipx",
    "easy_install",
    "uv",
    "uvx",
    "poetry",
    "gem",
    "bundle",
    "bundler",
    "composer",
    "cpan",
    "cpanm",
    "luarocks",
    "opam",
    "cabal",
    "stack",
    "rustup",
    "choco",
    "winget",
    "scoop",
    "npx",
    "pnpx",
    "bunx",
    "corepack",
    "ansible-galaxy",
    "cargo-binstall",
    "asdf",
    "mise",
    "nvm",
    "pyenv",
    "rbenv",
    "sdk",
];

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    if call.is(RAW) {
        found.add(Rule::RawNetwork, call.name);
    }
    if call.is(SENDS) || call.is(&["rsync"]) && call.operands().any(|a| is_remote(&a.text)) {
        found.add(Rule::SendAway, call.name);
    }
    if call.is(&["openssl"]) && matches!(call.first(), "s_client" | "s_server") {
        found.add(Rule::RawNetwork, "openssl opens a connection");
    }
    if serves(call) {
        found.add(Rule::RawNetwork, "a module that serves or sends");
    }
    if call.is(&["php"]) && call.has("S", &[]) {
        found.add(Rule::RawNetwork, "php serves files");
    }
    if call.is(ASKS) {
        found.add(Rule::Network, call.name);
        asked(call, found);
    }
    if call.is(PACKAGES) || installs(call) {
        found.add(Rule::Installs, call.name);
    }
    if call.is(&["npm", "yarn", "pnpm", "cargo", "gem", "twine", "poetry", "uv", "docker"])
        && matches!(call.first(), "publish" | "push" | "upload" | "login" | "adduser")
    {
        found.add(Rule::SendAway, format!("{} {}", call.name, call.first()));
    }
}

fn is_remote(text: &str) -> bool {
    text.contains("::") || text.split('/').next().is_some_and(|head| head.contains(':'))
}

fn asked(call: &Call<'_>, found: &mut Found) {
    if call.args.iter().any(crate::command::shell::Arg::is_unknown) {
        found.add(Rule::SendAway, format!("{} with something that is known only when it runs", call.name));
    }
    let uploads: &[&str] = &[
        "upload-file",
        "data",
        "data-binary",
        "data-raw",
        "data-urlencode",
        "data-ascii",
        "form",
        "form-string",
        "json",
        "post-file",
        "post-data",
        "body-file",
        "body-data",
        "config",
        "url-query",
        "input-file",
        "use-askpass",
        "method",
        "request",
    ];
    let letters = if call.is(&["curl"]) { "TdFXK" } else { "" };
    if call.is(&["curl", "wget", "wget2", "http", "https", "xh"]) {
        let get = call.args.windows(2).any(|pair| {
            matches!(pair, [a, b] if matches!(a.text.as_str(), "-X" | "--request" | "--method") && matches!(b.text.as_str(), "GET" | "HEAD"))
        });
        if call.has(letters, uploads) && !get
            || call.args.iter().any(|a| a.text.contains('@') && !a.text.contains("://"))
        {
            found.add(Rule::SendAway, format!("{} sends something", call.name));
        }
        if call.has("", &["unix-socket", "abstract-unix-socket"]) {
            found.add(Rule::LocalService, "it speaks to a socket of this machine");
        }
    }
    if call.is(&["gh", "glab", "hub"])
        && matches!(
            call.first(),
            "gist"
                | "api"
                | "secret"
                | "ssh-key"
                | "gpg-key"
                | "repo"
                | "release"
                | "workflow"
                | "codespace"
                | "extension"
                | "alias"
        )
    {
        found.add(Rule::SendAway, format!("{} {}", call.name, call.first()));
    }
    if let Some(host) = call.args.iter().find(|a| is_near(&a.text)) {
        found.add(Rule::LocalService, host.text.clone());
    }
}

/// Whether an address names this machine, a private network, or the service that hands out a machine's keys.
fn is_near(text: &str) -> bool {
    let low = text.to_ascii_lowercase();
    let rest = low.split_once("://").map_or(low.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or(host) };
    let number = host.strip_prefix("0x").map_or_else(
        || host.len() > 7 && host.chars().all(|c| c.is_ascii_digit()),
        |hex| hex.chars().all(|c| c.is_ascii_hexdigit()),
    );
    let dotted = host.contains('.') && host.chars().all(|c| c.is_ascii_digit() || c == '.' || c == 'x');
    let private = ["127.", "10.", "192.168.", "169.254.", "0.", "0x", "100.100.", "017"]
        .iter()
        .any(|p| host.starts_with(p))
        || (16..32).any(|n| host.starts_with(&format!("172.{n}.")));
    let named = matches!(
        host,
        "localhost" | "ip6-localhost" | "host.docker.internal" | "metadata" | "kubernetes.default.svc" | "0"
    ) || host.ends_with(".localhost")
        || host.ends_with(".internal")
        || host.ends_with(".local");
    named
        || host.starts_with('[')
        || number
        || dotted && private
        || low.starts_with("file:")
        || low.starts_with("gopher:")
        || low.starts_with("dict:")
}

/// Modules of an interpreter that serve files or speak to others.
fn serves(call: &Call<'_>) -> bool {
    const SERVERS: &[&str] = &[
        "http.server",
        "smtpd",
        "ftplib",
        "telnetlib",
        "xmlrpc.server",
        "wsgiref.simple_server",
        "pydoc",
        "idlelib",
        "webbrowser",
        "smtplib",
    ];
    call.name.starts_with("python")
        && call.args.iter().any(|a| SERVERS.contains(&a.text.trim_start_matches("-m")))
        && call.args.iter().any(|a| a.text.starts_with("-m"))
}

fn installs(call: &Call<'_>) -> bool {
    match call.name {
        "npm" | "yarn" | "pnpm" | "bun" => matches!(
            call.first(),
            "install" | "i" | "ci" | "add" | "update" | "up" | "upgrade" | "exec" | "x" | "dlx" | "create" | "init" | "link" | "rebuild" | "audit" | ""
        ),
        "cargo" => matches!(call.first(), "install" | "add" | "update" | "fetch" | "vendor" | "binstall"),
        "go" => matches!(call.first(), "install" | "get" | "mod" | "work"),
        "python" | "python3" => call.args.windows(2).any(|p| {
            matches!(p, [m, name] if m.text == "-m" && matches!(name.text.as_str(), "pip" | "ensurepip" | "venv" | "easy_install"))
        }),
        "dotnet" | "mvn" | "gradle" => matches!(call.first(), "add" | "restore" | "tool" | "install" | "deploy"),
        "make" => call.operands().any(|a| a.text == "install"),
        _ => false,
    }
}
