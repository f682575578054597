//! Which container a cgroup belongs to, by its path.
//!
//! Known are the paths that docker, containerd, cri-o, podman, Kubernetes, LXC and systemd-nspawn
//! make. Asks no container engine: where an engine's name for a container is not in the path, only
//! its id is known.

use super::{expr::Glob, glob::Case};

/// Hexadecimal digits of a container id.
const ID_DIGITS: usize = 64;

/// Bytes of the longest name: that of a directory.
const NAME_BYTES: usize = 255;

/// Id or name of the innermost container that the cgroup at `path` is in, as it stands in the path.
pub fn find(path: &str) -> Option<&str> {
    let mut above = path;
    loop {
        let (parents, name) = above.rsplit_once('/')?;
        if let Some(container) = named_by(parents, name) {
            return Some(container);
        }
        above = parents;
    }
}

/// The container whose cgroup is called `name`, below the cgroups `parents`.
fn named_by<'a>(parents: &str, name: &'a str) -> Option<&'a str> {
    if let Some(id) = name.strip_suffix(".scope").and_then(id_in_scope) {
        return Some(id);
    }
    if let Some(machine) = name
        .strip_prefix("machine-")
        .and_then(|rest| rest.strip_suffix(".scope"))
        .or_else(|| {
            let rest = name.strip_prefix("systemd-nspawn@")?;
            rest.strip_suffix(".service")
        })
        .or_else(|| name.strip_prefix("lxc.payload."))
    {
        return Some(machine).filter(|machine| !machine.is_empty());
    }
    // podman without systemd has `libpod-ID` without a suffix.
    if let Some(id) = name.strip_prefix("libpod-").filter(|id| is_id(id)) {
        return Some(id);
    }
    let parent = parents.rsplit('/').next();
    let kept_by_engine = parent == Some("docker")
        || parents
            .split('/')
            .any(|parent| parent.starts_with("kubepods"));
    if kept_by_engine && is_id(name) || parent == Some("lxc") && !name.is_empty() {
        return Some(name);
    }
    None
}

/// `ENGINE-ID`. The monitor process of an engine (`libpod-conmon-ID`) is in no container.
fn id_in_scope(name: &str) -> Option<&str> {
    ["docker-", "cri-containerd-", "crio-", "libpod-"]
        .iter()
        .find_map(|engine| name.strip_prefix(engine))
        .filter(|id| is_id(id))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether the cgroup at `path` is in a container whose id begins with `wanted`, or whose id or
/// name matches it.
pub(super) fn matches(path: &str, wanted: &Glob) -> bool {
    let Some(found) = find(path) else {
        return false;
    };
    let pattern = &wanted.pattern;
    let begins_id = !pattern.is_empty()
        && is_id(found)
        && pattern.len() <= found.len()
        && pattern.eq_ignore_ascii_case(&found.as_bytes()[..pattern.len()]);
    if begins_id {
        return true;
    }
    let mut buffer = [0; NAME_BYTES];
    wanted.matches(unescape(found, &mut buffer), Case::Matters)
}

/// The name without systemd's escapes: `\x2d` is a byte by its number.
fn unescape<'a>(name: &'a str, buffer: &'a mut [u8; NAME_BYTES]) -> &'a [u8] {
    let mut rest = name.as_bytes();
    if !rest.contains(&b'\\') || rest.len() > buffer.len() {
        return rest;
    }
    let mut length = 0;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = escaped(rest).unwrap_or((*first, tail));
        buffer[length] = byte;
        length += 1;
        rest = tail;
    }
    &buffer[..length]
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, tail) = text.strip_prefix(br"\x")?.split_first_chunk::<2>()?;
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = digit(digits[0])? << 4 | digit(digits[1])?;
    Some((u8::try_from(byte).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f0e1c9ad2b3a4958677a8b9cadbecfd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7";

    fn glob(pattern: &str) -> Glob {
        Glob {
            pattern: pattern.into(),
        }
    }

    #[test]
    fn ids_are_found_where_engines_put_them() {
        for path in [
            "/docker/ID",
            "/docker/ID/system.slice/ssh.service",
            "/system.slice/docker-ID.scope",
            "/system.slice/containerd.service/kubepods-burstable-pod7.slice:cri:x/../kubepods/ID",
            "/kubepods.slice/kubepods-pod7.slice/cri-containerd-ID.scope",
            "/kubepods.slice/kubepods-besteffort.slice/pod7/crio-ID.scope/container",
            "/kubepods/burstable/pod12ab/ID",
            "/machine.slice/libpod-ID.scope/container",
            "/libpod_parent/libpod-ID",
        ] {
            let path = path.replace("ID", ID);
            assert_eq!(find(&path), Some(ID), "{path}");
            assert!(matches(&path, &glob("4f0e1c9ad2b3")));
            assert!(matches(&path, &glob("4F0E1C")) && matches(&path, &glob("4f0e*")));
            assert!(!matches(&path, &glob("4f0e1c9ad2b4")));
            assert!(!matches(&path, &glob("")));
        }
    }

    #[test]
    fn names_are_found_and_read_without_escapes() {
        for (path, name) in [
            ("/lxc/web", "web"),
            ("/lxc.payload.web/init.scope", "web"),
            ("/machine.slice/machine-web.scope", "web"),
            ("/machine.slice/systemd-nspawn@web.service/payload", "web"),
        ] {
            assert_eq!(find(path), Some(name), "{path}");
            assert!(matches(path, &glob("w*")) && !matches(path, &glob("we")));
        }
        let escaped = r"/machine.slice/machine-my\x2dbox\x.scope";
        assert_eq!(find(escaped), Some(r"my\x2dbox\x"));
        assert!(matches(escaped, &glob(r"my-box\\x")));
    }

    #[test]
    fn the_innermost_counts() {
        let path = format!("/lxc/outer/docker/{ID}/x");
        assert_eq!(find(&path), Some(ID));
    }

    #[test]
    fn other_cgroups_are_no_containers() {
        let conmon = format!("/machine.slice/libpod-conmon-{ID}.scope");
        let elsewhere = format!("/user.slice/{ID}");
        for path in [
            "",
            "/",
            "/init.scope",
            "/system.slice/docker.service",
            "/docker",
            "/docker/short",
            "/lxc/",
            "/machine.slice/machine-.scope",
            "/lxc.monitor.web",
            &conmon,
            &elsewhere,
        ] {
            assert_eq!(find(path), None, "{path}");
        }
        assert!(!matches("/", &glob("*")));
    }
}
