//! `-D`: the kernel's replies for TCP sockets, as `ss` writes them and, with `TCPDIAG_FILE`, reads them.
//!
//! A file of netlink messages, one for each socket that the filter wants, and one that ends them.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::super::Failure;
use crate::{model::Row, source::diag::stored};

/// Bytes that are written at once.
const CHUNK: usize = 1 << 18;

/// Why nothing is stored.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to {path:?}")]
struct StoreError {
    path: PathBuf,
    source: io::Error,
}

/// A file that is being written.
pub(super) struct Store {
    path: PathBuf,
    file: BufWriter<Box<dyn Write + Send>>,
    message: Vec<u8>,
    failed: Option<io::Error>,
}

impl Store {
    /// Creates the file; `-` is standard output.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file: io::Result<Box<dyn Write + Send>> = if path.as_os_str() == "-" {
            Ok(Box::new(io::stdout()))
        } else {
            File::create(path).map(|file| Box::new(file) as _)
        };
        let path = path.to_owned();
        match file {
            Ok(file) => Ok(Self {
                path,
                file: BufWriter::with_capacity(CHUNK, file),
                message: Vec::new(),
                failed: None,
            }),
            Err(source) => Err(Failure::runtime(StoreError { path, source })),
        }
    }

    /// Adds the reply for a row.
    pub(super) fn row(&mut self, row: &Row<'_>) {
        self.message.clear();
        stored::socket(row.reply, &mut self.message);
        self.write();
    }

    /// Adds the end.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.message.clear();
        stored::end(&mut self.message);
        self.write();
        let flushed = match self.failed.take() {
            None => self.file.flush(),
            Some(error) => Err(error),
        };
        match flushed {
            // A closed pipe is nobody's error.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let path = std::mem::take(&mut self.path);
                Err(Failure::runtime(StoreError {
                    path,
                    source: error,
                }))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(&self.message).err();
        }
    }
}
