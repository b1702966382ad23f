//! Messages as a server sends them, and all sorts of others.

use futures_util::stream::{self, StreamExt as _};

use super::*;

const KINDS: [Kind; 4] = [Kind::Number, Kind::Text, Kind::Bytes, Kind::Other];

/// What stands before the first row, with so many bytes of a later version.
fn begin(more: usize) -> Vec<u8> {
    let length = i32::try_from(more).unwrap().to_be_bytes();
    [SIGNATURE, &0_i32.to_be_bytes(), &length, &vec![9; more]].concat()
}

fn row_of(columns: &[Option<&[u8]>]) -> Vec<u8> {
    let mut row = i16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for column in columns {
        let length = column.map_or(NULL, |bytes| i32::try_from(bytes.len()).unwrap());
        row.extend(length.to_be_bytes());
        row.extend_from_slice(column.unwrap_or_default());
    }
    row
}

fn end() -> Vec<u8> {
    END.to_be_bytes().to_vec()
}

/// The rows, a line each; what went before in any case.
async fn read(messages: Vec<Vec<u8>>) -> (Vec<String>, Result<(), Stopped>) {
    let messages = messages.into_iter().map(Ok::<_, sqlx::Error>);
    let mut rows = Copied::new(stream::iter(messages).boxed(), KINDS.to_vec());
    let mut lines = Vec::new();
    loop {
        match rows.advance().await {
            Ok(true) => lines.push(format!("{:?}", rows.cells().collect::<Vec<_>>())),
            Ok(false) => return (lines, Ok(())),
            Err(stopped) => return (lines, Err(stopped)),
        }
    }
}

async fn is_odd(messages: Vec<Vec<u8>>) -> bool {
    matches!(read(messages).await.1, Err(Stopped::Odd))
}

fn full() -> Vec<u8> {
    row_of(&[Some(&(-3_i64).to_be_bytes()), Some("é".as_bytes()), Some(b"\0\xff"), Some(b"?")])
}

const FULL: &str = "[Number(-3), Text(\"é\"), Bytes([0, 255]), Other]";

#[tokio::test]
async fn each_column_is_read_in_its_type_and_a_null_is_told_from_what_is_empty() {
    let empty = row_of(&[Some(&i64::MAX.to_be_bytes()), Some(b""), Some(b""), None]);
    let none = row_of(&[None, None, None, None]);
    let messages = vec![[begin(0), full()].concat(), empty, none, end()];
    let (lines, ended) = read(messages).await;
    ended.unwrap();
    let wanted = [
        FULL.to_owned(),
        format!("[Number({}), Text(\"\"), Bytes([]), Null]", i64::MAX),
        "[Null, Null, Null, Null]".to_owned(),
    ];
    assert_eq!(lines, wanted);
    // What is not of its column's type is nothing of ours.
    let other = row_of(&[Some(b"1234"), Some(b"\xff"), None, Some(b"")]);
    let (lines, ended) = read(vec![begin(0), other, end()]).await;
    ended.unwrap();
    assert_eq!(lines, ["[Other, Other, Null, Other]"]);
}

#[tokio::test]
async fn rows_are_found_whichever_way_they_are_put_into_messages() {
    for more in [0, 7] {
        let whole = [begin(more), full(), full(), end()].concat();
        let apart = vec![begin(more), full(), Vec::new(), [full(), end()].concat()];
        for messages in [vec![whole], apart] {
            let (lines, ended) = read(messages).await;
            ended.unwrap();
            assert_eq!(lines, [FULL, FULL]);
        }
    }
    let (lines, ended) = read(vec![begin(0), end()]).await;
    assert!(ended.is_ok() && lines.is_empty());
}

#[tokio::test]
async fn what_ends_early_or_goes_on_behind_its_end_is_odd_at_each_place() {
    let whole = [begin(3), full(), full(), end()].concat();
    for length in 0..whole.len() {
        let (lines, ended) = read(vec![whole[..length].to_vec()]).await;
        assert!(matches!(ended, Err(Stopped::Odd)) && lines.len() <= 2, "{length}");
    }
    assert!(is_odd(Vec::new()).await);
    assert!(is_odd(vec![[whole.clone(), full()].concat()]).await);
    assert!(is_odd(vec![whole.clone(), full()]).await);
    assert!(is_odd(vec![whole.clone(), Vec::new()]).await);
    read(vec![whole]).await.1.unwrap();
}

#[tokio::test]
async fn odd_counts_lengths_and_heads_are_refused() {
    let mut long = full();
    long[2..6].copy_from_slice(&i32::MAX.to_be_bytes());
    let mut negative = full();
    negative[2..6].copy_from_slice(&(-2_i32).to_be_bytes());
    let few = row_of(&[None, None, None]);
    let many = row_of(&[None, None, None, None, None]);
    for row in [long, negative, few, many, vec![0x80, 0], vec![0xff, 0xfe]] {
        assert!(is_odd(vec![[begin(0), row.clone(), end()].concat()]).await, "{row:?}");
    }
    let mut numbered = begin(0);
    numbered[SIGNATURE.len() + 1] = 1;
    let mut before = begin(0);
    before[SIGNATURE.len() + 4..].copy_from_slice(&(-1_i32).to_be_bytes());
    let mut text = begin(0);
    text[7] = b'\r';
    for head in [numbered, before, text] {
        assert!(is_odd(vec![[head.clone(), full(), end()].concat()]).await, "{head:?}");
    }
    assert!(is_odd(vec![[begin(0), begin(0), end()].concat()]).await, "a second head");
}

#[tokio::test]
async fn what_the_server_says_instead_of_a_row_is_passed_on() {
    let messages = vec![Ok([begin(0), full()].concat()), Err(sqlx::Error::WorkerCrashed)];
    let mut rows = Copied::new(stream::iter(messages).boxed(), KINDS.to_vec());
    assert!(rows.advance().await.unwrap());
    assert!(matches!(rows.advance().await, Err(Stopped::Sql(_))));
}
