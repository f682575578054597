//! bpf(2) itself, for one program with read-only data: what takes no loader.
//!
//! aya's loader keeps all of the kernel's types in memory, to look one of them up: 18 MB and 15 ms,
//! which is most of what a list of sockets takes. Does not know what the program is for.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
};

use aya_obj::generated::{
    BPF_F_RDONLY_PROG, bpf_attach_type::BPF_TRACE_ITER, bpf_cmd, bpf_insn,
    bpf_map_type::BPF_MAP_TYPE_ARRAY, bpf_prog_type::BPF_PROG_TYPE_TRACING,
};

// The beginnings of `union bpf_attr` (`include/uapi/linux/bpf.h`) of each command; the kernel takes what
// is not given as zeros.

/// `BPF_MAP_CREATE`
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_bytes: u32,
    value_bytes: u32,
    max_entries: u32,
    map_flags: u32,
}

/// `BPF_MAP_UPDATE_ELEM`
#[repr(C)]
struct MapUpdate {
    map_fd: RawFd,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// `BPF_MAP_FREEZE`
#[repr(C)]
struct MapFreeze {
    map_fd: RawFd,
}

/// `BPF_PROG_LOAD`
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_count: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

/// `BPF_LINK_CREATE`
#[repr(C)]
struct LinkCreate {
    prog_fd: RawFd,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
}

/// `BPF_ITER_CREATE`
#[repr(C)]
struct IterCreate {
    link_fd: RawFd,
    flags: u32,
}

/// A map of one value that is never written again: the verifier takes it as constant.
pub(super) fn constant(value: &[u8]) -> io::Result<OwnedFd> {
    let map = descriptor(
        bpf_cmd::BPF_MAP_CREATE,
        &MapCreate {
            map_type: BPF_MAP_TYPE_ARRAY as u32,
            key_bytes: 4,
            value_bytes: length(value)?,
            max_entries: 1,
            map_flags: BPF_F_RDONLY_PROG,
        },
    )?;
    let key = 0_u32;
    let update = MapUpdate {
        map_fd: map.as_raw_fd(),
        pad: 0,
        key: address(&raw const key),
        value: address(value.as_ptr()),
        flags: 0,
    };
    bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &update)?;
    let map_fd = map.as_raw_fd();
    bpf(bpf_cmd::BPF_MAP_FREEZE, &MapFreeze { map_fd })?;
    Ok(map)
}

/// Loads the program of an iterator, whose function in the kernel is the type `attach_btf_id`.
pub(super) fn load_iterator(
    instructions: &[bpf_insn],
    license: &CStr,
    attach_btf_id: u32,
) -> io::Result<OwnedFd> {
    let load = ProgLoad {
        prog_type: BPF_PROG_TYPE_TRACING as u32,
        insn_count: length(instructions)?,
        insns: address(instructions.as_ptr()),
        license: address(license.as_ptr()),
        prog_name: *b"task_file\0\0\0\0\0\0\0",
        expected_attach_type: BPF_TRACE_ITER as u32,
        attach_btf_id,
        ..ProgLoad::default()
    };
    descriptor(bpf_cmd::BPF_PROG_LOAD, &load)
}

/// Begins an iteration, which keeps the program.
pub(super) fn iterate(program: &OwnedFd) -> io::Result<OwnedFd> {
    let link = descriptor(
        bpf_cmd::BPF_LINK_CREATE,
        &LinkCreate {
            prog_fd: program.as_raw_fd(),
            target_fd: 0,
            attach_type: BPF_TRACE_ITER as u32,
            flags: 0,
        },
    )?;
    let create = IterCreate {
        link_fd: link.as_raw_fd(),
        flags: 0,
    };
    descriptor(bpf_cmd::BPF_ITER_CREATE, &create)
}

fn length<T>(of: &[T]) -> io::Result<u32> {
    u32::try_from(of.len()).map_err(io::Error::other)
}

/// As the kernel takes addresses.
fn address<T>(of: *const T) -> u64 {
    of.expose_provenance() as u64
}

/// A command that gives a descriptor.
fn descriptor<A>(command: bpf_cmd, attributes: &A) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    // SAFETY: the kernel has just made it, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf<A>(command: bpf_cmd, attributes: &A) -> io::Result<RawFd> {
    let attributes: *const A = attributes;
    // SAFETY: `attributes` is one of the structures above, without padding that was not zeroed, and of
    // this length. What it points to outlives the call, and has the length that it tells.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command as u32, attributes, size_of::<A>()) };
    match RawFd::try_from(done) {
        Ok(done @ 0..) => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}
