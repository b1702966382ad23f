//! What holds where user namespaces are forbidden, and what is lost there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;

use common::{Place, with_each_operator};
use sandbox::{Bind, Level};

fn weak(name: &str, test: impl Fn(&Place)) {
    with_each_operator(name, Level::Weak, test);
}

#[test]
fn nothing_outside_of_tree_and_scratch_can_be_written() {
    weak("nothing_outside_of_tree_and_scratch_can_be_written", |place| {
        let outside = place.make_file("outside", "mine");
        for path in [
            "/tmp/codex-task-weak-test",
            "/etc/passwd",
            "/dev/shm/codex-task",
            "/proc/sys/kernel/core_pattern",
        ]
        .into_iter()
        .chain([outside.to_str().unwrap(), "/usr/new"])
        {
            let ran = place.try_in_box(Level::Weak, &["write", path]);
            assert!(ran.told("write").starts_with("errno"), "{path}: {ran:?}");
        }
        let inside = place.path("tree/new");
        assert_eq!(place.try_in_box(Level::Weak, &["write", inside.to_str().unwrap()]).told("write"), "ok");
        assert_eq!(place.read("outside"), "mine");
    });
}

#[test]
fn only_the_allowed_paths_can_be_read() {
    weak("only_the_allowed_paths_can_be_read", |place| {
        let outside = place.make_file("outside", "mine");
        for path in ["/etc/shadow", "/root/.bashrc", "/dev/vda", outside.to_str().unwrap()] {
            let ran = place.try_in_box(Level::Weak, &["read", path]);
            assert!(ran.told("read").starts_with("errno"), "{path}: {ran:?}");
        }
        for path in ["/", "/root", "/home", place.path("").to_str().unwrap()] {
            let ran = place.try_in_box(Level::Weak, &["list", path]);
            assert!(ran.told("list").starts_with("errno"), "{path}: {ran:?}");
        }
        assert_eq!(place.try_in_box(Level::Weak, &["read", "/usr/bin/env"]).told("read"), "ok");
    });
}

#[test]
fn no_socket_opens_and_pairs_do() {
    weak("no_socket_opens_and_pairs_do", |place| {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let path = place.path("tree/socket");
        let _unix = UnixListener::bind(&path).unwrap();
        let refused = format!("errno {}", libc::EACCES);
        let tcp = tcp.local_addr().unwrap().port().to_string();
        let udp = udp.local_addr().unwrap().port().to_string();
        assert_eq!(place.try_in_box(Level::Weak, &["connect", &tcp]).told("connect"), refused);
        assert_eq!(place.try_in_box(Level::Weak, &["udp", &udp]).told("udp"), refused);
        assert_eq!(
            place.try_in_box(Level::Weak, &["path-socket", path.to_str().unwrap()]).told("path-socket"),
            refused
        );
        assert_eq!(place.try_in_box(Level::Weak, &["pair"]).told("pair"), "ok");
    });
}

#[test]
fn calls_that_lead_out_are_refused() {
    weak("calls_that_lead_out_are_refused", |place| {
        let ran = place.try_in_box(Level::Weak, &["calls"]);
        assert!(ran.stdout.lines().count() == 24 && !ran.stdout.contains("ok"), "{ran:?}");
    });
}

#[test]
fn processes_outside_cannot_be_signalled() {
    weak("processes_outside_cannot_be_signalled", |place| {
        let machine = place.machine();
        if machine.landlock_abi < 6 {
            return common::skip("processes_outside_cannot_be_signalled", "Landlock 6");
        }
        let mut other = place.sleeper();
        let ran = place.try_in_box(Level::Weak, &["kill", &other.id().to_string()]);
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(ran.told("kill"), format!("errno {}", libc::EPERM));
    });
}

#[test]
fn root_is_given_up_and_closed_homes_stay_reachable_where_they_are_bound() {
    let name = "root_is_given_up_and_closed_homes_stay_reachable_where_they_are_bound";
    if !common::is_root_or_says_so(name) {
        return;
    }
    weak(name, |place| {
        use std::os::unix::fs::PermissionsExt;
        let home = place.make_folder("home");
        place.make_folder("home/tools");
        place.make_file("home/tools/file", "tool");
        place.make_file("home/secret", "secret");
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
        let script =
            "id -u; cat ../home/tools/file; cat ../home/secret || echo -closed; chmod 777 ../home || echo no";
        let mut spec = place.spec(Level::Weak, &["sh", "-c", script]);
        spec.readable.push(Bind::same(place.path("home/tools")));
        let ran = place.run(&spec);
        let mode_kept = place.is_operated_by_root();
        let end = if mode_kept { "no\n" } else { "" };
        assert_eq!(ran.stdout, format!("65534\ntool-closed\n{end}"), "{ran:?}");
    });
}

#[test]
fn a_daemon_and_its_family_are_killed() {
    weak("a_daemon_and_its_family_are_killed", |place| {
        let script = "for i in 1 2 3; do setsid sh -c 'sleep 600 & sleep 600' & done; sleep 0.2";
        let ran = place.shell(Level::Weak, script);
        assert!(ran.succeeded().leftovers >= 6, "{ran:?}");
        place.assert_empty();
    });
}
