//! Who holds sockets, by the kernel's iterator over all open files: one pass over the whole machine.
//!
//! Loads one program of the object for each pass, apart from those that trace, and leaves nothing
//! behind. Sees what /proc/PID/fd shows, and besides it processes that hide their descriptors from us,
//! and threads with descriptors of their own. Measured on one machine, 100,000 descriptors: 27 ms to
//! load, most of it to read the kernel's BTF, and 63 ms to iterate; /proc took 250 ms. Does not see
//! descriptors on their way through a unix socket, nor files known only to io_uring.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, ErrorKind},
    mem::offset_of,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
};

use aya_obj::{Object, ParseError, relocation::EbpfRelocationError};
use rustc_hash::FxHashSet;
use sockwatch_common::{
    ABI_VERSION,
    files::OpenSocket,
    layout::{ABSENT, Layout},
};
use thiserror::Error;

use super::{
    BTF_PATH, OBJECT, bpf,
    btf::{Btf, BtfError},
    layout::layout_from,
    types::Types,
};
use crate::model::{
    Comm, Holders,
    holders::{ContextId, Gathering, Task},
};

/// As `start` names it.
pub const PROBE: &str = "iter/task_file";

/// The program of the object.
const PROGRAM: &str = "task_file";

/// The section with what it has to know.
const CONSTANTS: &str = ".rodata";

/// What it is attached to (`kernel/bpf/task_iter.c`, `DEFINE_BPF_ITER_FUNC`).
const FUNCTION: &str = "bpf_iter_task_file";

/// `PROC_PID_INIT_INO` (`include/uapi/linux/nsfs.h`): the initial pid namespace.
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// One socket, as the program writes it.
const RECORD_BYTES: usize = size_of::<OpenSocket>();

/// Room for two fills of the kernel's own buffer (`kernel/bpf/bpf_iter.c`, 8 pages of 4 KiB).
const BUFFER_BYTES: usize = 2048 * RECORD_BYTES;

/// Why the iterator can't be used.
#[derive(Debug, Error)]
pub enum TaskFilesError {
    /// The kernel counts processes from the top, /proc and our callers from within our namespace.
    #[error("not in the initial pid namespace: the kernel would give process ids unknown here")]
    PidNamespace,
    /// BTF can't be read.
    #[error("cannot read {BTF_PATH}")]
    Read(#[source] io::Error),
    /// BTF makes no sense to us.
    #[error("cannot make sense of {BTF_PATH}")]
    Fields(#[source] BtfError),
    /// The kernel has no such iterator.
    #[error("this kernel has no {FUNCTION}")]
    Function,
    /// A field that tells sockets from other files, or their holders.
    #[error("this kernel has no {0} of the expected kind")]
    Field(&'static str),
    /// The object is damaged.
    #[error("cannot read the BPF object")]
    Parse(#[source] ParseError),
    /// The object is not ours.
    #[error("the BPF object has no {0}")]
    Missing(&'static str),
    /// The object speaks another version of the interface.
    #[error("the BPF object has another interface version than {ABI_VERSION}")]
    Abi,
    /// The program asks for what is not there.
    #[error("cannot link {PROBE}")]
    Relocate(#[source] EbpfRelocationError),
    /// The kernel has no room for what the program has to know.
    #[error("cannot make a map for {PROBE}")]
    Map(#[source] io::Error),
    /// The kernel refused the program.
    #[error("the kernel refused {PROBE}")]
    Refused(#[source] io::Error),
    /// The kernel gave no iterator for the program.
    #[error("the kernel did not begin {PROBE}")]
    Begin(#[source] io::Error),
    /// The iterator broke off.
    #[error("cannot read {PROBE}")]
    Iterate(#[source] io::Error),
}

/// Every holder of every socket, or of those with the inode numbers in `wanted`; a process that holds
/// one by threads that share no descriptors with it, too.
///
/// # Errors
/// The kernel has no such iterator or refuses it to us, or its process ids are not ours.
#[expect(
    clippy::implicit_hasher,
    reason = "inode numbers are always in an FxHashSet here"
)]
pub fn holders(wanted: Option<&FxHashSet<u64>>) -> Result<Holders, TaskFilesError> {
    let iterator = open()?;
    let mut told = Told::default();
    each_record(iterator, |record| {
        if let Some(socket) = decode(record)
            && wanted.is_none_or(|wanted| wanted.contains(&socket.inode))
        {
            told.add(&socket);
        }
    })
    .map_err(TaskFilesError::Iterate)?;
    Ok(told.finish())
}

/// What was told so far.
#[derive(Default)]
struct Told {
    found: Gathering,
    /// Whose sockets are being told.
    task: Option<Task>,
}

impl Told {
    fn add(&mut self, socket: &OpenSocket) {
        let next = Task {
            pid: socket.tgid,
            tid: None,
            comm: Comm::from_kernel(socket.comm),
            context: ContextId::NONE,
        };
        let before = self.task.replace(next);
        if let Some(before) = before.filter(|before| before.pid != next.pid) {
            self.found.task(before);
        }
        self.found
            .descriptor(socket.inode, socket.fd, ContextId::NONE);
    }

    fn finish(mut self) -> Holders {
        if let Some(last) = self.task {
            self.found.task(last);
        }
        self.found.finish()
    }
}

/// Loads the program and begins an iteration, and lets go of both.
///
/// # Errors
/// As [`holders`].
pub fn try_out() -> Result<(), TaskFilesError> {
    open().map(drop)
}

/// Where the iterator is read.
fn open() -> Result<File, TaskFilesError> {
    if !pids_are_the_kernels() {
        return Err(TaskFilesError::PidNamespace);
    }
    super::raise_memlock_limit();
    let (layout, attach_btf_id) = types()?;
    check_fields(&layout)?;
    let mut object = Object::parse(OBJECT).map_err(TaskFilesError::Parse)?;
    check_abi(&object)?;
    let constants = link(&mut object, &layout)?;
    let function = object.functions.values().next();
    let function = function.ok_or(TaskFilesError::Missing(PROGRAM))?;
    let program = bpf::load_iterator(&function.instructions, &object.license, attach_btf_id)
        .map_err(TaskFilesError::Refused)?;
    // The program keeps its map, and the iterator its program.
    drop(constants);
    let iterator = bpf::iterate(&program).map_err(TaskFilesError::Begin)?;
    Ok(iterator.into())
}

/// Where the kernel keeps the fields, and the type of the iterator's function.
fn types() -> Result<(Layout, u32), TaskFilesError> {
    let bytes = Types::of_kernel().map_err(TaskFilesError::Read)?;
    let btf = Btf::parse(&bytes).map_err(TaskFilesError::Fields)?;
    let function = btf.function(FUNCTION).ok_or(TaskFilesError::Function)?;
    Ok((layout_from(&btf).layout, function))
}

fn check_abi(object: &Object) -> Result<(), TaskFilesError> {
    let version = object.maps.get(".rodata.SOCKWATCH_ABI");
    let version = version.ok_or(TaskFilesError::Missing("SOCKWATCH_ABI"))?;
    if version.data() == ABI_VERSION.to_ne_bytes() {
        Ok(())
    } else {
        Err(TaskFilesError::Abi)
    }
}

/// Leaves the one program in `object`, and has it know the layout, which is in the map returned.
fn link(object: &mut Object, layout: &Layout) -> Result<OwnedFd, TaskFilesError> {
    let words = layout.words();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    object
        .patch_map_data(HashMap::from([("LAYOUT", (&bytes[..], true))]))
        .map_err(TaskFilesError::Parse)?;
    // The program calls no function: there is no text to be linked.
    object.programs.retain(|name, _| name == PROGRAM);
    object
        .functions
        .retain(|_, function| function.name == PROGRAM);
    let constants = object.maps.get(CONSTANTS).cloned();
    let constants = constants.ok_or(TaskFilesError::Missing(CONSTANTS))?;
    let map = bpf::constant(constants.data()).map_err(TaskFilesError::Map)?;
    let known = [(CONSTANTS, map.as_raw_fd(), &constants)];
    object
        .relocate_maps(known.into_iter(), &HashSet::new())
        .map_err(TaskFilesError::Relocate)?;
    Ok(map)
}

/// Whether a process has the same id here as in the kernel.
fn pids_are_the_kernels() -> bool {
    fs::metadata("/proc/self/ns/pid")
        .is_ok_and(|namespace| namespace.ino() == INITIAL_PID_NAMESPACE)
}

/// The program writes nothing, or what is not true, without these.
fn check_fields(layout: &Layout) -> Result<(), TaskFilesError> {
    let needed = [
        (layout.file_inode, "file.f_inode"),
        (layout.inode_ino, "inode.i_ino"),
        (layout.inode_sb, "inode.i_sb"),
        (layout.sb_magic, "super_block.s_magic"),
        (layout.task_tgid, "task_struct.tgid"),
        (layout.task_files, "task_struct.files"),
        (layout.group_leader, "task_struct.group_leader"),
        (layout.comm, "task_struct.comm"),
    ];
    let absent = needed.into_iter().find(|&(offset, _)| offset == ABSENT);
    absent.map_or(Ok(()), |(_, name)| Err(TaskFilesError::Field(name)))
}

/// Gives `each` every record until the end.
fn each_record(
    mut iterator: impl io::Read,
    mut each: impl FnMut(&[u8; RECORD_BYTES]),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut begun = 0;
    loop {
        let read = match iterator.read(&mut buffer[begun..]) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            // After a million files without a socket the kernel wants to be asked anew.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        let filled = begun + read;
        let (records, rest) = buffer[..filled].as_chunks();
        records.iter().for_each(&mut each);
        // The rest of a record comes with the next read.
        begun = rest.len();
        buffer.copy_within(filled - begun..filled, 0);
    }
}

/// A record; `None` for the inode number 0, which is no inode's.
fn decode(record: &[u8; RECORD_BYTES]) -> Option<OpenSocket> {
    const INODE: usize = offset_of!(OpenSocket, inode);
    const TGID: usize = offset_of!(OpenSocket, tgid);
    const FD: usize = offset_of!(OpenSocket, fd);
    const COMM: usize = offset_of!(OpenSocket, comm);
    let number = |at: usize| Some(u32::from_ne_bytes(*record[at..].first_chunk()?));
    let inode = u64::from_ne_bytes(*record[INODE..].first_chunk()?);
    Some(OpenSocket {
        inode: Some(inode).filter(|&inode| inode != 0)?,
        tgid: number(TGID)?,
        fd: number(FD)?,
        comm: *record[COMM..].first_chunk()?,
    })
}

#[cfg(test)]
mod tests;
