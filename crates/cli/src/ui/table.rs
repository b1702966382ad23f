//! Plain tables: columns with blanks between them, no frames, so that they read the same in a log.

use comfy_table::{ContentArrangement, Table, presets};

/// A table with a head line. Cells may hold colours.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.to_vec());
    for row in rows {
        table.add_row(row);
    }
    // Every cell is padded on both sides; the first column begins at the margin all the same.
    let lines = table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}
