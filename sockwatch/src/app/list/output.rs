//! Where rows go: text or JSON lines, to standard output.
//!
//! A closed pipe is nobody's error: the rest is not rendered any more.

use std::io::{self, Write as _};

use anyhow::Context as _;

use super::{
    super::{Failure, clock, config::ListConfig, machine},
    facts::More,
};
use crate::{
    enrich::{
        devices::Devices,
        names::{hosts::Hosts, protocols::Protocols, resolver, services::Services},
    },
    explain::one_line,
    model::{
        MonoNs, Row, Users, WallClock,
        event::{RowEvent, SummaryEvent},
        summary::Summary,
    },
    sink::{
        Jsonl,
        rows::{Beside, RowNames, RowOptions, Rows},
        summary,
    },
    source::diag::{
        inside,
        netns::{self, Netns},
    },
};

/// Bytes that are written at once.
const CHUNK: usize = 1 << 18;

/// The output.
pub(super) struct Output {
    form: Form,
    bytes: Vec<u8>,
    stdout: Stdout,
}

/// Standard output, until it fails.
#[derive(Default)]
struct Stdout {
    /// The first error of a write; nothing is written after it.
    failed: Option<io::Error>,
}

impl Stdout {
    /// Writes what is worth a system call.
    fn take_chunk(&mut self, bytes: &mut Vec<u8>) {
        if bytes.len() >= CHUNK {
            self.take(bytes);
        }
    }

    fn take(&mut self, bytes: &mut Vec<u8>) {
        if self.failed.is_none() {
            let mut stdout = io::stdout();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            self.failed = written.err();
        }
        bytes.clear();
    }
}

enum Form {
    Text(Box<Rows>),
    Json {
        jsonl: Jsonl,
        devices: Option<Devices>,
        at: MonoNs,
        wall: WallClock,
        /// Whether all holders are shown.
        users: bool,
    },
}

impl Output {
    pub(super) fn new(config: &ListConfig) -> Result<Self, Failure> {
        let form = if config.json {
            Form::Json {
                jsonl: Jsonl::new(),
                devices: devices(config),
                at: clock::mono(),
                wall: clock::wall(),
                users: config.details.users,
            }
        } else {
            let options = RowOptions {
                netid: config.tables.netids.len() != 1,
                state: !config.tables.states.is_single(),
                queues: config.queues,
                details: config.details,
                header: config.header && config.rows,
                terminal: terminal_width(),
            };
            Form::Text(Box::new(Rows::new(options, names(config)?)))
        };
        Ok(Self {
            form,
            bytes: Vec::with_capacity(CHUNK),
            stdout: Stdout::default(),
        })
    }

    /// Prints a row.
    pub(super) fn row(&mut self, row: &Row<'_>, more: More<'_>) {
        if self.stdout.failed.is_some() {
            return;
        }
        match &mut self.form {
            Form::Text(rows) => {
                let beside = Beside {
                    cgroup: more.cgroup,
                    users: more.users.unwrap_or_default(),
                    peer: more.peer,
                };
                rows.push(row, &beside, &mut self.bytes, |bytes| {
                    self.stdout.take_chunk(bytes);
                });
            }
            Form::Json {
                jsonl,
                devices,
                at,
                wall,
                users,
            } => {
                let device = row.device().filter(|&index| index != 0);
                let devices = devices.as_mut();
                let owner = more.users.and_then(Users::owner);
                let event = RowEvent {
                    at: *at,
                    row,
                    owner: owner.as_ref(),
                    cgroup: more.cgroup,
                    device: device
                        .zip(devices)
                        .and_then(|(index, names)| names.name(index)),
                    killed: more.killed,
                    users: more.users.filter(|_| *users),
                    peer: more.peer,
                };
                jsonl.write_row(&event, *wall, &mut self.bytes);
            }
        }
        self.stdout.take_chunk(&mut self.bytes);
    }

    /// Prints the counts of a namespace, or of the own one.
    pub(super) fn summary(&mut self, netns: Option<&Netns>, summary: &Summary) {
        match &mut self.form {
            Form::Text(_) => summary::write(summary, &mut self.bytes),
            Form::Json {
                jsonl, at, wall, ..
            } => {
                let own = || netns::own().ok().map(|own| own.inode);
                let event = SummaryEvent {
                    at: *at,
                    netns: netns.map(|netns| netns.inode).or_else(own),
                    summary,
                };
                jsonl.write_summary(&event, *wall, &mut self.bytes);
            }
        }
        self.stdout.take_chunk(&mut self.bytes);
    }

    /// Prints what is left.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if let Form::Text(rows) = &mut self.form {
            rows.finish(&mut self.bytes, |bytes| self.stdout.take_chunk(bytes));
        }
        self.stdout.take(&mut self.bytes);
        match self.stdout.failed {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => {
                let error = Err::<(), _>(error).context("cannot write to standard output");
                error.map_err(Failure::runtime)
            }
        }
    }
}

/// The names that the options leave.
fn names(config: &ListConfig) -> Result<RowNames, Failure> {
    let mut names = RowNames {
        devices: devices(config),
        hosts: config
            .host_names
            .then(|| Hosts::new(resolver::reverse_dns as _)),
        ..RowNames::default()
    };
    if config.numeric {
        return Ok(names);
    }
    names.protocols = Some(Protocols::load());
    let services = match &config.netns {
        Some(netns) => inside::inside(netns, Services::load).map_err(Failure::runtime)?,
        None => Services::load(),
    };
    names.services = services
        .map_err(|error| log::warn!("service names: {}", one_line(&error)))
        .ok();
    Ok(names)
}

/// The names of devices, which no option turns off.
fn devices(config: &ListConfig) -> Option<Devices> {
    machine::devices(config.netns.as_ref())
        .map_err(|error| log::warn!("network devices: {error}"))
        .ok()
}

/// Columns of the terminal that standard output is, or as COLUMNS says.
fn terminal_width() -> Option<usize> {
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    said.or_else(|| {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    })
    .filter(|&columns| columns > 0)
}
