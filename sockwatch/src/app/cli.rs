//! The command line: flags as the user types them, and the errors made of them.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{filter, source::ebpf};

/// Every TCP state change, as it happens: ss for the live stream.
#[derive(Debug, Parser)]
#[command(
    name = "sockwatch",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    after_help = "Exit status: 0, 1 runtime error, 2 usage, 3 not permitted or not supported here."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) live: LiveArgs,
}

/// What to do instead of tracing.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what this kernel and this user can do, and the cure for what they can't
    Doctor,
}

/// Options of the live trace. Short flags mean what they mean in ss.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct LiveArgs {
    /// Show TCP sockets
    #[arg(short = 't', long, help_heading = "Selection")]
    pub tcp: bool,
    /// Show MPTCP sockets
    #[arg(short = 'M', long, help_heading = "Selection")]
    pub mptcp: bool,
    /// Show IPv4 sockets
    #[arg(short = '4', long, help_heading = "Selection")]
    pub ipv4: bool,
    /// Show IPv6 sockets
    #[arg(short = '6', long, help_heading = "Selection")]
    pub ipv6: bool,
    /// Show every state (the default)
    #[arg(short, long, help_heading = "Selection")]
    pub all: bool,
    /// Show only what begins or ends listening
    #[arg(short, long, help_heading = "Selection", overrides_with = "all")]
    pub listening: bool,
    /// Show one network namespace: a name of `ip netns`, or a path
    #[arg(short = 'N', long, value_name = "NAME", help_heading = "Selection")]
    pub net: Option<String>,
    /// Which side of a transition has to be in the selected states
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "both",
        help_heading = "Selection"
    )]
    pub on: OnArg,

    /// Print JSON lines
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// First print the matching sockets that exist already
    #[arg(long, help_heading = "Output")]
    pub snapshot: bool,
    /// Don't look up service names
    #[arg(short, long, help_heading = "Output")]
    pub numeric: bool,
    /// Look up host names; a line never waits for one
    #[arg(short, long, help_heading = "Output")]
    pub resolve: bool,
    /// Find the owners of sockets that exist already, too (--json always does)
    #[arg(short, long, help_heading = "Output")]
    pub processes: bool,
    /// Print no header
    #[arg(short = 'H', long, help_heading = "Output")]
    pub no_header: bool,
    /// Write to FILE instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Colour the text
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: ColorArg,

    /// Stop after this long: 5, 1.5s, 500ms, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Run")]
    pub duration: Option<Duration>,
    /// Stop after N transitions
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Run")]
    pub count: Option<u64>,
    /// How long a transition may wait before it is printed
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = duration,
          help_heading = "Run")]
    pub latency: Duration,
    /// Room for transitions between the kernel and us: bytes, a power of two, K and M allowed
    #[arg(long, value_name = "BYTES", default_value = "8M", value_parser = ring_size,
          help_heading = "Run")]
    pub ring_size: u32,
    /// Most sockets to remember; beyond that old ones are forgotten, and counted
    #[arg(long, value_name = "N", default_value = "1048576", value_parser = count,
          help_heading = "Run")]
    pub max_sockets: u64,
    /// How to hook into the kernel
    #[arg(
        long,
        value_name = "HOOK",
        default_value = "auto",
        help_heading = "Run"
    )]
    pub hook: HookArg,
    /// Say more on standard error: what is in use, the kernel programs' own warnings
    #[arg(short, long, help_heading = "Run")]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OnArg {
    /// The state entered
    Enter,
    /// The state left
    Leave,
    /// Either
    Both,
}

impl From<OnArg> for filter::On {
    fn from(arg: OnArg) -> Self {
        match arg {
            OnArg::Enter => Self::Enter,
            OnArg::Leave => Self::Leave,
            OnArg::Both => Self::Both,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum HookArg {
    /// The best that loads
    Auto,
    /// The typed tracepoint (BTF)
    TpBtf,
    /// The classic tracepoint (tracefs)
    Tracepoint,
}

impl From<HookArg> for Option<ebpf::Hook> {
    fn from(arg: HookArg) -> Self {
        match arg {
            HookArg::Auto => None,
            HookArg::TpBtf => Some(ebpf::Hook::TpBtf),
            HookArg::Tracepoint => Some(ebpf::Hook::Tracepoint),
        }
    }
}

/// `5`, `1.5s`, `500ms`, `2m`, `1h`: a number of seconds, or of the unit behind it.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "s" => 1.0,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(format!("unknown unit '{unit}'; use us, ms, s, m, h or d")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_not_a_number: std::num::ParseFloatError| {
            "expected a time such as 5, 1.5s, 500ms or 2m".to_owned()
        })?;
    Duration::try_from_secs_f64(number * seconds)
        .map_err(|_too_long: std::time::TryFromFloatSecsError| "that is too long".to_owned())
}

fn count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("expected a whole number".to_owned()),
    }
}

/// Smallest ring: one page.
const RING_MIN: u64 = 4096;
/// Largest ring the kernel takes (`RINGBUF_MAX_DATA_SZ` allows more; nobody needs it).
const RING_MAX: u64 = 1 << 30;

fn ring_size(text: &str) -> Result<u32, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift))
        .ok_or("expected bytes, such as 65536, 64K or 8M")?;
    if !(RING_MIN..=RING_MAX).contains(&bytes) {
        return Err(format!("expected {RING_MIN} to 1G bytes"));
    }
    if !bytes.is_power_of_two() {
        return Err(format!(
            "expected a power of two; the next is {}",
            bytes.next_power_of_two()
        ));
    }
    u32::try_from(bytes).map_err(|_beyond: std::num::TryFromIntError| "too large".to_owned())
}

/// One line for a command line that could not be understood, with a hint.
pub(super) fn one_line(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let arg = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = arg.split(' ').next().unwrap_or_default();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let mut line = match error.kind() {
        ErrorKind::UnknownArgument if arg.starts_with('-') => format!("unknown option '{arg}'"),
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            let word = if arg.is_empty() {
                text(ContextKind::InvalidSubcommand)
            } else {
                Some(arg)
            };
            return format!(
                "unexpected word '{}': no filter expressions yet; -t -M -4 -6 -l -N select",
                word.unwrap_or_default()
            );
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{option} needs a value"),
        ErrorKind::InvalidValue => format!("bad value '{value}' for {option}"),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            format!(
                "bad value '{value}' for {option}: {}",
                why.unwrap_or_default()
            )
        }
        ErrorKind::ArgumentConflict => format!("{option} cannot be used here"),
        _ => error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .replace("error: ", ""),
    };
    let suggestion = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
        ContextKind::SuggestedSubcommand,
    ]
    .into_iter()
    .find_map(text);
    let valid = text(ContextKind::ValidValue).filter(|valid| !valid.is_empty());
    let _infallible = match (suggestion, valid) {
        (Some(close), _) => write!(line, "; did you mean '{close}'?"),
        (None, Some(valid)) => write!(line, "; it takes {valid}"),
        (None, None) => write!(line, "; see sockwatch --help"),
    };
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn durations() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for bad in [
            "",
            "s",
            "-1",
            "5 s",
            "5parsecs",
            "1e3",
            "1..2",
            "99999999999999999999d",
        ] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ring_sizes() {
        assert_eq!(ring_size("16384"), Ok(16384));
        assert_eq!(ring_size("16K"), Ok(16384));
        assert_eq!(ring_size("8M"), Ok(8 << 20));
        assert_eq!(ring_size("1G"), Ok(1 << 30));
        for bad in [
            "",
            "K",
            "0",
            "2048",
            "3M",
            "-4096",
            "2G",
            "16KiB",
            "99999999999999999999",
        ] {
            assert!(ring_size(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            ring_size("5000").unwrap_err(),
            "expected a power of two; the next is 8192"
        );
    }

    #[test]
    fn every_usage_error_is_one_line_with_a_hint() {
        let line = |args: &[&str]| {
            let args = ["sockwatch"].iter().chain(args);
            one_line(&Cli::try_parse_from(args).unwrap_err())
        };
        assert_eq!(
            line(&["--jsn"]),
            "unknown option '--jsn'; did you mean '--json'?"
        );
        assert_eq!(line(&["-y"]), "unknown option '-y'; see sockwatch --help");
        assert!(line(&["bogus"]).starts_with("unexpected word 'bogus': no filter"));
        assert_eq!(
            line(&["--on", "entry"]),
            "bad value 'entry' for --on; did you mean 'enter'?"
        );
        assert_eq!(
            line(&["--on", "x"]),
            "bad value 'x' for --on; it takes enter, leave, both"
        );
        assert_eq!(
            line(&["--count", "0"]).split(';').next().unwrap(),
            "bad value '0' for --count: expected at least 1"
        );
        assert!(
            line(&["--count"]).starts_with("--count needs a value"),
            "{}",
            line(&["--count"])
        );
        for args in [&["doctor", "-x"][..], &["-t", "doctor"], &["--json=yes"]] {
            assert_eq!(line(args).lines().count(), 1, "{args:?}");
        }
    }
}
