//! Attempts on the network: the machine's servers and sockets, uncommon families, and the loopback that tests need.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};

use super::ground::Facts;
use super::table::{Step, any, refused};
use crate::sys::attempt::{Argument, call};

/// The attempt whose success only the receiver can see.
pub(crate) const DATAGRAM: &str = "host-datagrams";

pub(super) fn tcp(facts: &Facts) -> Vec<Step> {
    vec![any("connect to 127.0.0.1", TcpStream::connect((Ipv4Addr::LOCALHOST, facts.tcp)))]
}

/// Sending succeeds on an own loopback too; the operator sees whether anything came.
pub(super) fn datagram(facts: &Facts) -> Vec<Step> {
    let sent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.send_to(b"x", (Ipv4Addr::LOCALHOST, facts.udp)));
    let lost = sent.and_then(|_| Err::<(), _>(io::Error::other("nothing came out of the box")));
    vec![any("send to 127.0.0.1", lost)]
}

pub(super) fn unix(facts: &Facts) -> Vec<Step> {
    let by_name = SocketAddr::from_abstract_name(&facts.abstract_socket)
        .and_then(|address| UnixStream::connect_addr(&address));
    let mut steps = vec![
        any("connect to an abstract socket", by_name),
        any("connect to a socket's path", UnixStream::connect(&facts.path_socket)),
    ];
    let usual = [
        "/run/docker.sock",
        "/var/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/run/dbus/system_bus_socket",
        "/run/systemd/private",
        "/tmp/.X11-unix/X0",
        "/dev/log",
    ];
    let pair = UnixDatagram::pair().and_then(|(one, _)| one.send_to(b"x", &facts.path_datagrams));
    steps.push(any("send by one of a pair to a socket's path", pair));
    steps.extend(usual.map(|path| any(format!("connect to {path}"), UnixStream::connect(path))));
    steps
}

pub(super) fn families(_: &Facts) -> Vec<Step> {
    let families = [
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM),
        ("crypto", libc::AF_ALG, libc::SOCK_SEQPACKET),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW),
        ("netlink", libc::AF_NETLINK, libc::SOCK_RAW),
        ("bluetooth", libc::AF_BLUETOOTH, libc::SOCK_RAW),
        ("key", libc::AF_KEY, libc::SOCK_RAW),
        ("raw internet", libc::AF_INET, libc::SOCK_RAW),
    ];
    families
        .map(|(name, family, kind)| {
            let mut arguments =
                [family, kind, i32::from(family == libc::AF_INET)].map(|n| Argument::Number(n.into()));
            refused(format!("open a {name} socket"), call(libc::SYS_socket, &mut arguments))
        })
        .into()
}

pub(super) fn own_loopback(_: &Facts) -> Vec<Step> {
    vec![any("talk over 127.0.0.1", talk_to_self())]
}

fn talk_to_self() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    far.write_all(b"x")?;
    near.read_exact(&mut [0; 1])
}
