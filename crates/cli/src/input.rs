//! Files that a person names on the command line; `-` is stdin. Read up to a bound, never further.

use std::io::Read;
use std::path::Path;

use crate::environment::Environment;
use crate::error::Failure;

/// At most this many bytes of the file or of stdin.
pub(crate) fn read(environment: &Environment, file: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let name = file.display();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        let path = environment.folder.join(file);
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|e| Failure::usage(format!("{name}: {e}")))?;
    Ok(bytes)
}
