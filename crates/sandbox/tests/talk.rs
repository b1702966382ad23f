//! A box that is talked with: its input and output are pipes, and the one place that it can reach is a socket of its own
//! loopback which the operator answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::net::TcpListener;

use common::{Ran, with_each_operator};
use sandbox::{Level, Network, Spec};

#[test]
fn what_is_said_arrives_and_the_input_ends() {
    with_each_operator("what_is_said_arrives_and_the_input_ends", Level::Strict, |place| {
        let ran = place
            .talk(&place.spec(Level::Strict, &["sh", "-c", "while read line; do echo heard: $line; done"]));
        assert_eq!(ran.succeeded().told("heard"), "from the operator");
        place.assert_empty();
    });
}

#[test]
fn the_operator_answers_at_the_door_and_nothing_else_is_there() {
    with_each_operator(
        "the_operator_answers_at_the_door_and_nothing_else_is_there",
        Level::Strict,
        |place| {
            let host = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = host.local_addr().unwrap().port().to_string();
            let attempt =
                |words: &[&str]| -> Ran { place.talk(&place.spec(Level::Strict, &place.attempt(words))) };
            assert_eq!(attempt(&["knock", "4017"]).succeeded().told("knock"), "you said knock");
            assert_eq!(attempt(&["connect", &port]).told("connect"), format!("errno {}", libc::ECONNREFUSED));
            place.assert_empty();
        },
    );
}

#[test]
fn a_door_is_refused_where_the_loopback_is_the_machines() {
    with_each_operator("a_door_is_refused_where_the_loopback_is_the_machines", Level::Strict, |place| {
        let spec = place.spec(Level::Strict, &["true"]);
        let ran = place.talk(&Spec { network: Network::Host, ..spec });
        assert!(ran.outcome.contains("loopback of its own"), "{ran:?}");
    });
}
