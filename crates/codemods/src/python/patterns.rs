//! The part of the walk that visits the patterns of `match`: which names they bind and which they read.

use super::scope::Bound;
use super::syntax::{Node, parts};
use super::visit::Visitor;

impl<'t> Visitor<'t> {
    pub(super) fn pattern(&mut self, node: Node<'t>) {
        if self.enter() {
            self.pattern_inside(node);
        }
        self.leave();
    }

    fn pattern_inside(&mut self, node: Node<'t>) {
        match node.kind() {
            "dotted_name" => self.capture_or_value(node),
            "identifier" => self.bind(self.name(node), Bound::Opaque),
            "class_pattern" => {
                let parts = parts(node);
                if let Some((class, arguments)) = parts.split_first() {
                    self.head(*class);
                    arguments.iter().for_each(|argument| self.pattern(*argument));
                }
            }
            "keyword_pattern" => parts(node).into_iter().skip(1).for_each(|value| self.pattern(value)),
            "string" | "concatenated_string" | "integer" | "float" | "complex_pattern" => {}
            _ => parts(node).into_iter().for_each(|part| self.pattern(part)),
        }
    }

    /// `name` captures, `a.b` is compared with.
    fn capture_or_value(&mut self, node: Node<'t>) {
        match parts(node).as_slice() {
            [name] => self.bind(self.name(*name), Bound::Opaque),
            _ => self.head(node),
        }
    }

    fn head(&mut self, dotted_name: Node<'t>) {
        if let Some(head) = parts(dotted_name).first() {
            self.load(*head);
        }
    }
}
