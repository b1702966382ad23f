//! What becomes of a tree: changes land where they belong, the base is never written, the operator can remove all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

mod common;

use std::collections::BTreeSet;

use common::{Place, with_each_operator};
use sandbox::{Level, Spec, Tree};

/// Overlays also need a file system that takes them.
fn with_overlay(name: &str, test: impl Fn(&Place)) {
    with_each_operator(name, Level::Strict, |place| match place.machine().why_no_overlay {
        None => test(place),
        Some(why) => common::skip(name, &format!("an overlay as {:?} ({why})", place.operator)),
    });
}

fn names(place: &Place, folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(place.path(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn changes_land_in_the_upper_layer_and_the_base_stays_as_it_was() {
    with_overlay("changes_land_in_the_upper_layer_and_the_base_stays_as_it_was", |place| {
        place.make_file("lower/kept", "kept");
        place.make_file("lower/changed", "old");
        place.make_file("lower/removed", "old");
        place.make_folder("lower/folder");
        place.make_file("lower/folder/deep", "old");
        let script = "echo more >> changed; rm removed; mkdir new; echo x > new/file; mv folder/deep folder/moved; \
                      chmod 755 kept; mv folder gone 2>/dev/null || cp -r folder copied; cat changed";
        assert_eq!(place.run(&place.overlay_spec(&["sh", "-c", script])).succeeded().stdout, "oldmore\n");
        let base: BTreeSet<String> = ["kept", "changed", "removed", "folder"].map(str::to_owned).into();
        assert_eq!(names(place, "lower"), base);
        for (name, text) in [("kept", "kept"), ("changed", "old"), ("removed", "old"), ("folder/deep", "old")]
        {
            assert_eq!(place.read(&format!("lower/{name}")), text);
        }
        assert_eq!(place.read("upper/changed"), "oldmore\n");
        assert_eq!(place.read("upper/new/file"), "x\n");
    });
}

#[test]
fn a_second_command_sees_what_the_first_left() {
    with_overlay("a_second_command_sees_what_the_first_left", |place| {
        place.make_file("lower/file", "base\n");
        place
            .run(&place.overlay_spec(&["sh", "-c", "echo one >> file; rm -f nothing; mkdir cache"]))
            .succeeded();
        place.run(&place.overlay_spec(&["sh", "-c", "echo two >> file; rmdir cache"])).succeeded();
        assert_eq!(place.run(&place.overlay_spec(&["cat", "file"])).succeeded().stdout, "base\none\ntwo\n");
    });
}

#[test]
fn a_box_that_was_killed_leaves_a_tree_that_can_be_used_again() {
    with_overlay("a_box_that_was_killed_leaves_a_tree_that_can_be_used_again", |place| {
        let mut spec = place.overlay_spec(&["sh", "-c", "echo x > made; sleep 600"]);
        spec.limits.wall = std::time::Duration::from_millis(300);
        assert_eq!(place.run(&spec).outcome, "TimedOut");
        assert_eq!(place.run(&place.overlay_spec(&["cat", "made"])).succeeded().stdout, "x\n");
    });
}

#[test]
fn an_overlay_that_grows_beyond_its_bound_ends_the_box() {
    with_overlay("an_overlay_that_grows_beyond_its_bound_ends_the_box", |place| {
        place.make_file("lower/large", &"x".repeat(20 << 20));
        let many =
            "mkdir -p a/b; for i in $(seq 1 300); do head -c 100000 /dev/zero > a/b/$i; done; sleep 600";
        let mut spec = place.overlay_spec(&["sh", "-c", many]);
        spec.limits.tree_bytes = Some(8 << 20);
        spec.limits.wall = std::time::Duration::from_secs(60);
        assert_eq!(place.run(&spec).outcome, "DiskLimit");
        let mut spec = place.overlay_spec(&["sh", "-c", "rm -r a; sleep 2"]);
        spec.limits.tree_bytes = Some(8 << 20);
        place.run(&spec).succeeded();
    });
}

#[test]
fn boxes_at_the_same_time_share_a_base() {
    with_overlay("boxes_at_the_same_time_share_a_base", |place| {
        place.make_file("lower/file", "base\n");
        let specs = ["1", "2", "3", "4"].map(|name| {
            let [upper, work] = ["upper", "work"].map(|kind| place.make_folder(&format!("{kind}{name}")));
            let tree = Tree::Overlay {
                lower: place.path("lower"),
                layers: Vec::new(),
                upper,
                work,
                at: "/tree".into(),
            };
            Spec { tree, ..place.overlay_spec(&["sh", "-c", &format!("echo {name} >> file; cat file")]) }
        });
        let started: Vec<_> = specs.iter().map(|spec| place.start(spec)).collect();
        for (child, name) in started.into_iter().zip(["1", "2", "3", "4"]) {
            assert_eq!(common::finish(child).succeeded().stdout, format!("base\n{name}\n"));
        }
        assert_eq!(place.read("lower/file"), "base\n");
    });
}

#[test]
fn what_one_box_wrote_is_the_lower_layer_of_the_next() {
    with_overlay("what_one_box_wrote_is_the_lower_layer_of_the_next", |place| {
        place.make_file("lower/base", "base\n");
        place.make_file("lower/gone", "base\n");
        let script = "mkdir cache; echo one > cache/one; echo two > cache/two; rm gone";
        place.run(&place.overlay_spec(&["sh", "-c", script])).succeeded();
        let over = |layers: Vec<std::path::PathBuf>, name: &str, script: &str| {
            let [upper, work] = ["upper", "work"].map(|kind| place.make_folder(&format!("{kind}{name}")));
            let tree = Tree::Overlay { lower: place.path("lower"), layers, upper, work, at: "/tree".into() };
            place.run(&Spec { tree, ..place.overlay_spec(&["sh", "-c", script]) }).succeeded().stdout.clone()
        };
        let first = place.path("upper");
        let seen = over(vec![first.clone()], "2", "ls; cat cache/*; echo more >> cache/one; rm cache/two");
        assert_eq!(seen, "base\ncache\none\ntwo\n");
        let seen = over(vec![place.path("upper2"), first], "3", "ls . cache; cat cache/one base");
        assert_eq!(seen, ".:\nbase\ncache\n\ncache:\none\none\nmore\nbase\n");
        assert_eq!(place.read("upper/cache/one"), "one\n", "a layer is never written");
    });
}

#[test]
fn what_a_box_leaves_is_removed_wholly_by_its_operator() {
    with_overlay("what_a_box_leaves_is_removed_wholly_by_its_operator", |place| {
        let script = "mkdir -p a/b/c; touch a/b/c/d; chmod 0 a/b/c a/b; ln -s /etc/passwd link; mkfifo pipe; chmod 0 a";
        place.run(&place.overlay_spec(&["sh", "-c", script])).succeeded();
        place.shell(Level::Strict, script).succeeded();
        for name in ["tree", "upper", "work", "lower"] {
            place.remove_as_operator(name);
            assert!(!place.path(name).exists(), "{name}");
        }
    });
}

#[test]
fn the_commands_files_can_be_read_by_the_operator() {
    with_each_operator("the_commands_files_can_be_read_by_the_operator", Level::Strict, |place| {
        place.make_file("tree/given", "given");
        place.shell(Level::Strict, "echo more >> given; mkdir made; echo x > made/file").succeeded();
        assert_eq!(
            (place.read("tree/given"), place.read("tree/made/file")),
            ("givenmore\n".into(), "x\n".into())
        );
    });
}

#[test]
fn a_base_with_odd_characters_in_its_path_is_mounted() {
    with_overlay("a_base_with_odd_characters_in_its_path_is_mounted", |place| {
        let odd = "odd:, \\ 'name";
        place.make_folder(odd);
        let [lower, upper, work] =
            ["l:1", "u,2", "w\\3"].map(|name| place.make_folder(&format!("{odd}/{name}")));
        place.make_file(&format!("{odd}/l:1/file"), "base");
        let tree = Tree::Overlay { lower, layers: Vec::new(), upper, work, at: "/tree".into() };
        let spec = Spec { tree, ..place.overlay_spec(&["sh", "-c", "echo x >> file; cat file"]) };
        assert_eq!(place.run(&spec).succeeded().stdout, "basex\n");
    });
}
