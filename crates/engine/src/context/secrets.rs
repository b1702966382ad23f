//! Names of files that usually hold secrets. Such files are never read for a prompt, whoever names them.

/// Whether a path looks like that of a file with secrets. By name only: what a file holds is not looked at here.
pub fn looks_secret(path: &str) -> bool {
    let path = path.to_lowercase();
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let name = parts.pop().unwrap_or("");
    parts.iter().any(|folder| SECRET_FOLDERS.contains(folder)) || secret_name(name)
}

const SECRET_FOLDERS: [&str; 5] = [".ssh", ".aws", ".gnupg", ".azure", ".kube"];

const SECRET_NAMES: [&str; 17] = [
    ".netrc",
    "_netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".my.cnf",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".vault-token",
];

const SECRET_ENDINGS: [&str; 9] =
    [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".ovpn"];

/// Extensions of `.env` files that are made to be shared.
const SHARED_ENV: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];

fn secret_name(name: &str) -> bool {
    let is_env = name == ".env" || name == ".envrc" || name.starts_with(".env.") || name.ends_with(".env");
    let is_shared_env = SHARED_ENV.iter().any(|ending| name.ends_with(ending));
    let stem_of_data =
        name.rsplit_once('.').filter(|(_, ext)| ["yml", "yaml", "json", "toml", "ini"].contains(ext));
    let is_secrets_data = stem_of_data.is_some_and(|(stem, _)| {
        ["secret", "secrets"].contains(&stem)
            || stem.starts_with("service-account")
            || stem.starts_with("service_account")
    });
    (is_env && !is_shared_env)
        || SECRET_NAMES.contains(&name)
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || is_secrets_data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_usually_hold_secrets_are_known_by_name() {
        for path in [
            ".env",
            "app/.env.production",
            "deploy/prod.env",
            "certs/SERVER.PEM",
            "id_rsa",
            "home/.ssh/config",
            "config/secrets.yml",
            "service-account-1.json",
            ".npmrc",
            "a.key",
        ] {
            assert!(looks_secret(path), "{path}");
        }
    }

    #[test]
    fn ordinary_code_is_not_taken_for_a_secret() {
        for path in
            [".env.example", "src/secrets.py", "id_rsa.pub", "environment.py", "keys.rs", "monkey.py", ""]
        {
            assert!(!looks_secret(path), "{path}");
        }
    }
}
