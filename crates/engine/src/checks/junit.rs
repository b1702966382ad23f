//! Test results in JUnit XML, read as a stream: no entity is expanded, and no depth or size of the file costs more than
//! its bytes. (Readers that build the tree recurse and can be made to overflow the stack by nested suites.)

use domain::verification::{TestEnd, TestResult};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::cause;

/// The results of a report; `None` when it is no whole JUnit report.
pub(super) fn results(xml: &[u8]) -> Option<Vec<TestResult>> {
    let text = String::from_utf8_lossy(xml);
    let mut reader = Reader::from_str(&text);
    let mut results = Vec::new();
    let mut current: Option<TestResult> = None;
    let (mut depth, mut is_report) = (0_usize, false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                is_report |= depth == 0 && is_root(&tag);
                depth += 1;
                open(&tag, &mut current, &mut results);
            }
            Event::Empty(tag) => {
                is_report |= depth == 0 && is_root(&tag);
                open(&tag, &mut current, &mut results);
                close(tag.name().0, &mut current, &mut results);
            }
            Event::End(tag) => {
                depth = depth.checked_sub(1)?;
                close(tag.name().0, &mut current, &mut results);
            }
            Event::Text(text) => told(&text, &mut current),
            Event::CData(text) => told(&text, &mut current),
            Event::Eof => break,
            _ => {}
        }
    }
    (is_report && depth == 0).then_some(results)
}

fn is_root(tag: &BytesStart<'_>) -> bool {
    matches!(tag.name().0, "testsuites" | "testsuite")
}

fn open(tag: &BytesStart<'_>, current: &mut Option<TestResult>, results: &mut Vec<TestResult>) {
    match (tag.name().0, current.as_mut()) {
        ("testcase", _) => {
            results.extend(current.take());
            *current = Some(TestResult::new(name(tag), TestEnd::Passed));
        }
        ("failure" | "error", Some(test)) => test.end = TestEnd::Failed,
        // One that failed in its body and was then skipped has failed.
        ("skipped", Some(test)) if test.end == TestEnd::Passed => test.end = TestEnd::Skipped,
        _ => {}
    }
}

/// What stands in a failure may say that the code could not even be loaded.
fn told(text: &str, current: &mut Option<TestResult>) {
    if let Some(test) = current.as_mut().filter(|test| test.end == TestEnd::Failed && test.cause.is_none()) {
        test.cause = cause::of(text);
    }
}

fn close(tag: &str, current: &mut Option<TestResult>, results: &mut Vec<TestResult>) {
    if tag == "testcase" {
        results.extend(current.take());
    }
}

fn name(tag: &BytesStart<'_>) -> String {
    let attribute = |wanted: &str| {
        let found = tag.attributes().flatten().find(|a| a.key.0 == wanted)?;
        // What has an unknown entity keeps its raw name.
        let value = found.normalized_value(XmlVersion::Implicit1_0);
        Some(value.map_or_else(|_| found.value.to_string(), |value| value.into_owned()))
    };
    let class = attribute("classname").filter(|class| !class.is_empty());
    let name = attribute("name").unwrap_or_default();
    class.map_or_else(|| name.clone(), |class| format!("{class}::{name}"))
}
