//! A strict box with the machine's network: it fetches, and nothing else of the machine opens with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;

use common::{Place, Ran, skip, with_each_operator};
use sandbox::{Level, Network, Spec};

fn connected(place: &Place, words: &[&str]) -> Ran {
    let spec = place.spec(Level::Strict, &place.attempt(words));
    place.run(&Spec { network: Network::Host, ..spec })
}

fn shell(place: &Place, script: &str) -> Ran {
    let spec = place.spec(Level::Strict, &["sh", "-c", script]);
    place.run(&Spec { network: Network::Host, ..spec })
}

#[test]
fn the_machines_network_is_there_only_when_it_was_asked_for() {
    with_each_operator("the_machines_network_is_there_only_when_it_was_asked_for", Level::Strict, |place| {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let port = tcp.local_addr().unwrap().port().to_string();
        assert_eq!(connected(place, &["connect", &port]).told("connect"), "ok");
        assert_ne!(place.try_in_box(Level::Strict, &["connect", &port]).told("connect"), "ok");
        let port = udp.local_addr().unwrap().port().to_string();
        assert_eq!(connected(place, &["udp", &port]).told("udp"), "ok");
        udp.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        assert_eq!(udp.recv(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn sockets_by_path_or_name_stay_closed_beside_the_machines_network() {
    with_each_operator(
        "sockets_by_path_or_name_stay_closed_beside_the_machines_network",
        Level::Strict,
        |place| {
            let name = format!("codex-task-{}", place.marker());
            let _by_name = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
            let closed = format!("errno {}", libc::EAFNOSUPPORT);
            assert_eq!(connected(place, &["abstract", &name]).told("abstract"), closed);
            // In the tree, where the box does see it.
            let (stream, datagrams) = (place.path("tree/stream"), place.path("tree/datagrams"));
            let _by_path = (UnixListener::bind(&stream).unwrap(), UnixDatagram::bind(&datagrams).unwrap());
            for socket in [&stream, &datagrams] {
                std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o777)).unwrap();
            }
            assert_eq!(connected(place, &["path-socket", "/tree/stream"]).told("path-socket"), closed);
            let pair = ["datagram-pair", "/tree/datagrams"];
            assert_eq!(connected(place, &pair).told("datagram-pair"), format!("errno {}", libc::EACCES));
            assert_eq!(place.try_in_box(Level::Strict, &pair).told("datagram-pair"), "ok", "the control");
            assert_eq!(connected(place, &["pair"]).told("pair"), "ok", "pairs of streams are of use");
            let ran = connected(place, &["families"]);
            for family in ["vsock", "alg", "packet", "bluetooth", "netlink", "unix"] {
                assert_eq!(ran.told(family), closed, "{family}");
            }
        },
    );
}

#[test]
fn it_serves_nobody() {
    with_each_operator("it_serves_nobody", Level::Strict, |place| {
        let found = connected(place, &["serve"]);
        match landlock_version() {
            version if version >= 4 => {
                assert_eq!(found.told("serve"), format!("errno {}", libc::EACCES));
            }
            version => skip("it_serves_nobody", &format!("Landlock 4, not {version}")),
        }
        assert_eq!(place.try_in_box(Level::Strict, &["serve"]).told("serve"), "ok", "the control");
    });
}

#[test]
fn names_and_certificates_are_found_and_the_rest_of_the_machine_is_not() {
    with_each_operator(
        "names_and_certificates_are_found_and_the_rest_of_the_machine_is_not",
        Level::Strict,
        |place| {
            for name in ["/etc/resolv.conf", "/etc/hosts"] {
                let Ok(text) = std::fs::read_to_string(name) else { continue };
                assert_eq!(shell(place, &format!("cat {name}")).succeeded().stdout, text, "{name}");
            }
            if Path::new("/etc/ssl/certs").is_dir() {
                shell(place, "ls /etc/ssl/certs >/dev/null").succeeded();
            }
            let secret = place.make_file("secret", "secret");
            let (outside, home) = (secret.to_str().unwrap(), "/root/.ssh");
            for path in [outside, home, "/etc/shadow", "/etc/ssh", "/run/dbus", "/var/log"] {
                assert_ne!(shell(place, &format!("ls {path}")).outcome, "Exited { code: 0 }", "{path}");
            }
            assert_eq!(shell(place, "ls / | grep -c sys").stdout, "0\n");
            let processes = shell(place, "ls /proc | grep -c '^[0-9]'");
            assert!(processes.stdout.trim().parse::<u32>().unwrap() < 8, "{processes:?}");
        },
    );
}

#[test]
fn weak_has_no_network_to_give() {
    let place = Place::new(common::Operator::Myself);
    let spec = Spec { network: Network::Host, ..place.spec(Level::Weak, &["true"]) };
    assert!(spec.check().unwrap_err().to_string().contains("network"));
    Spec { network: Network::None, ..spec }.check().unwrap();
}

/// Which version of Landlock the kernel has; 0 for none.
fn landlock_version() -> i64 {
    const CREATE_RULESET_VERSION: usize = 1;
    #[expect(unsafe_code, reason = "there is no safe way to ask")]
    // SAFETY: with this flag the call only gives a number; it takes a null pointer and no length.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    version.max(0)
}
