//! A collector of traces on 127.0.0.1: takes spans by OTLP over HTTP, as the OpenTelemetry specification has them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// What came.
#[derive(Default)]
struct Came {
    heads: Vec<String>,
    bodies: Vec<Vec<u8>>,
    spans: Vec<Span>,
}

/// A collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    came: Arc<Mutex<Came>>,
}

impl Collector {
    /// It answers with this status.
    pub(crate) fn new(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let came = Arc::<Mutex<Came>>::default();
        let kept = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let came = Arc::clone(&kept);
                std::thread::spawn(move || while take(&stream, status, &came).is_some() {});
            }
        });
        Self { url, came }
    }

    /// The spans that came so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.came.lock().unwrap().spans.clone()
    }

    /// The request lines and headers that came so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.came.lock().unwrap().heads.clone()
    }

    /// Whether these bytes came in any request.
    pub(crate) fn was_told(&self, text: &str) -> bool {
        let came = self.came.lock().unwrap();
        came.bodies.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

/// One request of a connection.
fn take(mut stream: &TcpStream, status: &str, came: &Mutex<Came>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let mut came = came.lock().unwrap();
    came.spans.extend(scopes.flat_map(|scope| scope.spans));
    came.heads.push(head);
    came.bodies.push(body);
    drop(came);
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()
}

/// An attribute as text.
pub(crate) fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::BoolValue(yes) => yes.to_string(),
        other => format!("{other:?}"),
    })
}
