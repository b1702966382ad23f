//! SQLite's file format (<https://www.sqlite.org/fileformat2.html>), as far as reading whole trees and single rows needs it.
//! SQLite hands out the pages; what is in them is read here. Whatever is not as SQLite writes it ends the reading.

mod cursor;
mod lookup;
mod page;
mod pages;
mod record;
#[cfg(test)]
mod tests;

pub(super) use cursor::Cursor;
pub(super) use lookup::Lookup;
pub(super) use page::Kind;
pub(super) use pages::Pages;
pub(super) use record::{Raw, Record};
