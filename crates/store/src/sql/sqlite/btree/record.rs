//! One record as SQLite stores it: <https://www.sqlite.org/fileformat2.html#record_format>.

/// A number of one to nine bytes, seven bits each but for the last; and how many bytes it takes.
#[inline]
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

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Raw<'p> {
    Null,
    Number(i64),
    /// A float, which we never write.
    Float,
    Text(&'p [u8]),
    Bytes(&'p [u8]),
}

/// What is left of a record.
pub(in super::super) struct Record<'p> {
    types: &'p [u8],
    content: &'p [u8],
}

impl<'p> Record<'p> {
    /// The whole of it.
    pub(in super::super) fn new(payload: &'p [u8]) -> Option<Self> {
        let (head, width) = varint(payload)?;
        let (head, content) = payload.split_at_checked(usize::try_from(head).ok()?)?;
        Some(Self { types: head.get(width..)?, content })
    }

    // Inlined, a column needs not go through memory, which took as long as the reading itself.
    /// The next column. `None` at the end and for what is none; [`Self::has_more`] tells them apart.
    #[inline]
    pub(in super::super) fn column(&mut self) -> Option<Raw<'p>> {
        let (kind, width) = varint(self.types)?;
        self.types = &self.types[width..];
        match kind {
            0 => Some(Raw::Null),
            1..=4 => self.number(kind as usize),
            5 => self.number(6),
            6 => self.number(8),
            7 => self.take(8).map(|_| Raw::Float),
            8 | 9 => Some(Raw::Number(kind.cast_signed() - 8)),
            10 | 11 => None,
            12.. => {
                let bytes = self.take(usize::try_from((kind - 12) / 2).ok()?)?;
                Some(if kind % 2 == 0 { Raw::Bytes(bytes) } else { Raw::Text(bytes) })
            }
        }
    }

    /// Whether a column is left.
    pub(in super::super) fn has_more(&self) -> bool {
        !self.types.is_empty()
    }

    /// Whether nothing is left.
    pub(in super::super) fn is_at_end(&self) -> bool {
        self.types.is_empty() && self.content.is_empty()
    }

    fn number(&mut self, width: usize) -> Option<Raw<'p>> {
        let bytes = self.take(width)?;
        // Its highest bit is the sign.
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        Some(Raw::Number(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))))
    }

    fn take(&mut self, length: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.content.split_at_checked(length)?;
        self.content = rest;
        Some(taken)
    }
}
