//! Which parts of the host system a box may read, and the small files it gets instead of the host's own.
//! An allow-list: what is not named here or in the request is not visible.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::spec::Network;

/// Folders of the system that are bound read-only, or copied as symbolic links where they are links.
pub(crate) const FOLDERS: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/nix/store"];

/// Entries of /etc that programs need and that hold no secrets and no addresses.
pub(crate) const ETC: [&str; 17] = [
    "alternatives",
    "ca-certificates.conf",
    "debian_version",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "lsb-release",
    "mime.types",
    "os-release",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];

/// Devices without state.
pub(crate) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Parts of /proc that are shown read-only, as they speak to the whole machine.
pub(crate) const READ_ONLY_PROC: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// Files that are made for the box: its name, relative to the root, and its text.
const MADE: [(&str, &str); 5] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/nonexistent:/bin/false\nbox:x:1000:1000:box:/home/box:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nbox:x:1000:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost box\n::1 localhost box\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"),
    ("etc/hostname", "box\n"),
];

/// What a box with the machine's network gets of it: the addresses of its name servers and the names that it knows.
const OF_THE_NETWORK: [&str; 4] = ["etc/resolv.conf", "etc/hosts", "etc/host.conf", "etc/gai.conf"];

/// The files to make, with what is in them. With the machine's network some are copies of the machine's own, of at
/// most [`COPIED`] bytes: they are often links to places that a box does not see.
pub(crate) fn made(network: Network) -> Vec<(&'static str, Vec<u8>)> {
    let mut files: Vec<_> = MADE.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    if network == Network::None {
        return files;
    }
    for name in OF_THE_NETWORK {
        let mut text = Vec::new();
        let read =
            File::open(Path::new("/").join(name)).and_then(|file| file.take(COPIED).read_to_end(&mut text));
        if read.is_ok() {
            files.retain(|(other, _)| *other != name);
            files.push((name, text));
        }
    }
    for (_, text) in files.iter_mut().filter(|(name, _)| *name == "etc/nsswitch.conf") {
        *text = String::from_utf8_lossy(text).replace("hosts: files\n", "hosts: files dns\n").into_bytes();
    }
    files
}

/// The most that is copied of one file.
const COPIED: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_in_the_network_only_where_there_is_one() {
        let hosts = |network| {
            let files = made(network);
            let text = &files.iter().find(|(name, _)| *name == "etc/nsswitch.conf").unwrap().1;
            let text = String::from_utf8(text.clone()).unwrap();
            text.lines().find(|line| line.starts_with("hosts:")).unwrap().to_owned()
        };
        assert_eq!(hosts(Network::None), "hosts: files");
        assert_eq!(hosts(Network::Host), "hosts: files dns");
        assert!(made(Network::None).iter().all(|(name, _)| *name != "etc/resolv.conf"));
    }
}
