//! Read-only globals, filled in by the loader before the programs are verified.
//!
//! The verifier treats them as constants: a branch on one of them that is not taken is pruned.

use sockwatch_common::{
    ABI_VERSION,
    filter::Filter,
    layout::{ClassicLayout, Layout, Settings, Symbols},
};

/// The interface this object was built for; the loader looks at it.
#[used]
#[unsafe(no_mangle)]
static SOCKWATCH_ABI: u32 = ABI_VERSION;

/// Where this kernel keeps the facts of a socket.
#[unsafe(no_mangle)]
pub static LAYOUT: Layout = Layout::ABSENT;

/// Where the classic tracepoints keep theirs.
#[unsafe(no_mangle)]
pub static CLASSIC_LAYOUT: ClassicLayout = ClassicLayout::ABSENT;

/// Where this kernel's functions lie.
#[unsafe(no_mangle)]
pub static SYMBOLS: Symbols = Symbols::ABSENT;

/// What to do.
#[unsafe(no_mangle)]
pub static SETTINGS: Settings = Settings {
    wake_at_bytes: 0,
    typed_helpers: 0,
    requests: 0,
    timewaits: 0,
    ports: 0,
};

/// What may be dropped.
#[unsafe(no_mangle)]
pub static FILTER: Filter = Filter::NONE;

/// Reads one field of a global. Volatile, for the compiler would fold in the value it sees here.
macro_rules! global {
    ($global:ident.$($field:tt)+) => {
        // SAFETY: a field of a static; nothing writes it once the programs run.
        unsafe { core::ptr::read_volatile(&raw const $crate::globals::$global.$($field)+) }
    };
}
pub(crate) use global;
