//! One record as SQLite stores it: <https://www.sqlite.org/fileformat2.html#record_format>. Whatever an index of ours never
//! holds (floats, bytes, types that do not exist) is no record here.

use super::super::super::audit::indexes::Value;

/// A number of one to nine bytes, seven bits each but for the last; and how many bytes it takes.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (place, byte) in bytes.iter().take(8).enumerate() {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, place + 1));
        }
    }
    bytes.get(8).map(|last| (number << 8 | u64::from(*last), 9))
}

/// What is left of a record.
pub(super) struct Record<'p> {
    types: &'p [u8],
    content: &'p [u8],
}

impl<'p> Record<'p> {
    /// The whole of it.
    pub(super) fn new(payload: &'p [u8]) -> Option<Self> {
        let (head, width) = varint(payload)?;
        let (head, content) = payload.split_at_checked(usize::try_from(head).ok()?)?;
        Some(Self { types: head.get(width..)?, content })
    }

    /// The next column.
    pub(super) fn column(&mut self) -> Option<Value<'p>> {
        let (kind, width) = varint(self.types)?;
        self.types = &self.types[width..];
        match kind {
            0 => Some(Value::Null),
            1..=4 => self.number(kind as usize),
            5 => self.number(6),
            6 => self.number(8),
            8 | 9 => Some(Value::Number(kind.cast_signed() - 8)),
            13.. if kind % 2 == 1 => self.take(usize::try_from((kind - 13) / 2).ok()?).map(Value::Text),
            _ => None,
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.types.is_empty() && self.content.is_empty()
    }

    fn number(&mut self, width: usize) -> Option<Value<'p>> {
        let bytes = self.take(width)?;
        // Its highest bit is the sign.
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        Some(Value::Number(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))))
    }

    fn take(&mut self, length: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.content.split_at_checked(length)?;
        self.content = rest;
        Some(taken)
    }
}
