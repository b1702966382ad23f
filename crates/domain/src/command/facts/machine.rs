//! Rights, devices, processes, and what runs later: nothing of it belongs to a change.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::paths::Place;
use crate::command::rules::Rule;

const PRIVILEGE: &[&str] = &[
    "sudo",
    "sudoedit",
    "visudo",
    "doas",
    "su",
    "pkexec",
    "runuser",
    "gosu",
    "su-exec",
    "super",
    "please",
    "run0",
    "chroot",
    "nsenter",
    "unshare",
    "setpriv",
    "capsh",
    "setcap",
    "newgrp",
    "sg",
    "passwd",
    "chpasswd",
    "chsh",
    "chfn",
    "gpasswd",
    "useradd",
    "adduser",
    "userdel",
    "deluser",
    "usermod",
    "groupadd",
    "groupdel",
    "groupmod",
    "vipw",
    "vigr",
    "newuidmap",
    "newgidmap",
    "bwrap",
    "proot",
    "fakechroot",
    "systemd-nspawn",
    "machinectl",
    "dscl",
    "runas",
    "polkit-agent-helper-1",
];

const MACHINE: &[&str] = &[
    "mount",
    "umount",
    "losetup",
    "pivot_root",
    "switch_root",
    "swapon",
    "swapoff",
    "insmod",
    "rmmod",
    "modprobe",
    "depmod",
    "kexec",
    "sysctl",
    "reboot",
    "shutdown",
    "halt",
    "poweroff",
    "init",
    "telinit",
    "systemctl",
    "service",
    "rc-service",
    "launchctl",
    "initctl",
    "loginctl",
    "hostnamectl",
    "timedatectl",
    "localectl",
    "hostname",
    "iptables",
    "ip6tables",
    "iptables-restore",
    "nft",
    "ufw",
    "firewall-cmd",
    "pfctl",
    "ip",
    "ifconfig",
    "route",
    "tc",
    "brctl",
    "ipset",
    "bpftool",
    "bpftrace",
    "setenforce",
    "apparmor_parser",
    "aa-disable",
    "update-alternatives",
    "dpkg-reconfigure",
    "hwclock",
    "chattr",
    "setfacl",
    "setfattr",
    "mknod",
    "grub-install",
    "update-grub",
    "efibootmgr",
    "cryptsetup",
    "kill",
    "pkill",
    "killall",
    "killall5",
    "xkill",
    "skill",
    "renice",
    "prlimit",
    "debugfs",
    "gcore",
    "ldconfig",
    "update-initramfs",
    "defaults",
    "csrutil",
    "nvram",
    "ulimit",
    "wall",
    "rfkill",
    "dockerd",
    "containerd",
    "taskkill",
    "sc",
    "reg",
    "netsh",
    "logrotate",
    "sysdig",
];

const DISK: &[&str] = &[
    "dd",
    "wipefs",
    "fdisk",
    "sfdisk",
    "cfdisk",
    "gdisk",
    "sgdisk",
    "parted",
    "partprobe",
    "blkdiscard",
    "hdparm",
    "nvme",
    "badblocks",
    "format",
    "diskutil",
    "fsck",
    "tune2fs",
    "resize2fs",
    "mkswap",
    "mdadm",
    "lvremove",
    "vgremove",
    "pvremove",
    "lvcreate",
    "pvcreate",
    "vgcreate",
    "dmsetup",
    "zpool",
    "zfs",
    "btrfs",
    "mke2fs",
    "ddrescue",
    "dcfldd",
    "sdparm",
    "flashrom",
    "fallocate",
    "xfs_growfs",
    "e2fsck",
    "newfs",
    "ntfsfix",
    "diskpart",
];

const BACKGROUND: &[&str] = &[
    "nohup",
    "setsid",
    "disown",
    "daemonize",
    "daemon",
    "start-stop-daemon",
    "pm2",
    "forever",
    "supervisord",
    "supervisorctl",
    "dtach",
    "abduco",
    "bg",
    "coproc",
    "s6-svscan",
    "runsv",
    "runsvdir",
    "immortal",
];

const SCHEDULE: &[&str] = &[
    "crontab",
    "at",
    "batch",
    "atd",
    "cron",
    "crond",
    "anacron",
    "systemd-run",
    "schtasks",
    "tmux",
    "screen",
    "byobu",
    "zellij",
    "launchctl",
    "fcron",
    "incrontab",
    "update-rc.d",
    "chkconfig",
    "rc-update",
];

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    for (names, rule) in [
        (PRIVILEGE, Rule::Privilege),
        (MACHINE, Rule::Machine),
        (DISK, Rule::Disk),
        (BACKGROUND, Rule::Background),
        (SCHEDULE, Rule::Schedule),
    ] {
        if call.is(names) && !only_asks(call) {
            found.add(rule, call.name);
        }
    }
    if call.name.starts_with("mkfs") || call.name.starts_with("fsck.") {
        found.add(Rule::Disk, call.name);
    }
    permissions(call, found);
    endless(call, found);
    if call.is(&["date"]) && call.has("s", &["set"]) {
        found.add(Rule::Machine, "it sets the clock");
    }
    if call.is(&["codex-task", "codex_task", "t4-codex"]) {
        found.add(Rule::OwnTool, format!("{} {}", call.name, call.first()));
    }
    if call.is(&["cargo", "go"]) && call.args.iter().any(|a| a.text == "codex-task") && call.first() == "run"
    {
        found.add(Rule::OwnTool, "it runs the tool that judges it");
    }
    if call.is(&[
        "docker",
        "podman",
        "nerdctl",
        "crictl",
        "lxc",
        "lxc-attach",
        "kubectl",
        "oc",
        "helm",
        "vagrant",
        "virsh",
        "qemu-system-x86_64",
    ]) {
        container(call, found);
    }
}

/// Programs that are harmless without arguments or with only a question.
fn only_asks(call: &Call<'_>) -> bool {
    match call.name {
        "hostname" | "mount" | "ip" | "route" | "ifconfig" | "format" | "service" => call.args.is_empty(),
        "ulimit" => call.options().all(|o| o == "-a") && call.operands().next().is_none(),
        _ => matches!(call.args, [one] if matches!(one.text.as_str(), "--version" | "--help")),
    }
}

fn permissions(call: &Call<'_>, found: &mut Found) {
    if call.is(&["chown", "chgrp"]) {
        found.add(Rule::OpenPermissions, format!("{} gives files to others", call.name));
    }
    if !call.is(&["chmod", "gchmod"]) {
        return;
    }
    let words = call.args.iter().map(|a| a.text.as_str());
    for mode in words.filter(|w| is_open(w)) {
        found.add(Rule::OpenPermissions, format!("chmod {mode}"));
    }
    if call.has("R", &["recursive"]) {
        for (arg, place) in call.places().skip(1) {
            let whole = match place {
                Place::Tree(parts) => parts.is_empty(),
                Place::Temporary => false,
                _ => true,
            };
            if whole {
                found.add(Rule::OpenPermissions, format!("chmod -R {}", arg.text));
            }
        }
    }
    if call.operands().next().is_some_and(crate::command::shell::Arg::is_unknown) {
        found.add(Rule::OpenPermissions, "chmod with a mode that is not known");
    }
}

/// Whether a mode lets everybody write, or lets a program take its owner's rights.
fn is_open(mode: &str) -> bool {
    if mode.len() >= 3 && mode.len() <= 5 && mode.chars().all(|c| c.is_digit(8)) {
        let value = u32::from_str_radix(mode, 8).unwrap_or(0);
        return value & 0o002 != 0 || value & 0o6000 != 0;
    }
    mode.split(',').any(|clause| {
        let Some(at) = clause.find(['+', '=']) else { return false };
        let (who, what) = clause.split_at(at);
        let known = who.chars().all(|c| "ugoa".contains(c));
        let others = who.contains(['o', 'a']);
        known && (what.contains('s') || others && what.contains('w'))
    })
}

fn endless(call: &Call<'_>, found: &mut Found) {
    if call.is(&["yes", "stress", "stress-ng", "cpuburn", "fork-bomb", "memtester"]) {
        found.add(Rule::Endless, format!("{} eats what the machine has", call.name));
    }
    let infinite = |a: &crate::command::shell::Arg| {
        matches!(a.text.as_str(), "/dev/zero" | "/dev/random" | "/dev/urandom" | "/dev/full")
    };
    if call.args.iter().any(infinite) {
        found.add(Rule::Endless, "it reads a device that has no end");
    }
    if call.is(&["sleep"]) && call.args.iter().any(|a| a.text.starts_with("inf")) {
        found.add(Rule::Endless, "it sleeps for ever");
    }
}

fn container(call: &Call<'_>, found: &mut Found) {
    let words: Vec<&str> = call.operands().map(|a| a.text.as_str()).collect();
    let first = words.first().copied().unwrap_or("");
    let runs = [
        "run", "exec", "cp", "create", "start", "attach", "debug", "compose", "build", "rm", "rmi", "system",
        "volume", "push", "ssh",
    ];
    if call.is(&["kubectl", "oc"]) && words.iter().any(|w| w.starts_with("secret")) {
        found.add(Rule::Secrets, "it reads a cluster's secrets");
    }
    if runs.contains(&first)
        || call.has("v", &["privileged", "volume", "mount"])
        || call.is(&["lxc-attach", "virsh"])
    {
        found.add(Rule::Privilege, format!("{} {first}: a container's owner is the machine's", call.name));
    }
}
