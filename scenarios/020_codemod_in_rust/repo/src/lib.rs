//! Doubles numbers.

/// Twice as much.
pub fn double(n: u32) -> u32 {
    return n * 2;
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_is_doubled() {
        assert_eq!(super::double(2), 4);
    }
}
