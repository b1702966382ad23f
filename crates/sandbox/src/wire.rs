//! The messages between operator, helper and the box's first process. Private to one build: both ends are the
//! same binary, so the format needs no version. Must not carry anything the command printed.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::spec::{Spec, Tree};

/// The first message from the operator to the helper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Run(Box<Spec>),
    Probe(Option<Tree>),
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
    fn an_absurd_length_is_refused_before_memory_is_taken() {
        assert!(receive::<How>([0xff; 8].as_slice()).is_err());
    }
}
