//! Records, bit by bit; trees are tried by those who read them.

use super::record::varint;
use super::*;

#[test]
fn a_number_ends_after_nine_bytes_at_most() {
    assert_eq!(varint(&[0x7f]), Some((127, 1)));
    assert_eq!(varint(&[0x81, 0x00, 9]), Some((128, 2)));
    assert_eq!(varint(&[0xff; 10]), Some((u64::MAX, 9)));
    assert_eq!((varint(&[0xff; 8]), varint(&[])), (None, None));
}

/// Two columns, and whether there are no more.
fn read(payload: &[u8]) -> Option<(Option<Raw<'_>>, Option<Raw<'_>>, bool)> {
    let mut record = Record::new(payload)?;
    Some((record.column(), record.column(), record.is_at_end()))
}

#[test]
fn a_record_is_read_to_its_end_and_no_further() {
    let text = Some(Raw::Text(b"ab"));
    assert_eq!(read(&[3, 17, 1, b'a', b'b', 0xff]), Some((text, Some(Raw::Number(-1)), true)));
    assert_eq!(read(&[3, 8, 9]), Some((Some(Raw::Number(0)), Some(Raw::Number(1)), true)));
    let widest = [3, 6, 5, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0];
    let widest = read(&widest).unwrap();
    assert_eq!(widest, (Some(Raw::Number(i64::MIN)), Some(Raw::Number(0x7f << 40)), true));
    // More than its columns, less than it says, and what no index of ours holds.
    assert!(!read(&[3, 0, 0, 1]).unwrap().2 && !read(&[4, 0, 0, 0]).unwrap().2);
    assert_eq!(read(&[3, 17, 1, b'a']).unwrap().0, None);
    assert!(read(&[9, 1]).is_none() && read(&[]).is_none() && read(&[0]).is_none());
    assert_eq!(
        read(&[3, 7, 14, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
        Some((Some(Raw::Float), Some(Raw::Bytes(&[9])), true))
    );
    assert!([10, 11].iter().all(|none| read(&[2, *none, 0]).unwrap().0.is_none()));
}
