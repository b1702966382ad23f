//! Keys: `ctk_PREFIX_SECRET`. The prefix finds the row, the hash of the whole key proves it, and the key itself is shown
//! once and kept nowhere.

use domain::ids::Sha256;
use store::{Micros, NewKey};
use subtle::ConstantTimeEq;

/// How a key begins, so that scanners for secrets know one.
const MARK: &str = "ctk";
/// Random bytes of the part that is not secret.
const PREFIX: usize = 6;
/// Random bytes of the secret.
const SECRET: usize = 32;

/// A new key: the text for its owner, and what is kept of it.
pub struct Minted {
    /// The key; shown once.
    pub text: secrecy::SecretString,
    /// What is kept.
    pub kept: NewKey,
}

/// Makes a key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn mint(expires: Option<Micros>) -> Result<Minted, getrandom::Error> {
    let (mut prefix, mut secret) = ([0_u8; PREFIX], [0_u8; SECRET]);
    getrandom::fill(&mut prefix)?;
    getrandom::fill(&mut secret)?;
    let prefix = hex::encode(prefix);
    let text = format!("{MARK}_{prefix}_{}", hex::encode(secret));
    let kept = NewKey { prefix, hash: Sha256::of(text.as_bytes()), expires };
    Ok(Minted { text: text.into(), kept })
}

/// The prefix of a text that looks like a key.
pub(crate) fn prefix_of(text: &str) -> Option<&str> {
    let (prefix, secret) = text.strip_prefix(MARK)?.strip_prefix('_')?.split_once('_')?;
    let hex = |part: &str, bytes: usize| {
        part.len() == 2 * bytes && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    (hex(prefix, PREFIX) && hex(secret, SECRET)).then_some(prefix)
}

/// Whether the key has this hash, in a time that does not tell where they differ.
pub(crate) fn fits(text: &str, hash: &Sha256) -> bool {
    Sha256::of(text.as_bytes()).as_str().as_bytes().ct_eq(hash.as_str().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_key_is_found_by_its_prefix_and_proved_by_its_hash() {
        let (one, two) = (mint(None).unwrap(), mint(None).unwrap());
        let text = one.text.expose_secret();
        assert_eq!(prefix_of(text), Some(one.kept.prefix.as_str()));
        assert!(fits(text, &one.kept.hash) && !fits(text, &two.kept.hash));
        assert!(!format!("{:?}", one.text).contains(text), "a key does not print");
        for bad in ["", "ctk_", "ctk_ab_cd", &text[1..], &text.to_uppercase(), &format!("{text}0")] {
            assert_eq!(prefix_of(bad), None, "{bad}");
        }
    }
}
