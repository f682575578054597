//! Questions to the kernel that leave nothing behind: which types it describes, and whether it has
//! ring buffers.
//!
//! Loads no program: whether one loads shows only when [`super::Tracer::load`] tries it.

use std::{fs, io};

use aya::{maps::MapType, sys::is_map_supported};
use thiserror::Error;

use super::{BTF_PATH, btf::BtfError, layout::layout_from_btf};

/// What the kernel could not answer.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// BTF can't be read.
    #[error("cannot read {BTF_PATH}")]
    Read(#[source] io::Error),
    /// BTF makes no sense.
    #[error("cannot make sense of {BTF_PATH}")]
    Btf(#[source] BtfError),
    /// Ring buffers came with Linux 5.8.
    #[error("this kernel has no ring buffers")]
    NoRing,
    /// A ring buffer was refused for another reason.
    #[error("the kernel refused a ring buffer")]
    Ring(#[source] io::Error),
}

/// The kernel's description of its own types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types {
    /// Its length, bytes.
    pub bytes: usize,
    /// Fields the programs would read and that are not there, as `structure.path`.
    pub missing: Vec<&'static str>,
}

/// Reads the kernel's BTF and looks up every field that the programs read. Takes about 10 ms.
///
/// # Errors
/// It can't be read, or is no BTF.
pub fn types() -> Result<Types, ProbeError> {
    let btf = fs::read(BTF_PATH).map_err(ProbeError::Read)?;
    let found = layout_from_btf(&btf).map_err(ProbeError::Btf)?;
    Ok(Types {
        bytes: btf.len(),
        missing: found.missing,
    })
}

/// Creates a ring buffer of one page, and drops it.
///
/// # Errors
/// The kernel has none, or refuses it to this process.
pub fn ring_buffer() -> Result<(), ProbeError> {
    match is_map_supported(MapType::RingBuf) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ProbeError::NoRing),
        Err(error) => Err(ProbeError::Ring(error.io_error)),
    }
}
