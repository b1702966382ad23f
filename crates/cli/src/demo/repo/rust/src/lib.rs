//! The cart of a small shop.

/// One thing in the cart.
pub struct Line {
    pub name: String,
    pub cents: u64,
    pub count: u64,
}

/// What somebody wants to buy.
#[derive(Default)]
pub struct Cart {
    lines: Vec<Line>,
}

impl Cart {
    pub fn add(&mut self, name: &str, cents: u64, count: u64) {
        let name = name.to_owned();
        self.lines.push(Line { name: name, cents, count });
    }

    pub fn can_be_paid(&self) -> bool {
        self.lines.len() > 0
    }

    pub fn total(&self) -> u64 {
        let sum = self.lines.iter().map(|line| line.cents * line.count).sum();
        return sum;
    }

    pub fn names(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.name.as_str()).collect()
    }
}
