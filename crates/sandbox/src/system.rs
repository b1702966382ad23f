//! Which parts of the host system a box may read, and the small files it gets instead of the host's own.
//! An allow-list: what is not named here or in the request is not visible.

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
pub(crate) const MADE: [(&str, &str); 5] = [
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
