//! The classic tracepoints' `format` files: where the fields lie in their context.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sockwatch_common::layout::{ABSENT, ClassicLayout};
use thiserror::Error;

/// Where tracefs is mounted: its own place since 4.1, or inside debugfs.
pub const MOUNT_POINTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Why the classic tracepoints can't be used.
#[derive(Debug, Error)]
pub enum TracefsError {
    /// None of [`MOUNT_POINTS`] holds an `events` folder.
    #[error("tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)")]
    NotMounted,
    /// A `format` file can't be read; tracefs is closed to all but root.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A field that every kernel since 4.16 has is not there.
    #[error("{} has no field {field}", path.display())]
    Field {
        /// Which file.
        path: PathBuf,
        /// Which field.
        field: &'static str,
    },
}

/// A field of a tracepoint's context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    offset: u32,
    size: u32,
}

/// The mounted tracefs.
///
/// # Errors
/// [`TracefsError::NotMounted`]; also [`TracefsError::Read`] where it may not be looked into.
pub fn mount_point() -> Result<&'static Path, TracefsError> {
    for mount in MOUNT_POINTS.map(Path::new) {
        match fs::metadata(mount.join("events")) {
            Ok(_) => return Ok(mount),
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(TracefsError::Read { path: mount.to_owned(), source });
            }
            Err(_) => {}
        }
    }
    Err(TracefsError::NotMounted)
}

/// Reads both `format` files.
///
/// # Errors
/// See [`TracefsError`]. A kernel without `tcp_destroy_sock` only has `destroy_skaddr` absent.
pub fn classic_layout() -> Result<ClassicLayout, TracefsError> {
    let events = mount_point()?.join("events");
    let mut layout = set_state_layout(&events.join("sock/inet_sock_set_state/format"))?;
    let destroy = events.join("tcp/tcp_destroy_sock/format");
    if let Ok(text) = fs::read_to_string(destroy) {
        layout.destroy_skaddr = find(&text, "skaddr").map_or(ABSENT, |f| f.offset);
    }
    Ok(layout)
}

fn set_state_layout(path: &Path) -> Result<ClassicLayout, TracefsError> {
    let text = fs::read_to_string(path)
        .map_err(|source| TracefsError::Read { path: path.to_owned(), source })?;
    parse_set_state(&text).map_err(|field| TracefsError::Field { path: path.to_owned(), field })
}

/// Gives the name of the first field that is missing.
fn parse_set_state(text: &str) -> Result<ClassicLayout, &'static str> {
    let field = |name| find(text, name).ok_or(name);
    let protocol = field("protocol")?;
    Ok(ClassicLayout {
        skaddr: field("skaddr")?.offset,
        oldstate: field("oldstate")?.offset,
        newstate: field("newstate")?.offset,
        sport: field("sport")?.offset,
        dport: field("dport")?.offset,
        family: field("family")?.offset,
        protocol: protocol.offset,
        protocol_len: protocol.size,
        saddr: field("saddr")?.offset,
        daddr: field("daddr")?.offset,
        saddr_v6: field("saddr_v6")?.offset,
        daddr_v6: field("daddr_v6")?.offset,
        destroy_skaddr: ABSENT,
    })
}

/// Finds `field:TYPE NAME; offset:N; size:N; ...` or `field:TYPE NAME[LEN]; ...`.
fn find(text: &str, name: &str) -> Option<Field> {
    text.lines().find_map(|line| {
        let mut parts = line.trim().split(';').map(str::trim);
        let declaration = parts.next()?.strip_prefix("field:")?;
        let declared = declaration.split_whitespace().last()?;
        if declared.split('[').next()? != name {
            return None;
        }
        let mut number = |key: &str| parts.next()?.strip_prefix(key)?.parse().ok();
        Some(Field { offset: number("offset:")?, size: number("size:")? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Since 5.6, as a 6.18 kernel prints it.
    const FORMAT: &str = include_str!("fixtures/inet_sock_set_state.format");

    #[test]
    fn offsets_come_from_the_file() {
        let layout = parse_set_state(FORMAT).unwrap();
        assert_eq!((layout.skaddr, layout.oldstate, layout.newstate), (8, 16, 20));
        assert_eq!((layout.sport, layout.dport, layout.family), (24, 26, 28));
        assert_eq!((layout.protocol, layout.protocol_len), (30, 2));
        assert_eq!((layout.saddr, layout.daddr), (32, 36));
        assert_eq!((layout.saddr_v6, layout.daddr_v6), (40, 56));
    }

    #[test]
    fn kernels_before_5_6_have_a_one_byte_protocol() {
        let old = FORMAT
            .replace("__u16 protocol;\toffset:30;\tsize:2;", "__u8 protocol;\toffset:30;\tsize:1;");
        let layout = parse_set_state(&old).unwrap();
        assert_eq!((layout.protocol, layout.protocol_len), (30, 1));
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(parse_set_state(&FORMAT.replace(" family;", " fam;")), Err("family"));
        assert_eq!(parse_set_state(""), Err("protocol"));
    }
}
