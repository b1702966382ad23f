//! Taking a branch back, and back again; and what undo refuses to touch.

use testkit::KillAfter;

use crate::support::Place;
use crate::tell::{Tale, Told};

fn published() -> Told {
    let told = Tale::PUBLISHED.begin();
    told.place.ends_with(0, Tale::PUBLISHED.commands[0]);
    told
}

fn branch(place: &Place) -> String {
    place.intent().publication.unwrap().reference
}

#[test]
fn undo_twice_gives_the_very_same_branch_and_can_go_on_so() {
    let told = published();
    let place = &told.place;
    let (there, untouched) = (place.own_refs(), place.digest());
    for _ in 0..2 {
        place.ends_with(0, &["undo"]);
        assert_eq!(place.intent().status(), "undone");
        place.assert_refs_told();
        place.ends_with(0, &["undo"]);
        assert_eq!((place.intent().status(), place.own_refs()), ("published", there.clone()));
    }
    place.assert_untouched(&untouched);
    place.assert_nothing_left();
}

#[test]
fn a_branch_with_somebody_s_work_on_it_is_left_alone() {
    let told = published();
    let place = &told.place;
    let branch = branch(place);
    let other = place.repo.git(&["commit-tree", "-p", &branch, "-m", "more", &format!("{branch}^{{tree}}")]);
    place.repo.git(&["update-ref", &branch, &other]);
    let done = place.ends_with(3, &["undo"]);
    assert!(done.stderr.contains("not ours"), "{}", done.stderr);
    assert_eq!(place.repo.git(&["rev-parse", &branch]), other);
    assert_eq!(place.intent().status(), "published");
    place.assert_nothing_left();
}

#[test]
fn a_branch_that_is_checked_out_is_left_alone() {
    let told = published();
    let place = &told.place;
    let branch = branch(place);
    place.repo.git(&["checkout", "--quiet", branch.strip_prefix("refs/heads/").unwrap()]);
    let done = place.ends_with(3, &["undo"]);
    assert!(done.stderr.contains("checked out"), "{}", done.stderr);
    place.assert_refs_told();
    place.assert_nothing_left();
}

#[test]
fn a_branch_that_somebody_removed_is_as_good_as_undone() {
    let told = published();
    let place = &told.place;
    place.repo.git(&["update-ref", "-d", &branch(place)]);
    place.ends_with(0, &["undo"]);
    assert_eq!(place.intent().status(), "undone");
    place.assert_refs_told();
}

#[test]
fn a_branch_that_somebody_made_under_the_name_meanwhile_is_left_alone() {
    let told = published();
    let place = &told.place;
    let branch = branch(place);
    place.ends_with(0, &["undo"]);
    place.repo.git(&["update-ref", &branch, "HEAD"]);
    let done = place.ends_with(3, &["undo"]);
    assert!(done.stderr.contains("left alone"), "{}", done.stderr);
    assert_eq!(place.repo.git(&["rev-parse", &branch]), place.repo.git(&["rev-parse", "HEAD"]));
    assert_eq!(place.intent().status(), "undone");
    place.assert_nothing_left();
}

#[test]
fn what_changes_a_branch_is_finished_under_whatever_policy_it_is_resumed() {
    let under_another = ["resume", "--retries", "0"];
    let tale = Tale::PUBLISHED;
    let told = tale.begin();
    told.place.program(tale.commands[0]).must_be_killed(&KillAfter::first("Staged"));
    told.place.ends_with(0, &under_another);
    assert_eq!(told.place.intent().status(), "aborted", "it is another policy");
    let told = tale.begin();
    told.place.program(tale.commands[0]).must_be_killed(&KillAfter::first("Publishing"));
    told.place.ends_with(0, &under_another);
    assert_eq!(told.place.intent().status(), "published");
    told.place.assert_refs_told();
    told.place.program(&["undo"]).must_be_killed(&KillAfter::first("Undoing"));
    told.place.ends_with(0, &under_another);
    assert_eq!(told.place.intent().status(), "undone");
    told.place.assert_refs_told();
    told.place.assert_nothing_left();
}

#[test]
fn what_was_never_published_cannot_be_undone() {
    let tale = Tale { commands: &[&["x"]], ..Tale::PUBLISHED };
    let told = tale.begin();
    told.place.ends_with(3, &[crate::support::patches::ASK, "--provider", "local", "--review"]);
    let id = told.place.intent().id.to_string();
    let done = told.place.ends_with(2, &["undo", &id]);
    assert!(done.stderr.contains("only a published branch"), "{}", done.stderr);
    told.place.ends_with(2, &["undo"]);
    told.place.assert_nothing_left();
}
