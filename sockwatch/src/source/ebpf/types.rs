//! The kernel's BTF, as bytes.
//!
//! Mapped where the kernel allows that (6.16), which takes no memory; else read, a page at a time.

use std::{
    fs::{self, File},
    io,
    ops::Deref,
    os::fd::AsRawFd as _,
    ptr::{self, NonNull},
    slice,
};

use super::BTF_PATH;

/// The bytes.
pub(super) enum Types {
    Mapped(Mapping),
    Read(Vec<u8>),
}

impl Types {
    /// Maps or reads them.
    pub(super) fn of_kernel() -> io::Result<Self> {
        let file = File::open(BTF_PATH)?;
        match Mapping::of(&file) {
            Ok(mapping) => Ok(Self::Mapped(mapping)),
            Err(_) => fs::read(BTF_PATH).map(Self::Read),
        }
    }
}

impl Deref for Types {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapping) => mapping,
            Self::Read(bytes) => bytes,
        }
    }
}

/// A file of the kernel's that never changes.
pub(super) struct Mapping {
    begin: NonNull<u8>,
    length: usize,
}

impl Mapping {
    fn of(file: &File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let (read, private, fd) = (libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd());
        // SAFETY: the kernel chooses the place, where nothing else is.
        let begin = unsafe { libc::mmap(ptr::null_mut(), length, read, private, fd, 0) };
        if begin == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let begin = NonNull::new(begin.cast());
        let begin = begin.ok_or_else(|| io::Error::other("mapped at 0"))?;
        Ok(Self { begin, length })
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped for reading with this length, until it is dropped; BTF is not written.
        unsafe { slice::from_raw_parts(self.begin.as_ptr(), self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: what was mapped, and no more borrowed.
        let _always = unsafe { libc::munmap(self.begin.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_or_read_they_are_the_same() {
        let Ok(types) = Types::of_kernel() else {
            return;
        };
        assert_eq!(*types, *fs::read(BTF_PATH).unwrap());
    }
}
