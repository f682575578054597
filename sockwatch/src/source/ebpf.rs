//! The kernel side: loads and attaches the programs, reads their ring and their counters.
//!
//! Only this module names aya. Records leave it as model values; what the running kernel lacks
//! leaves it as [`Degraded`] values.
#![allow(
    unsafe_code,
    reason = "the loader's plain-data markers and the reactor's registration"
)]

mod attach;
mod bpf;
pub mod btf;
pub mod decode;
mod fins;
pub mod join;
mod layout;
mod minis;
pub mod probe;
mod reader;
mod symbols;
pub mod task_files;
pub mod tracefs;
mod types;

use std::{fs, io};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{Array, Map, MapData, MapError, PerCpuArray, RingBuf},
    programs::ProgramError,
};
use log::debug;
use rustix::process::{Resource, Rlimit, setrlimit};
use sockwatch_common::{
    ABI_VERSION,
    filter::Filter,
    layout::{ClassicLayout, Layout, Settings, Symbols},
};
use thiserror::Error;

use crate::{
    explain::one_line,
    model::{Tuple, event::Degraded},
};
use attach::Attached;
pub use attach::Hook;
pub use decode::{Destroyed, Malformed, MiniRecord, MiniTold, Record, SynSent, Told, decode};
use fins::Fins;
pub use join::{Item, Join, ResetReasons};
pub use minis::Minis;
pub use reader::{KernelLog, Reader};
use tracefs::TracefsError;

/// The programs, as `cargo xtask ebpf` built them.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sockwatch.bpf.o"));

/// The kernel's BTF.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// Why live tracing can't begin.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Neither hook can be used.
    #[error(
        "no way to trace: the kernel shows no BTF ({BTF_PATH}: {btf}; is /sys mounted?), and \
         {tracefs}"
    )]
    NoHook {
        /// Why BTF can't be read.
        btf: String,
        /// Why tracefs can't.
        tracefs: TracefsError,
    },
    /// The classic hook was asked for and can't be used.
    #[error("the classic tracepoint cannot be used")]
    Tracefs(#[from] TracefsError),
    /// The kernel did not take the object's maps.
    #[error("the kernel did not take the BPF object")]
    Object(#[source] EbpfError),
    /// The kernel refused every program that could do.
    #[error("the kernel refused the tracing program")]
    Refused(#[source] ProgramError),
    /// The object has no such program or map: it is not ours.
    #[error("the BPF object has no {0}")]
    Missing(&'static str),
    /// The object speaks another version of the interface.
    #[error("the BPF object has interface version {0}, this program {ABI_VERSION}")]
    Abi(u32),
    /// A map can't be opened.
    #[error("cannot open the {name} map")]
    Map {
        /// Which.
        name: &'static str,
        /// Why.
        source: MapError,
    },
    /// The ring can't be waited for.
    #[error("cannot wait for the ring buffer")]
    Register(#[source] io::Error),
}

/// What the caller chooses.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Size of the ring in bytes: a power of two, whole pages.
    pub ring_size: u32,
    /// Whether the programs write their own warnings.
    pub kernel_log: bool,
    /// The hook to use; `None` chooses the best that loads.
    pub hook: Option<Hook>,
    /// What the programs may drop; `None` has them drop nothing.
    pub filter: Option<Box<Filter>>,
    /// What matters beyond the changes of full sockets.
    pub minis: Minis,
    /// Whether the probes for it may be used.
    pub minisock: bool,
}

/// The attached programs. Dropping it detaches them.
pub struct Tracer {
    /// Owns the programs and their links.
    ebpf: Option<Ebpf>,
    attached: Attached,
    /// `recursion_misses` at the last look.
    skipped: u64,
    counters: PerCpuArray<MapData, CountersPod>,
    /// `None` where the programs don't look for FINs.
    fins: Option<Fins>,
    /// Whether the programs drop what [`LoadOptions::filter`] says: not where the kernel refused
    /// them with it.
    pub filters: bool,
    /// What is told of [`LoadOptions::minis`].
    pub minis: Minis,
    /// Why sockets send resets; empty where that is not told.
    pub reset_reasons: ResetReasons,
    /// What this kernel or this run lacks.
    pub degraded: Vec<Degraded>,
}

/// Where this kernel keeps things.
struct Kernel {
    layout: Layout,
    symbols: Symbols,
}

/// The kernel's counts, over all CPUs, since the programs were attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// What the kernel told, seen by the programs or not.
    pub events: u64,
    /// Those that the filter in the kernel dropped.
    pub filtered: u64,
    /// Those for which the ring had no room.
    pub ring_full: u64,
    /// Those that the kernel kept from the programs because they were already running on that
    /// CPU, as of the last [`Tracer::look_for_nested`].
    pub nested: u64,
    /// Those that only the second program saw, because they happened within another.
    pub caught: u64,
    /// When the newest of `ring_full` was lost, `CLOCK_MONOTONIC` nanoseconds.
    pub lost_last_ns: u64,
}

/// [`sockwatch_common::counters::Counters`] as aya reads it from a map.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct CountersPod(sockwatch_common::counters::Counters);

// SAFETY: `repr(C)` of u64 alone: no padding, every bit pattern is a value.
unsafe impl aya::Pod for CountersPod {}

/// [`Filter`] as aya writes it to a global.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct FilterPod(Filter);

// SAFETY: `repr(C)` of u32 and u64 alone, without padding, as its assertions see to.
unsafe impl aya::Pod for FilterPod {}

impl Tracer {
    /// Loads the programs and attaches them: tp_btf where it loads, else the classic tracepoints.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(options: &LoadOptions) -> Result<(Self, Reader, Option<KernelLog>), LoadError> {
        raise_memlock_limit();
        let mut degraded = Vec::new();
        let btf = fs::read(BTF_PATH);
        let (layout, reset_reasons) = kernel_types(btf.as_deref(), &mut degraded);
        let wanted = if options.minisock {
            options.minis
        } else {
            minis::without_timers(options.minis, "--no-minisock", &mut degraded)
        };
        let (minis, symbols) = minis::usable(wanted, &layout, &mut degraded);
        let minis = Minis {
            resets: minis.resets && !reset_reasons.is_empty(),
            ..minis
        };
        let options = &LoadOptions {
            minis,
            ..options.clone()
        };
        let kernel = Kernel { layout, symbols };
        let mut refused = None;
        for hook in hooks_to_try(options.hook, btf.as_deref().err())? {
            match Self::load_on(options, hook, &kernel, &mut degraded) {
                Ok(mut loaded) => {
                    if loaded.0.minis.resets {
                        loaded.0.reset_reasons = reset_reasons;
                    }
                    return Ok(loaded);
                }
                Err(LoadError::Refused(error)) if options.hook.is_none() => {
                    degraded.push(Degraded {
                        what: hook.word(),
                        why: one_line(&error),
                    });
                    debug!("{}: {error:?}", hook.word());
                    refused = Some(LoadError::Refused(error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(LoadError::Missing("usable hook")))
    }

    /// With the filter; without it where the kernel refuses the programs for it. Verifiers give up
    /// on programs with too many ways through them: that of 6.1 on the classic tracepoint's, with a
    /// filter that asks for addresses.
    fn load_on(
        options: &LoadOptions,
        hook: Hook,
        kernel: &Kernel,
        degraded: &mut Vec<Degraded>,
    ) -> Result<(Self, Reader, Option<KernelLog>), LoadError> {
        match Self::load_with(options, hook, kernel, degraded) {
            Err(LoadError::Refused(error)) if options.filter.is_some() => {
                let unfiltered = LoadOptions {
                    filter: None,
                    ..options.clone()
                };
                let mut loaded = Self::load_with(&unfiltered, hook, kernel, degraded)?;
                loaded.0.degraded.push(Degraded {
                    what: "filter in the kernel",
                    why: format!("{}; sockwatch decides on everything", one_line(&error)),
                });
                Ok(loaded)
            }
            done => done,
        }
    }

    fn load_with(
        options: &LoadOptions,
        hook: Hook,
        kernel: &Kernel,
        degraded: &mut Vec<Degraded>,
    ) -> Result<(Self, Reader, Option<KernelLog>), LoadError> {
        let classic = match hook {
            Hook::TpBtf => ClassicLayout::ABSENT,
            Hook::Tracepoint => tracefs::classic_layout()?,
        };
        let minis = match hook {
            Hook::TpBtf => options.minis,
            Hook::Tracepoint => minis::none(
                options.minis,
                "told only where tp_btf can be used",
                degraded,
            ),
        };
        let helpers: &[u32] = if hook == Hook::TpBtf { &[1, 0] } else { &[0] };
        let mut last = None;
        for &typed_helpers in helpers {
            let settings = Settings {
                wake_at_bytes: options.ring_size / 4,
                typed_helpers,
                requests: minis.requests.into(),
                timewaits: minis.timewaits.into(),
                ports: minis.ports.into(),
            };
            let mut ebpf = open_object(options, kernel, &classic, settings)?;
            match Attached::new(&mut ebpf, hook, minis) {
                Ok(attached) => {
                    if typed_helpers == 0 {
                        degraded.push(Degraded {
                            what: "cookie",
                            why: "bpf_get_socket_cookie cannot be called here: a socket that \
                                  nobody asked for its cookie has none"
                                .to_owned(),
                        });
                    }
                    degraded.extend(attached.degraded.iter().cloned());
                    return Self::assemble(ebpf, attached, degraded, options);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(LoadError::Missing("program")))
    }

    fn assemble(
        mut ebpf: Ebpf,
        attached: Attached,
        degraded: &mut Vec<Degraded>,
        options: &LoadOptions,
    ) -> Result<(Self, Reader, Option<KernelLog>), LoadError> {
        let fins = attached.minis.fins.then(|| Fins::open(&mut ebpf));
        let fins = fins.transpose()?;
        let counters =
            PerCpuArray::try_from(take_map(&mut ebpf, "COUNTERS")?).map_err(|source| {
                LoadError::Map {
                    name: "COUNTERS",
                    source,
                }
            })?;
        let ring =
            RingBuf::try_from(take_map(&mut ebpf, "EVENTS")?).map_err(|source| LoadError::Map {
                name: "EVENTS",
                source,
            })?;
        let reader = Reader::new(ring).map_err(LoadError::Register)?;
        let log = if options.kernel_log {
            KernelLog::new(&mut ebpf)
        } else {
            None
        };
        let degraded = std::mem::take(degraded);
        Ok((
            Self {
                ebpf: Some(ebpf),
                skipped: 0,
                counters,
                fins,
                filters: options.filter.is_some(),
                minis: attached.minis,
                reset_reasons: ResetReasons::new(),
                attached,
                degraded,
            },
            reader,
            log,
        ))
    }

    /// The probes in use, as `hook/name`.
    pub fn probes(&self) -> Vec<String> {
        self.attached.probes.clone()
    }

    /// Detaches the programs: the ring gets no more records, and the counters stand still.
    pub fn detach(&mut self) {
        self.ebpf = None;
    }

    /// Has the programs look for the FIN of a minisocket that has been in FIN-WAIT-2 since before
    /// they were attached. Returns whether they do: they may not be able to, or have no room left.
    pub fn watch_fin(&mut self, tuple: &Tuple, netns: u32) -> bool {
        let fins = self.fins.as_mut();
        fins.is_some_and(|fins| fins.watch(tuple, netns))
    }

    /// Asks the kernel how often it skipped the program. Costs a few microseconds more than
    /// [`Tracer::counts`], which uses the answer from then on.
    pub fn look_for_nested(&mut self) {
        self.skipped = self.attached.recursion_misses();
    }

    /// Reads the counters of every CPU.
    ///
    /// # Errors
    /// When the kernel does not give them, which would be its bug.
    pub fn counts(&self) -> Result<KernelCounts, MapError> {
        let mut counts = KernelCounts::default();
        for CountersPod(cpu) in self.counters.get(&0, 0)?.iter() {
            counts.events += cpu.events;
            counts.caught += cpu.caught;
            counts.filtered += cpu.filtered;
            counts.ring_full += cpu.lost;
            counts.lost_last_ns = counts.lost_last_ns.max(cpu.lost_last_ns);
        }
        counts.nested = self.skipped.saturating_sub(counts.caught);
        counts.events += counts.nested;
        Ok(counts)
    }
}

/// Looks the fields up; says which are missing.
fn kernel_types(
    btf: Result<&[u8], &io::Error>,
    degraded: &mut Vec<Degraded>,
) -> (Layout, ResetReasons) {
    let nothing = (Layout::ABSENT, ResetReasons::new());
    let bytes = match btf {
        Ok(bytes) => bytes,
        Err(error) => {
            let why = format!("{BTF_PATH}: {error}: no cookie, namespace, user, cgroup, cause");
            degraded.push(Degraded { what: "btf", why });
            return nothing;
        }
    };
    match layout::layout_from_btf(bytes) {
        Ok(found) => {
            degraded.extend(found.missing.into_iter().map(|field| Degraded {
                what: "field",
                why: format!("this kernel has no {field} of the expected kind"),
            }));
            (found.layout, found.reset_reasons)
        }
        Err(error) => {
            degraded.push(Degraded {
                what: "btf",
                why: error.to_string(),
            });
            nothing
        }
    }
}

/// The hooks in the order to try them.
fn hooks_to_try(wanted: Option<Hook>, no_btf: Option<&io::Error>) -> Result<Vec<Hook>, LoadError> {
    if let Some(hook) = wanted {
        return Ok(vec![hook]);
    }
    let Some(btf) = no_btf else {
        return Ok(vec![Hook::TpBtf, Hook::Tracepoint]);
    };
    match tracefs::mount_point() {
        Ok(_) => Ok(vec![Hook::Tracepoint]),
        Err(tracefs) => Err(LoadError::NoHook {
            btf: btf.to_string(),
            tracefs,
        }),
    }
}

/// Before 5.11 maps count against RLIMIT_MEMLOCK. Where the limit can't be raised, and is too low,
/// making the maps says so.
pub(crate) fn raise_memlock_limit() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let _refused = setrlimit(Resource::Memlock, unlimited);
}

fn open_object(
    options: &LoadOptions,
    kernel: &Kernel,
    classic: &ClassicLayout,
    settings: Settings,
) -> Result<Ebpf, LoadError> {
    // The log level is a number of the `log` crate: 2 is warn, 0 prunes the branch.
    let log_level: u8 = if options.kernel_log { 2 } else { 0 };
    let filter = FilterPod(options.filter.as_deref().copied().unwrap_or(Filter::NONE));
    let ebpf = EbpfLoader::new()
        // The object has no relocations against the kernel's types.
        .btf(None)
        .map_max_entries("EVENTS", options.ring_size)
        .map_max_entries("FIN_WAIT2", room(options.minis.timewaits))
        .map_max_entries("UNACCEPTED", room(options.minis.accepts))
        .override_global("LAYOUT", &kernel.layout.words(), true)
        .override_global("SYMBOLS", &kernel.symbols.words(), true)
        .override_global("CLASSIC_LAYOUT", &classic.words(), true)
        .override_global("SETTINGS", &settings.words(), true)
        .override_global("FILTER", &filter, true)
        .override_global("AYA_LOG_LEVEL", &log_level, true)
        .load(OBJECT)
        .map_err(LoadError::Object)?;
    check_abi(&ebpf)?;
    Ok(ebpf)
}

/// Entries of a map of sockets: the kernel sets memory aside for each.
const fn room(used: bool) -> u32 {
    if used { 65_536 } else { 1 }
}

fn check_abi(ebpf: &Ebpf) -> Result<(), LoadError> {
    let map = ebpf
        .map(".rodata.SOCKWATCH_ABI")
        .ok_or(LoadError::Missing("SOCKWATCH_ABI"))?;
    let version = Array::<_, u32>::try_from(map)
        .and_then(|array| array.get(&0, 0))
        .map_err(|source| LoadError::Map {
            name: "SOCKWATCH_ABI",
            source,
        })?;
    if version == ABI_VERSION {
        Ok(())
    } else {
        Err(LoadError::Abi(version))
    }
}

fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, LoadError> {
    ebpf.take_map(name).ok_or(LoadError::Missing(name))
}
