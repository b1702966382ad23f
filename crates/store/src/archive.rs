//! The file that a compaction leaves: lines of JSON. The first says of which journal and which compaction it is, the last
//! is signed. Between them stand the entries as `audit export --entries` writes them, in the order of intents, and the
//! recorded answers and bytes that went with them. It proves itself, and the journal knows its hash.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use domain::ids::{Sha256, Sha256Pieces};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Keeper, Signed, private};
use crate::compaction::{KeptSet, NAME};
use crate::error::{Fault, StoreError};
use crate::witness::JournalEntry;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct First {
    /// [`NAME`].
    pub(crate) archive: String,
    /// The journal's origin.
    pub(crate) origin: String,
    /// The entry that tells of the compaction.
    pub(crate) compaction: i64,
    /// In microseconds.
    pub(crate) before: i64,
    pub(crate) intents: u64,
    pub(crate) entries: u64,
    /// The lowest and the highest number of an entry in it.
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    /// Over what stays in the journal.
    pub(crate) digest: Sha256,
    /// Of all bytes before this line.
    pub(crate) content: Sha256,
    pub(crate) blobs: u64,
    pub(crate) exchanges: u64,
    /// The public key, hexadecimal, and its signature over [`signed_text`].
    pub(crate) key: String,
    pub(crate) signature: String,
}

/// Bytes: as text where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blob {
    pub(crate) blob: Sha256,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

/// A recorded answer, its columns as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) request: String,
    pub(crate) provider: String,
    pub(crate) model: Option<String>,
    pub(crate) form: String,
    pub(crate) answer: String,
    pub(crate) usage: Option<String>,
    pub(crate) at: String,
    /// The entry that it was recorded with.
    pub(crate) seq: i64,
}

/// A line.
#[derive(Debug)]
pub(crate) enum Line {
    Entry(Box<JournalEntry>),
    Answer(Box<Answer>),
    Blob(Blob),
    Last(Box<Last>),
}

impl Blob {
    pub(crate) fn new(sha256: Sha256, bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { blob: sha256, text: Some(text), hex: None },
            Err(error) => Self { blob: sha256, text: None, hex: Some(hex::encode(error.as_bytes())) },
        }
    }

    /// Whether it holds the bytes that it is named after.
    pub(crate) fn is_whole(&self) -> bool {
        match (&self.text, &self.hex) {
            (Some(text), None) => Sha256::of(text.as_bytes()) == self.blob,
            (None, Some(digits)) => hex::decode(digits).is_ok_and(|bytes| Sha256::of(&bytes) == self.blob),
            _ => false,
        }
    }
}

/// What is signed: nothing else that is ever signed begins alike.
fn signed_text(first: &First, digest: &Sha256, content: &Sha256) -> String {
    format!("{NAME}\n{}\n{}\n{digest}\n{content}\n", first.origin, first.compaction)
}

/// A file that is being written, beside its place.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    partial: PathBuf,
    out: BufWriter<File>,
    bytes: Sha256Pieces,
    first: First,
    blobs: u64,
    exchanges: u64,
}

impl Writer {
    /// Begins. What a compaction left there that never came to its end is written over.
    pub(crate) fn begin(path: &Path, first: First) -> Result<Self, StoreError> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = private().create(true).truncate(true).open(&partial).map_err(failed(&partial, "write"))?;
        let (out, bytes) = (BufWriter::new(file), Sha256Pieces::default());
        let mut writer = Self { path: path.to_owned(), partial, out, bytes, first, blobs: 0, exchanges: 0 };
        let first = writer.first.clone();
        writer.line(&first)?;
        Ok(writer)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), StoreError> {
        let failed = failed(&self.partial, "write");
        let written = serde_json::to_vec(value).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            self.bytes.add(&line);
            self.out.write_all(&line)
        });
        written.map_err(failed)
    }

    pub(crate) fn entry(&mut self, entry: &JournalEntry) -> Result<(), StoreError> {
        self.line(entry)
    }

    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<(), StoreError> {
        self.exchanges += 1;
        self.line(answer)
    }

    pub(crate) fn blob(&mut self, blob: &Blob) -> Result<(), StoreError> {
        self.blobs += 1;
        self.line(blob)
    }

    /// Signs it, and puts it in its place when it is on the disk; gives the hash of the whole file.
    pub(crate) fn finish(mut self, kept: &KeptSet, keeper: &Keeper) -> Result<Sha256, StoreError> {
        let content = self.bytes.so_far();
        let Signed { key, signature } =
            keeper.sign_text(&signed_text(&self.first, &kept.digest, &content))?;
        let (blobs, exchanges) = (self.blobs, self.exchanges);
        let last = Last { digest: kept.digest.clone(), content, blobs, exchanges, key, signature };
        self.line(&last)?;
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        flushed.map_err(failed(&self.partial, "write"))?;
        fs::rename(&self.partial, &self.path).map_err(failed(&self.path, "write"))?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed(folder, "write"))?;
        Ok(self.bytes.so_far())
    }

    /// Takes back what was written so far.
    pub(crate) fn give_up(self) {
        drop(self.out);
        let _gone_or_written_over_later = fs::remove_file(&self.partial);
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    lines: BufReader<File>,
    buffer: Vec<u8>,
    bytes: Sha256Pieces,
    /// The hash of all bytes before the line that was read last.
    before: Sha256,
    at: u64,
    pub(crate) first: First,
}

impl Reader {
    /// Opens a file; an error says in words why it is none of ours.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path).map_err(failed(path, "read"))?;
        let mut lines = BufReader::new(file);
        let mut buffer = Vec::new();
        lines.read_until(b'\n', &mut buffer).map_err(failed(path, "read"))?;
        let first: First =
            serde_json::from_slice(&buffer).ok().filter(|first: &First| first.archive == NAME).ok_or_else(
                || Fault::Archive(path.to_owned(), "it is not the file of a compaction".to_owned()),
            )?;
        let mut bytes = Sha256Pieces::default();
        bytes.add(&buffer);
        let at = buffer.len() as u64;
        Ok(Self { path: path.to_owned(), lines, buffer, before: bytes.so_far(), bytes, at, first })
    }

    /// The next line, and where it begins; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Line)>, Fault> {
        self.buffer.clear();
        self.lines.read_until(b'\n', &mut self.buffer).map_err(failed(&self.path, "read"))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let line = parse(&self.buffer).ok_or_else(|| {
            Fault::Archive(self.path.clone(), format!("a line at byte {} is none of ours", self.at))
        })?;
        if matches!(line, Line::Last(_)) {
            self.before = self.bytes.so_far();
        }
        self.bytes.add(&self.buffer);
        let begins = self.at;
        self.at += self.buffer.len() as u64;
        Ok(Some((begins, line)))
    }

    /// The hash of the file, once it was read to its end.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.bytes.so_far()
    }

    /// Whether this last line is signed, by one of these keys, for what was read.
    pub(crate) fn is_signed(&self, last: &Last, trusted: &[String]) -> bool {
        let text = signed_text(&self.first, &last.digest, &last.content);
        let signed = Signed { key: last.key.clone(), signature: last.signature.clone() };
        last.content == self.before && trusted.contains(&last.key) && signed.is_of(&text)
    }
}

fn parse(line: &[u8]) -> Option<Line> {
    let line = line.strip_suffix(b"\n")?;
    if line.starts_with(b"{\"seq\":") {
        return serde_json::from_slice(line).ok().map(|entry| Line::Entry(Box::new(entry)));
    }
    if line.starts_with(b"{\"blob\":") {
        return serde_json::from_slice(line).ok().map(Line::Blob);
    }
    if line.starts_with(b"{\"request\":") {
        return serde_json::from_slice(line).ok().map(|answer| Line::Answer(Box::new(answer)));
    }
    serde_json::from_slice(line).ok().map(|last| Line::Last(Box::new(last)))
}

/// The entries in the files of compactions, found by their numbers: 24 bytes of memory an entry.
#[derive(Debug, Default)]
pub struct Archives {
    files: Vec<(PathBuf, File)>,
    /// The number, the file's place, and where the line begins; in the order of numbers.
    places: Vec<(i64, usize, u64)>,
}

impl Archives {
    /// Looks through the files.
    ///
    /// # Errors
    /// When one of them cannot be read, or is no file of a compaction.
    pub fn open(paths: &[PathBuf]) -> Result<Self, StoreError> {
        let mut all = Self::default();
        for (file, path) in paths.iter().enumerate() {
            let mut reader = Reader::open(path).map_err(|fault| fault.at(path))?;
            while let Some((begins, line)) = reader.next().map_err(|fault| fault.at(path))? {
                if let Line::Entry(entry) = line {
                    all.places.push((entry.seq, file, begins));
                }
            }
            all.files.push((path.clone(), File::open(path).map_err(failed(path, "read"))?));
        }
        all.places.sort_unstable();
        Ok(all)
    }

    /// The whole entry of which only a stub is left, where one of the files has it; any other entry as it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn whole(&self, entry: JournalEntry) -> Result<JournalEntry, StoreError> {
        let place = self.places.partition_point(|(seq, ..)| *seq < entry.seq);
        match self.places.get(place) {
            Some((seq, file, begins)) if *seq == entry.seq && entry.compaction().is_some() => {
                let (path, file) = &self.files[*file];
                let mut file = file;
                file.seek(io::SeekFrom::Start(*begins)).map_err(failed(path, "read"))?;
                let mut line = Vec::new();
                BufReader::new(file).read_until(b'\n', &mut line).map_err(failed(path, "read"))?;
                match parse(&line) {
                    Some(Line::Entry(whole)) => Ok(*whole),
                    _ => Ok(entry),
                }
            }
            _ => Ok(entry),
        }
    }
}

/// The hash of a whole file; `None` when there is none.
pub(crate) fn sha256_of(path: &Path) -> Result<Option<Sha256>, StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed(path, "read"))?,
    };
    let mut reader = BufReader::new(file);
    let mut bytes = Sha256Pieces::default();
    loop {
        let piece = reader.fill_buf().map_err(failed(path, "read"))?;
        if piece.is_empty() {
            return Ok(Some(bytes.so_far()));
        }
        let length = piece.len();
        bytes.add(piece);
        reader.consume(length);
    }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File { path, doing, source }
}
