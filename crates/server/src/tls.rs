//! TLS from a certificate and its key in PEM files: 1.2 and 1.3, by rustls with ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::ServerError;

/// Where certificate and key lie.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The chain of certificates, the server's own first.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// What accepts TLS with these files.
///
/// # Errors
/// When a file cannot be read or the two do not belong together.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServerError> {
    let wrong = |path: &Path, why: &dyn std::fmt::Display| ServerError::Certificate {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let chain =
        CertificateDer::pem_file_iter(&files.certificate).map_err(|e| wrong(&files.certificate, &e))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|e| wrong(&files.certificate, &e))?;
    if chain.is_empty() {
        return Err(wrong(&files.certificate, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| wrong(&files.key, &e))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(&files.certificate, &e))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| wrong(&files.key, &e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
