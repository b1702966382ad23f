//! What a command in a strict box cannot reach, also when root started it, and what it must be able to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use common::{Place, with_each_operator};
use sandbox::{Access, GitDir, Level, Spec, Tree};

fn strict(name: &str, test: impl Fn(&Place)) {
    with_each_operator(name, Level::Strict, test);
}

#[test]
fn the_hosts_network_is_out_of_reach_and_an_own_loopback_works() {
    strict("the_hosts_network_is_out_of_reach_and_an_own_loopback_works", |place| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let ran = place.try_in_box(Level::Strict, &["connect", &port]);
        assert_eq!(ran.told("connect"), format!("errno {}", libc::ECONNREFUSED));
        assert_eq!(place.try_in_box(Level::Strict, &["loopback"]).told("loopback"), "ok");
        let devices = place.shell(Level::Strict, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
        assert_eq!(devices.stdout.lines().filter(|name| *name == "lo").count(), 1, "{devices:?}");
        let routes = place.shell(Level::Strict, "tail -n +2 /proc/net/route");
        assert_eq!(routes.succeeded().stdout, "");
    });
}

#[test]
fn sockets_of_the_host_are_out_of_reach() {
    strict("sockets_of_the_host_are_out_of_reach", |place| {
        let name = format!("codex-task-{}", place.marker());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let ran = place.try_in_box(Level::Strict, &["abstract", &name]);
        assert_eq!(ran.told("abstract"), format!("errno {}", libc::ECONNREFUSED));
        let path = place.path("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let ran = place.try_in_box(Level::Strict, &["path-socket", path.to_str().unwrap()]);
        assert_eq!(ran.told("path-socket"), format!("errno {}", libc::ENOENT));
    });
}

#[test]
fn only_ordinary_socket_families_open() {
    strict("only_ordinary_socket_families_open", |place| {
        let ran = place.try_in_box(Level::Strict, &["families"]);
        for family in ["vsock", "alg", "packet", "bluetooth", "netlink"] {
            assert_eq!(ran.told(family), format!("errno {}", libc::EAFNOSUPPORT), "{family}");
        }
        for family in ["inet", "unix"] {
            assert_eq!(ran.told(family), "ok", "{family}");
        }
    });
}

#[test]
fn calls_that_lead_out_of_the_box_are_refused() {
    strict("calls_that_lead_out_of_the_box_are_refused", |place| {
        let ran = place.try_in_box(Level::Strict, &["calls"]);
        let expected = |name: &str| match name {
            "clone3" | "io_uring_setup" => libc::ENOSYS,
            "setxattr" => libc::EOPNOTSUPP,
            _ => libc::EPERM,
        };
        let told: Vec<(&str, &str)> = ran.stdout.lines().filter_map(|line| line.split_once(": ")).collect();
        assert_eq!(told.len(), 24, "{ran:?}");
        for (name, result) in told {
            assert_eq!(result, format!("errno {}", expected(name)), "{name}");
        }
    });
}

#[test]
fn nothing_outside_of_tree_home_and_tmp_can_be_written() {
    strict("nothing_outside_of_tree_home_and_tmp_can_be_written", |place| {
        let outside = place.make_file("outside", "mine");
        for path in [
            "/new",
            "/usr/new",
            "/usr/bin/sh",
            "/etc/new",
            "/etc/passwd",
            "/etc/ld.so.cache",
            "/dev/new",
            "/var/new",
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/vm/drop_caches",
            "/proc/sysrq-trigger",
            "/proc/1/mem",
            "/proc/1/environ",
            "/proc/1/oom_score_adj",
            "/root/new",
            "/home/new",
            "/proc/self/exe",
            outside.to_str().unwrap(),
        ] {
            let ran = place.try_in_box(Level::Strict, &["write", path]);
            assert!(ran.told("write").starts_with("errno"), "{path}: {ran:?}");
        }
        for path in ["/tree/new", "/tmp/new", "/home/box/new", "/dev/shm/new", "/dev/null"] {
            assert_eq!(place.try_in_box(Level::Strict, &["write", path]).told("write"), "ok", "{path}");
        }
        assert_eq!(place.read("outside"), "mine");
    });
}

#[test]
fn the_hosts_files_cannot_be_read() {
    strict("the_hosts_files_cannot_be_read", |place| {
        let outside = place.make_file("outside", "mine");
        let hidden =
            ["/etc/shadow", "/etc/sudoers", "/root/.bashrc", "/proc/1/root/etc/shadow", "/proc/1/environ"];
        for path in hidden.into_iter().chain([
            "/proc/1/fd/0",
            "/dev/mem",
            "/dev/kmsg",
            "/dev/vda",
            outside.to_str().unwrap(),
        ]) {
            let ran = place.try_in_box(Level::Strict, &["read", path]);
            assert!(ran.told("read").starts_with("errno"), "{path}: {ran:?}");
        }
        let listed = place.shell(Level::Strict, "ls -A / /root /home");
        for name in ["tree", "home", "usr"] {
            assert!(listed.stdout.lines().any(|line| line == name), "{listed:?}");
        }
        for name in ["boot", "mnt", "srv", "sys", "media", "lost+found"] {
            assert!(!listed.stdout.lines().any(|line| line == name), "{listed:?}");
        }
    });
}

#[test]
fn only_the_boxes_own_processes_are_seen_and_it_has_no_privilege() {
    strict("only_the_boxes_own_processes_are_seen_and_it_has_no_privilege", |place| {
        let ran =
            place.shell(Level::Strict, "ls /proc | grep -c '^[0-9]'; cat /proc/self/status; id -u; id -G");
        let count: u32 = ran.succeeded().stdout.lines().next().unwrap().parse().unwrap();
        assert!(count <= 5, "{ran:?}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert!(ran.stdout.contains(&format!("{set}:\t0000000000000000")), "{set}: {ran:?}");
        }
        assert!(ran.stdout.contains("NoNewPrivs:\t1") && ran.stdout.contains("Seccomp:\t2"), "{ran:?}");
        assert!(ran.stdout.ends_with("1000\n1000\n"), "{ran:?}");
    });
}

#[test]
fn real_root_is_never_kept() {
    if !common::is_root_or_says_so("real_root_is_never_kept") {
        return;
    }
    strict("real_root_is_never_kept", |place| {
        use std::os::unix::fs::MetadataExt;
        place.shell(Level::Strict, "touch made").succeeded();
        assert_eq!(std::fs::metadata(place.path("tree/made")).unwrap().uid(), 65534);
    });
}

#[test]
fn temporary_space_is_bounded() {
    strict("temporary_space_is_bounded", |place| {
        for folder in ["/tmp", "$HOME", "/dev/shm"] {
            let script = format!("head -c 5000000 /dev/zero > {folder}/big; stat -c %s {folder}/big");
            let mut spec = place.spec(Level::Strict, &["sh", "-c", &script]);
            spec.limits.tmp_bytes = 1 << 20;
            assert_eq!(place.run(&spec).succeeded().stdout, "1048576\n", "{folder}");
        }
    });
}

#[test]
fn a_read_only_git_directory_can_be_read_and_neither_written_nor_replaced() {
    strict("a_read_only_git_directory_can_be_read_and_neither_written_nor_replaced", |place| {
        place.make_folder("git");
        place.make_file("git/HEAD", "ref: refs/heads/main");
        let script = "cat .git/HEAD; echo; touch .git/x || echo no write; rm -rf .git || echo no removal; \
                      mv .git away || echo no move; echo 'gitdir: /tmp' > .git || echo no file; cat .git/HEAD";
        let git_dir = Some(GitDir { path: place.path("git"), access: Access::ReadOnly });
        let ran = place.run(&Spec { git_dir, ..place.spec(Level::Strict, &["sh", "-c", script]) });
        let expected = "ref: refs/heads/main\nno write\nno removal\nno move\nno file\nref: refs/heads/main";
        assert_eq!(ran.stdout, expected, "{ran:?}");
        assert_eq!(place.read("git/HEAD"), "ref: refs/heads/main");
    });
}

#[test]
fn a_writable_git_directory_can_be_written() {
    strict("a_writable_git_directory_can_be_written", |place| {
        place.make_folder("git");
        place.make_file("git/HEAD", "old");
        let git_dir = Some(GitDir { path: place.path("git"), access: Access::ReadWrite });
        let spec = place.spec(Level::Strict, &["sh", "-c", "echo new > .git/HEAD && touch .git/index"]);
        place.run(&Spec { git_dir, ..spec }).succeeded();
        assert_eq!(place.read("git/HEAD"), "new\n");
    });
}

#[test]
fn a_link_planted_in_the_tree_does_not_lead_a_mount_elsewhere() {
    strict("a_link_planted_in_the_tree_does_not_lead_a_mount_elsewhere", |place| {
        place.make_folder("git");
        place.shell(Level::Strict, "ln -s /etc .git").succeeded();
        let git_dir = Some(GitDir { path: place.path("git"), access: Access::ReadOnly });
        let ran = place.run(&Spec { git_dir, ..place.spec(Level::Strict, &["true"]) });
        assert!(ran.outcome.starts_with("SetupFailed") && ran.outcome.contains(".git"), "{ran:?}");
    });
}

#[test]
fn what_is_bound_in_can_be_run_and_not_written() {
    strict("what_is_bound_in_can_be_run_and_not_written", |place| {
        let folder = place.make_folder("tools");
        place.make_file("tools/file", "text");
        let mut spec = place.spec(
            Level::Strict,
            &["sh", "-c", "cat /opt/deep/tools/file; touch /opt/deep/tools/x || echo no"],
        );
        spec.readable.push(sandbox::Bind { source: folder, target: "/opt/deep/tools".into() });
        assert_eq!(place.run(&spec).stdout, "textno\n");
        let at = Tree::Folder { path: place.path("tree"), at: "/some/where/else".into() };
        let moved = Spec { tree: at, cwd: "/some/where/else".into(), ..place.spec(Level::Strict, &["pwd"]) };
        assert_eq!(place.run(&moved).succeeded().stdout, "/some/where/else\n");
    });
}
