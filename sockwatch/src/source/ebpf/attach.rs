//! Loads the programs of one hook and attaches them.

use std::{
    fs,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use aya::{
    Btf, Ebpf,
    programs::{BtfTracePoint, Program, ProgramError, TracePoint},
};

use super::LoadError;
use crate::explain::one_line;

/// A way into the kernel's `inet_sock_set_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `tp_btf`: typed arguments, direct loads; needs BTF, 5.5+, and no tracefs.
    TpBtf,
    /// The classic tracepoint: needs tracefs.
    Tracepoint,
}

impl Hook {
    /// As the command line takes it and `start` shows it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TpBtf => "tp_btf",
            Self::Tracepoint => "tracepoint",
        }
    }
}

/// What was attached. The programs themselves live in the [`Ebpf`].
pub(super) struct Attached {
    /// As `hook/category:name`.
    pub(super) probes: Vec<String>,
    /// Why `tcp_destroy_sock` is not among them.
    pub(super) no_destroy: Option<String>,
    /// The transition program, for its `recursion_misses`.
    set_state: OwnedFd,
}

impl Attached {
    pub(super) fn new(ebpf: &mut Ebpf, hook: Hook) -> Result<Self, LoadError> {
        // Not the loader's own copy of the types: it does not give that out.
        let btf = match hook {
            Hook::TpBtf => Some(Btf::from_sys_fs().map_err(|e| LoadError::Refused(e.into()))?),
            Hook::Tracepoint => None,
        };
        let (set_state, destroy) = match hook {
            Hook::TpBtf => ("set_state", "destroy"),
            Hook::Tracepoint => ("set_state_classic", "destroy_classic"),
        };
        let fd = attach(
            ebpf,
            set_state,
            btf.as_ref(),
            ("sock", "inet_sock_set_state"),
        )?;
        let mut probes = vec![format!("{}/inet_sock_set_state", hook.word())];
        let no_destroy = match attach(ebpf, destroy, btf.as_ref(), ("tcp", "tcp_destroy_sock")) {
            Ok(_) => {
                probes.push(format!("{}/tcp_destroy_sock", hook.word()));
                None
            }
            // Without it the table forgets closed sockets only when it is full.
            Err(LoadError::Refused(error)) => Some(one_line(&error)),
            Err(error) => return Err(error),
        };
        Ok(Self {
            probes,
            no_destroy,
            set_state: fd,
        })
    }

    /// How often the kernel skipped the transition program because it was running already on that
    /// CPU (`bpf_prog_info.recursion_misses`, 5.12+; 0 before).
    pub(super) fn recursion_misses(&self) -> u64 {
        let path = format!("/proc/self/fdinfo/{}", self.set_state.as_raw_fd());
        let text = fs::read_to_string(path).unwrap_or_default();
        let field = text
            .lines()
            .find_map(|line| line.strip_prefix("recursion_misses:"));
        field
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }
}

fn attach(
    ebpf: &mut Ebpf,
    program: &'static str,
    btf: Option<&Btf>,
    (category, name): (&str, &str),
) -> Result<OwnedFd, LoadError> {
    let program = ebpf
        .program_mut(program)
        .ok_or(LoadError::Missing(program))?;
    load_and_attach(program, btf, category, name).map_err(LoadError::Refused)
}

fn load_and_attach(
    program: &mut Program,
    btf: Option<&Btf>,
    category: &str,
    name: &str,
) -> Result<OwnedFd, ProgramError> {
    if let Some(btf) = btf {
        let program: &mut BtfTracePoint = program.try_into()?;
        program.load(name, btf)?;
        program.attach()?;
    } else {
        let program: &mut TracePoint = program.try_into()?;
        program.load()?;
        program.attach(category, name)?;
    }
    let fd = program.fd()?.as_fd().try_clone_to_owned();
    fd.map_err(ProgramError::IOError)
}
