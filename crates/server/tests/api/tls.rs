//! TLS: plain requests and old versions are turned away.

use std::io::{Read, Write};
use std::sync::Arc;

use server::Limits;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::Response;
use crate::house::House;

fn house() -> (House, rcgen::CertifiedKey<rcgen::KeyPair>, tempfile::TempDir) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (House::built(Limits::default(), Some((cert, key)), false), made, folder)
}

#[test]
fn requests_over_tls_are_answered() {
    let (house, made, _folder) = house();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, house.client.connect());
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut stream).ok().body, "{\"status\":\"ok\"}");
}

#[test]
fn plain_requests_and_old_versions_get_no_answer() {
    let (house, _made, _folder) = house();
    let plain = house.client.raw(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(plain.status, 0, "{plain:?}");
    assert!(!plain.head.contains("HTTP/1.1"), "{plain:?}");
    // A ClientHello of TLS 1.0 and one of 1.1, with one cipher suite that both knew, and no extensions.
    for version in [[3, 1], [3, 2]] {
        let mut hello = vec![version[0], version[1]];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
        let mut bytes =
            vec![22, version[0], version[1], 0, (hello.len() + 4) as u8, 1, 0, 0, hello.len() as u8];
        bytes.extend(&hello);
        let mut stream = house.client.connect();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer.first().copied(), Some(21), "an alert was expected: {answer:?}");
    }
}
