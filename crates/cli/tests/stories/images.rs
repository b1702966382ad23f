//! Images that go along with a task: sent in the form of each interface, recorded, and refused where nobody takes them.

use testkit::{ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

/// A picture of one pixel, as far as anybody looks at it here.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0";

fn place(model: &ScriptedModel) -> (Place, String) {
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at(&model.base_url());
    let file = place.home.join("shot.png");
    std::fs::write(&file, PNG).unwrap();
    (place, file.to_str().unwrap().to_owned())
}

#[test]
fn an_image_goes_along_with_the_task_and_stays_on_record() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let (place, file) = place(&model);
    let document = place.json(0, &[ASK, "--image", &file, "--provider", "local"]);
    let images = &document["intent"]["images"];
    assert_eq!((&images[0]["name"], &images[0]["media"]), (&"shot.png".into(), &"png".into()));
    let asked = model.only_request();
    let content = &asked.body["messages"][1]["content"];
    assert!(content[1]["image_url"]["url"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"));
    assert!(content[0]["text"].as_str().unwrap().contains("Images go along with the request: 1."));
    assert!(place.ends_with(0, &["show", "last"]).stdout.contains("shot.png (image/png"));
    let folder = place.home.join("seen");
    place.ends_with(0, &["show", "last", "--evidence", folder.to_str().unwrap()]);
    assert_eq!(std::fs::read(folder.join("0-shot.png")).unwrap(), PNG);
    place.ends_with(0, &["replay", "last"]);
    place.ends_with(0, &["audit", "verify"]);
    model.finish();
}

#[test]
fn what_takes_no_images_is_passed_over_and_what_is_no_image_refused() {
    let model = ScriptedModel::script([]);
    let (mut place, file) = place(&model);
    let told = place.ends_with(0, &[ASK, "--image", &file, "--dry-run"]).stdout;
    assert!(told.contains("would ask   local"), "{told}");
    place.set("CODEX_TASK_ROUTING__ORDER", "[web]");
    place.set("CODEX_TASK_PROVIDERS__WEB__SITE", "generic");
    place.set("CODEX_TASK_PROVIDERS__WEB__URL", "http://127.0.0.1:1/");
    place.set("CODEX_TASK_PROVIDERS__WEB__BROWSER", "/bin/true");
    let document = place.json(6, &[ASK, "--image", &file]);
    let why = document["intent"]["ended"]["why"].as_str().unwrap();
    assert!(why.contains("web: it takes no images"), "{document}");
    for (content, words) in [(&b"#!/bin/sh"[..], "no PNG"), (&[0; (3 << 20) + 1], "an image may have")] {
        let other = place.home.join("other.png");
        std::fs::write(&other, content).unwrap();
        let refused = place.ends_with(2, &[ASK, "--image", other.to_str().unwrap()]);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    let five: Vec<&str> = std::iter::once(ASK).chain(["--image", &file].repeat(5)).collect();
    assert!(place.ends_with(2, &five).stderr.contains("at most 4 images"));
    model.finish();
}
