//! What the cart promises.

use shop::Cart;

#[test]
fn an_empty_cart_cannot_be_paid() {
    assert!(!Cart::default().can_be_paid());
}

#[test]
fn the_total_counts_every_piece() {
    let mut cart = Cart::default();
    cart.add("tea", 350, 2);
    cart.add("milk", 120, 1);
    assert!(cart.can_be_paid());
    assert_eq!(cart.total(), 820);
    assert_eq!(cart.names(), ["tea", "milk"]);
}
