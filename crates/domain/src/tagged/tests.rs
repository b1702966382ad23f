//! The form beside serde's own: the same bytes, the same errors, and what it does not take.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Tagged;

/// In serde's own way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event")]
enum Theirs {
    Named {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
        inner: Inner,
    },
    Empty {},
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
enum Ours {
    Named {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
        inner: Inner,
    },
    Empty {},
    Unit,
    Newtype(String),
    Tuple(u8, u8),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
enum Inner {
    Person { event: Vec<f64> },
    Policy,
}

impl Serialize for Ours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, Tagged { tag: "event", inner: serializer })
    }
}

impl<'de> Deserialize<'de> for Ours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(Tagged { tag: "event", inner: deserializer })
    }
}

impl From<Theirs> for Ours {
    fn from(theirs: Theirs) -> Self {
        match theirs {
            Theirs::Named { text, number, inner } => Self::Named { text, number, inner },
            Theirs::Empty {} => Self::Empty {},
        }
    }
}

fn values() -> Vec<Theirs> {
    let text = "é \"quoted\" \u{1}".to_owned();
    let person = Inner::Person { event: vec![0.1, 1e300, -0.0] };
    vec![
        Theirs::Named { text: text.clone(), number: Some(u32::MAX), inner: person },
        Theirs::Named { text, number: None, inner: Inner::Policy },
        Theirs::Empty {},
    ]
}

#[test]
fn it_is_written_and_read_as_by_serde() {
    for theirs in values() {
        let ours = Ours::from(theirs.clone());
        let text = serde_json::to_string(&theirs).unwrap();
        assert_eq!(serde_json::to_string(&ours).unwrap(), text);
        assert_eq!(serde_json::from_str::<Ours>(&text).unwrap(), ours);
        assert_eq!(serde_json::from_slice::<Ours>(text.as_bytes()).unwrap(), ours);
        assert_eq!(serde_json::from_reader::<_, Ours>(text.as_bytes()).unwrap(), ours);
        // Here the fields come in the order of their names.
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::from_value::<Ours>(value.clone()).unwrap(), ours);
        assert_eq!(serde_json::to_value(&ours).unwrap(), value);
        assert_eq!(serde_json::from_str::<Ours>(&value.to_string()).unwrap(), ours);
    }
}

#[test]
fn what_serde_reads_is_read_and_nothing_else() {
    let texts = [
        r#"{"event":"Named","text":"a","inner":{"by":"policy"}}"#,
        r#"{"text":"a","event":"Named","inner":{"by":"policy"}}"#,
        r#"{"text":"a","inner":{"by":"policy"},"event":"Named","number":7}"#,
        r#"{"\u0065vent":"Named","\u0074ext":"a","inner":{"by":"policy"}}"#,
        r#"{"event":"Named","text":"a","inner":{"by":"policy"},"unknown":{"deep":[1,2]}}"#,
        r#"{"event":"Empty"}"#,
        r#" { "event" : "Empty" } "#,
        // What is no such map.
        "",
        "null",
        "[]",
        r#""Empty""#,
        "{}",
        r#"{"Empty":{}}"#,
        r#"{"event":"Empty""#,
        r#"{"event":"Empty"} x"#,
        r#"{"event":"Other"}"#,
        r#"{"event":1}"#,
        r#"{"event":null}"#,
        r#"{"text":"a","event":7}"#,
        r#"{"text":"a","inner":{"by":"policy"}}"#,
        r#"{"event":"Named"}"#,
        r#"{"event":"Named","text":1,"inner":{"by":"policy"}}"#,
        r#"{"event":"Named","text":"a","inner":{"by":"nobody"}}"#,
        // A field twice, the tag among them.
        r#"{"event":"Named","text":"a","text":"b","inner":{"by":"policy"}}"#,
        r#"{"text":"a","event":"Named","text":"b","inner":{"by":"policy"}}"#,
        r#"{"event":"Empty","event":"Empty"}"#,
        r#"{"event":"Named","text":"a","inner":{"by":"policy"},"event":"Empty"}"#,
        r#"{"text":"a","event":"Named","inner":{"by":"policy"},"\u0065vent":"Empty"}"#,
    ];
    for text in texts {
        let theirs = serde_json::from_str::<Theirs>(text).map(Ours::from);
        let ours = serde_json::from_str::<Ours>(text);
        assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "{text}: {ours:?}");
    }
    let error = serde_json::from_str::<Ours>(r#"{"event":"Empty","event":"Empty"}"#).unwrap_err();
    assert!(error.to_string().starts_with("duplicate field `event`"), "{error}");
    // serde would take a list too.
    assert!(serde_json::from_str::<Theirs>(r#"["Empty"]"#).is_ok());
    assert!(serde_json::from_str::<Ours>(r#"["Empty"]"#).is_err());
    let error = serde_json::from_str::<Ours>("{}").unwrap_err();
    assert!(error.to_string().starts_with("missing field `event`"), "{error}");
}

#[test]
fn a_variant_without_named_fields_is_refused() {
    for ours in [Ours::Unit, Ours::Newtype("a".to_owned()), Ours::Tuple(1, 2)] {
        assert!(serde_json::to_string(&ours).unwrap_err().to_string().contains("named fields"));
    }
    for name in ["Unit", "Newtype", "Tuple"] {
        let error = serde_json::from_str::<Ours>(&format!(r#"{{"event":"{name}"}}"#)).unwrap_err();
        assert!(error.to_string().contains("named fields"), "{error}");
    }
}
