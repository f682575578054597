//! The live trace: opens what it needs, in an order that leaves nothing behind when a step fails,
//! and runs a [`Session`].

use std::fs;

use anyhow::{Context as _, anyhow};
use jiff::tz::TimeZone;

use super::{
    Failure, clock,
    config::Config,
    log_to_stderr,
    pipeline::{Parts, Pipeline},
    privilege::{Capabilities, TRACING_CURE},
    seed,
    session::{Session, Signals},
};
use crate::{
    enrich::{
        cgroup::Paths,
        local_ports,
        names::{NameOptions, Names},
    },
    filter::Prefilter,
    model::event::{Degraded, Start},
    sink::{Jsonl, Sink, Text, TextOptions, Writer},
    source::{
        diag::netns,
        ebpf::{LoadError, Minis, Tracer},
    },
    table::{Follow, Followed, Table},
};

/// Runs the trace until it is over.
pub(super) fn run(config: Config) -> Result<(), Failure> {
    log_to_stderr(config.verbose);
    check_privilege()?;
    let writer = Writer::spawn(&config.target).map_err(Failure::runtime)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(Failure::runtime)?;
    runtime.block_on(trace(config, writer))
}

async fn trace(mut config: Config, writer: Writer) -> Result<(), Failure> {
    let signals = Signals::new()
        .context("cannot catch signals")
        .map_err(Failure::runtime)?;
    let prefilter = Prefilter::new(&config.selection, &config.filter);
    config.load.filter = prefilter
        .as_ref()
        .map(|prefilter| Box::new(prefilter.to_kernel()));
    // Attach first, then dump: what changes during the dump is in the stream.
    let (mut tracer, reader, kernel_log) = Tracer::load(&config.load).map_err(load_failure)?;
    let attached_at = clock::mono();
    if let Some(prefilter) = prefilter.filter(|_| tracer.filters) {
        log::info!("passed by the kernel: {prefilter}");
    }
    let seed = seed::begin(config.netns.take(), config.scan_owners)
        .context("cannot start a thread")
        .map_err(Failure::runtime)?;
    let mut degraded = std::mem::take(&mut tracer.degraded);
    let sink = sink(&config, &mut degraded);
    let cgroups = Paths::find().map_err(|error| {
        degraded.push(Degraded {
            what: "cgroup paths",
            why: error.to_string(),
        });
    });
    let start = Start {
        at: attached_at,
        version: env!("CARGO_PKG_VERSION"),
        kernel: uname(rustix::system::Uname::release),
        host: uname(rustix::system::Uname::nodename),
        boot_id: boot_id(),
        filter: filter_in_words(&config),
        probes: tracer.probes(),
        degraded,
    };
    let pipeline = Pipeline::new(Parts {
        table: Table::new(
            config.max_sockets,
            followed(config.load.minis, tracer.minis),
        ),
        selection: config.selection.clone(),
        filter: config.filter.clone(),
        local_ports: local_ports::range(),
        prefiltered: tracer.filters,
        minis: tracer.minis,
        reset_reasons: std::mem::take(&mut tracer.reset_reasons),
        raw_events: config.raw_events,
        sink,
        cgroups: cgroups.ok(),
        count: config.count,
    });
    Session::new(config, tracer, reader, kernel_log, pipeline, writer)
        .run(start, seed, signals)
        .await
}

/// How the table learns of minisockets: from the kernel programs, or as it can.
fn followed(wanted: Minis, told: Minis) -> Followed {
    let follow = |told, wanted| match (told, wanted) {
        (true, _) => Follow::Told,
        (false, true) => Follow::Inferred,
        (false, false) => Follow::Ignored,
    };
    Followed {
        requests: follow(told.requests, wanted.requests),
        timewaits: follow(told.timewaits, wanted.timewaits),
    }
}

/// The selection and the expression, as they would be typed.
fn filter_in_words(config: &Config) -> String {
    let words = [config.selection.to_string(), config.filter.to_string()];
    let words = words
        .iter()
        .map(String::as_str)
        .filter(|words| !words.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn sink(config: &Config, degraded: &mut Vec<Degraded>) -> Sink {
    if config.json {
        return Sink::Jsonl(Jsonl::new());
    }
    let wanted = NameOptions {
        services: config.service_names,
        hosts: config.host_names,
    };
    let (names, without) = Names::load(wanted);
    degraded.extend(without);
    let options = TextOptions {
        colour: config.colour,
        header: config.header,
        own_netns: netns::own().ok().map(|netns| netns.inode),
        zone: TimeZone::system(),
    };
    Sink::Text(Text::new(options, names))
}

fn check_privilege() -> Result<(), Failure> {
    let missing = Capabilities::effective().missing_for_tracing();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|capability| capability.name()).collect();
    Err(Failure::unsupported(anyhow!(
        "not permitted: live tracing needs {}; {TRACING_CURE}",
        names.join(" and ")
    )))
}

fn load_failure(error: LoadError) -> Failure {
    match error {
        LoadError::NoHook { .. } | LoadError::Tracefs(_) | LoadError::Refused(_) => {
            Failure::unsupported(error)
        }
        LoadError::Object(_)
        | LoadError::Missing(_)
        | LoadError::Abi(_)
        | LoadError::Map { .. }
        | LoadError::Register(_) => Failure::runtime(error),
    }
}

fn uname(field: impl Fn(&rustix::system::Uname) -> &std::ffi::CStr) -> String {
    field(&rustix::system::uname())
        .to_string_lossy()
        .into_owned()
}

fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
