//! Loads the programs of one hook and attaches them.

use std::{
    fs,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use aya::{
    Btf, Ebpf,
    maps::Array,
    programs::{BtfTracePoint, FExit, Program, ProgramError, TracePoint},
};
use log::debug;
use rustix::system::uname;

use super::{
    LoadError,
    minis::{self, Minis},
};
use crate::{explain::one_line, model::event::Degraded};

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
    /// What could not be attached, and why.
    pub(super) degraded: Vec<Degraded>,
    /// What is told beyond the changes of full sockets.
    pub(super) minis: Minis,
    /// The transition program, for its `recursion_misses`.
    set_state: Option<OwnedFd>,
}

impl Attached {
    pub(super) fn new(ebpf: &mut Ebpf, hook: Hook, minis: Minis) -> Result<Self, LoadError> {
        // Not the loader's own copy of the types: it does not give that out.
        let btf = match hook {
            Hook::TpBtf => Some(Btf::from_sys_fs().map_err(|e| LoadError::Refused(e.into()))?),
            Hook::Tracepoint => None,
        };
        let (set_state, destroy) = match hook {
            Hook::TpBtf => ("set_state", "destroy"),
            Hook::Tracepoint => ("set_state_classic", "destroy_classic"),
        };
        let mut attached = Self {
            probes: Vec::new(),
            degraded: Vec::new(),
            minis,
            set_state: None,
        };
        if let Some(btf) = &btf {
            attached.attach_minis(ebpf, btf)?;
        }
        let hooked = ("sock", "inet_sock_set_state");
        attached.set_state = Some(attach(ebpf, set_state, btf.as_ref(), hooked)?);
        attached
            .probes
            .insert(0, format!("{}/inet_sock_set_state", hook.word()));
        if let Some(btf) = &btf {
            attached.catch_nested(ebpf, btf)?;
        }
        // Without it the table forgets closed sockets only when it is full.
        match attach(ebpf, destroy, btf.as_ref(), ("tcp", "tcp_destroy_sock")) {
            Ok(_) => {
                let probe = format!("{}/tcp_destroy_sock", hook.word());
                attached.probes.push(probe);
            }
            Err(LoadError::Refused(error)) => attached.lacks("tcp_destroy_sock", one_line(&error)),
            Err(error) => return Err(error),
        }
        set_word(ebpf, "GATE")?;
        Ok(attached)
    }

    /// Attaches the second transition program: behind the first, which the order of attachment
    /// sees to (`tracepoint_add_func`).
    fn catch_nested(&mut self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        const WHAT: &str = "nested transitions";
        if probes_are_preemptible() {
            self.lacks(WHAT, "not caught on this kernel, but counted".to_owned());
            return Ok(());
        }
        let hook = ("sock", "inet_sock_set_state");
        match attach(ebpf, "set_state_nested", Some(btf), hook) {
            Ok(_) => Ok(()),
            Err(LoadError::Refused(error)) => {
                self.lacks(WHAT, one_line(&error));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Attaches what tells of minisockets, ports and accepting processes.
    fn attach_minis(&mut self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        if self.minis.timers() {
            let told = self.try_attach(ebpf, btf, "timer_cancel", ("timer", "timer_cancel"))?
                && self.try_attach(ebpf, btf, "timer_start", ("timer", "timer_start"))?;
            if !told {
                let why = "no timers are told";
                self.minis = minis::without_timers(self.minis, why, &mut self.degraded);
            }
        }
        if self.minis.fins {
            let hook = ("skb", "kfree_skb");
            self.minis.fins = self.try_attach(ebpf, btf, "segment_dropped", hook)?;
            if !self.minis.fins {
                let why = minis::without(minis::FINS, "no dropped segments are told");
                self.degraded.push(why);
            }
        }
        if self.minis.accepts {
            self.attach_accept(ebpf, btf)?;
        }
        if self.minis.resets {
            let hook = ("tcp", "tcp_send_reset");
            self.minis.resets = self.try_attach(ebpf, btf, "reset_sent", hook)?;
        }
        Ok(())
    }

    /// Attaches what tells who accepts: the end of accept() itself where the kernel lets a program
    /// in, else the first use of a connection.
    fn attach_accept(&mut self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        const FUNCTION: &str = "inet_csk_accept";
        for program in ["accepted", "accepted_before_6_10"] {
            match attach_exit(ebpf, program, btf, FUNCTION) {
                Ok(()) => {
                    self.probes.push(format!("fexit/{FUNCTION}"));
                    return Ok(());
                }
                Err(LoadError::Refused(error)) => debug!("fexit/{FUNCTION}: {error:?}"),
                Err(error) => return Err(error),
            }
        }
        let hook = ("tcp", "tcp_rcv_space_adjust");
        self.minis.accepts = self.try_attach(ebpf, btf, "received", hook)?;
        if self.minis.accepts {
            set_word(ebpf, "ACCEPT_BY_USE")?;
            // Since 6.16.
            let hook = ("tcp", "tcp_sendmsg_locked");
            match attach(ebpf, "sent", Some(btf), hook) {
                Ok(_) => self
                    .probes
                    .push(format!("{}/{}", Hook::TpBtf.word(), hook.1)),
                Err(LoadError::Refused(error)) => debug!("{}: {error:?}", hook.1),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Attaches a program that can be done without; says whether that worked.
    fn try_attach(
        &mut self,
        ebpf: &mut Ebpf,
        btf: &Btf,
        program: &'static str,
        hook: (&'static str, &'static str),
    ) -> Result<bool, LoadError> {
        match attach(ebpf, program, Some(btf), hook) {
            Ok(_) => {
                let probe = format!("{}/{}", Hook::TpBtf.word(), hook.1);
                self.probes.push(probe);
                Ok(true)
            }
            Err(LoadError::Refused(error)) => {
                self.lacks(hook.1, one_line(&error));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn lacks(&mut self, what: &'static str, why: String) {
        self.degraded.push(Degraded { what, why });
    }

    /// How often the kernel skipped the transition program because it was running already on that
    /// CPU (`bpf_prog_info.recursion_misses`, 5.12+; 0 before).
    pub(super) fn recursion_misses(&self) -> u64 {
        let Some(set_state) = &self.set_state else {
            return 0;
        };
        let path = format!("/proc/self/fdinfo/{}", set_state.as_raw_fd());
        let text = fs::read_to_string(path).unwrap_or_default();
        let field = text
            .lines()
            .find_map(|line| line.strip_prefix("recursion_misses:"));
        field
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    }
}

/// Whether a task can be preempted, and move to another CPU, between two programs on one
/// tracepoint: on PREEMPT_RT kernels, and everywhere since 7.0, where tracepoints run under SRCU
/// (`tracepoint_srcu`). There the second program could not tell what the first has seen.
fn probes_are_preemptible() -> bool {
    let uname = uname();
    let release = uname.release().to_string_lossy();
    let major = release
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    major.is_none_or(|major| major >= 7) || uname.version().to_string_lossy().contains("PREEMPT_RT")
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

/// Sets a word that the programs look at.
fn set_word(ebpf: &mut Ebpf, name: &'static str) -> Result<(), LoadError> {
    let map = ebpf.map_mut(name).ok_or(LoadError::Missing(name))?;
    Array::<_, u32>::try_from(map)
        .and_then(|mut word| word.set(0, 1, 0))
        .map_err(|source| LoadError::Map { name, source })
}

/// Attaches a program to the end of a kernel function.
fn attach_exit(
    ebpf: &mut Ebpf,
    program: &'static str,
    btf: &Btf,
    function: &str,
) -> Result<(), LoadError> {
    let program = ebpf
        .program_mut(program)
        .ok_or(LoadError::Missing(program))?;
    let program: &mut FExit = program.try_into().map_err(LoadError::Refused)?;
    program.load(function, btf).map_err(LoadError::Refused)?;
    program.attach().map(drop).map_err(LoadError::Refused)
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
