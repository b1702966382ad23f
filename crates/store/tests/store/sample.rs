//! Writes the sample rows that a migration is tested with; see docs/recipes/migration.md.

use crate::place::{Place, TABLES};
use crate::story::{Story, finding};

#[tokio::test]
#[ignore = "writes migrations/samples/ of the present format anew"]
async fn write_the_sample_of_the_present_format() {
    let place = Place::sqlite();
    let store = place.open().await;
    for number in 1..=9 {
        Story::new(number).tell(&store, (number % 2 == 0).then(|| finding("x == None"))).await;
    }
    let mut under_way = Story::new(10);
    under_way.begin(&store, Some(finding("x == None"))).await.unwrap();
    under_way.ask(&store, 700).await.unwrap();
    store.put_cached(&under_way.request(), b"baseline", under_way.at).await.unwrap();
    crate::agents::sample(&store).await;
    let format = place.texts("SELECT CAST(user_version AS TEXT) FROM pragma_user_version").await.remove(0);
    let mut text = format!("-- Rows as format {format} wrote them; see docs/recipes/migration.md.\n");
    for table in TABLES {
        text += &rows(&place, table).await;
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/samples");
    std::fs::write(format!("{root}/{format:0>4}.sql"), text).unwrap();
}

async fn rows(place: &Place, table: &str) -> String {
    let columns = place.columns(table).await;
    let quoted: Vec<String> = columns.iter().map(|c| format!("quote({c})")).collect();
    let rows = place.texts(&format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ', ' || "))).await;
    let columns = columns.join(", ");
    rows.iter().map(|row| format!("INSERT INTO {table} ({columns}) VALUES ({row});\n")).collect()
}
