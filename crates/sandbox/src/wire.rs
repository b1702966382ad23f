//! The messages between operator, helper and the box's first process. Private to one build: both ends are the
//! same binary, so the format needs no version. Must not carry anything the command printed.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::spec::{Spec, Tree};

/// The first message from the operator to the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Run(Box<Spec>, Ties),
    Probe(Option<Tree>),
}

/// What ties a running box to its operator, beside the outcome.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Ties {
    /// A descriptor follows the request: the command's standard input.
    pub(crate) input: bool,
    /// A listening socket on this port of the box's own loopback is to be sent back.
    pub(crate) door: Option<u16>,
}

/// After the request the operator sends at most single bytes; the end of the stream means that it died.
pub(crate) const CANCEL: u8 = b'T';
pub(crate) const KILL: u8 = b'K';

/// The one answer of the helper to a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) how: How,
    pub(crate) wall_micros: u64,
    pub(crate) max_rss_kib: u64,
    pub(crate) leftovers_killed: u32,
    pub(crate) refused_processes: u64,
}

/// How a run ended, as the helper knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How {
    Exited { code: i32 },
    Signalled { signal: i32 },
    TimedOut,
    Cancelled,
    DiskLimit,
    MemoryLimit,
    SetupFailed { what: String },
    ExecFailed { what: String },
}

/// From the box's first process (and from the command before its exec) to the helper, one JSON text a line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Note {
    /// The first process has unshared its user namespace and waits for the mapping.
    MapMe,
    /// Probing: everything was set up.
    Ready,
    SetupFailed(String),
    ExecFailed(String),
    Ended {
        how: How,
        max_rss_kib: u64,
        leftovers: u32,
    },
}

/// Bytes of a request above which it is taken for damage.
const MAX_MESSAGE: u32 = 16 << 20;

/// Writes one message with its length in front.
pub(crate) fn send<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= MAX_MESSAGE);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "message too long"))?;
    let mut framed = length.to_le_bytes().to_vec();
    framed.extend(body);
    to.write_all(&framed)
}

/// Reads one message. The end of the stream is an error of kind `UnexpectedEof`.
pub(crate) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message too long"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// Sends one descriptor with a single byte, because a message must have one.
pub(crate) fn send_fd(to: &UnixStream, fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    if !rights.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(to, &[IoSlice::new(b"F")], &mut rights, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Reads what is there: bytes into `buffer` with their number, and the descriptors that came with them. The byte that
/// [`send_fd`] sends is the last of a read (the kernel stops behind it) and is not counted.
pub(crate) fn receive_with_fds(from: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(from.as_fd(), &mut [IoSliceMut::new(buffer)], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    let fds = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let fds: Vec<OwnedFd> = fds.flatten().collect();
    Ok((if fds.is_empty() { got.bytes } else { got.bytes.saturating_sub(1) }, fds))
}

/// Waits for one descriptor.
pub(crate) fn receive_fd(from: &UnixStream) -> io::Result<OwnedFd> {
    let (_, fds) = receive_with_fds(from, &mut [0])?;
    fds.into_iter().next().ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

/// Writes one note as a line. A failure is not reported: the reader is gone, and with it the box.
pub(crate) fn note(mut to: impl Write, note: &Note) {
    if let Ok(mut line) = serde_json::to_vec(note) {
        line.push(b'\n');
        let _ = to.write_all(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_and_a_cut_one_is_an_error() {
        let mut bytes = Vec::new();
        send(&mut bytes, &How::Exited { code: 3 }).unwrap();
        assert_eq!(receive::<How>(bytes.as_slice()).unwrap(), How::Exited { code: 3 });
        for cut in 0..bytes.len() {
            assert!(receive::<How>(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_descriptor_comes_back_and_stays_apart_from_the_bytes_around_it() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"before").unwrap();
        send_fd(&ours, std::fs::File::open("/dev/null").unwrap().as_fd()).unwrap();
        ours.write_all(b"after").unwrap();
        let mut buffer = [0; 64];
        let (mut bytes, mut found) = (Vec::new(), 0);
        while bytes.len() < b"beforeafter".len() {
            let (count, fds) = receive_with_fds(&theirs, &mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..count]);
            found += fds.len();
        }
        assert_eq!((bytes.as_slice(), found), (b"beforeafter".as_slice(), 1));
        drop(ours);
        assert!(receive_fd(&theirs).is_err());
    }

    #[test]
    fn an_absurd_length_is_refused_before_memory_is_taken() {
        assert!(receive::<How>([0xff; 8].as_slice()).is_err());
    }
}
