//! The cgroup2 mount, from /proc/self/mountinfo.
//!
//! Reads text only. Format: proc(5), `fs/proc_namespace.c`, `show_mountinfo`.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf};

/// Where cgroup2 is mounted; a mount of its root rather than one of a part of it.
pub(super) fn cgroup2(mountinfo: &[u8]) -> Option<PathBuf> {
    let mut part = None;
    for (root, mount_point) in mountinfo.split(|&b| b == b'\n').filter_map(cgroup2_mount) {
        if root == b"/" {
            return Some(unescape(mount_point));
        }
        part = part.or(Some(mount_point));
    }
    part.map(unescape)
}

/// Root and mount point of a line, if it is about a cgroup2 mount.
fn cgroup2_mount(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = line.split(|&b| b == b' ');
    // Before them: mount id, parent id, major:minor.
    let (root, mount_point) = (fields.nth(3)?, fields.next()?);
    // Optional fields end with a hyphen; the type follows.
    fields.find(|field| *field == b"-")?;
    (fields.next()? == b"cgroup2").then_some((root, mount_point))
}

/// Undoes `\040` for blank, tab, newline and backslash (`mangle`).
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'\\').then(|| octal(tail)).flatten();
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// The byte that three octal digits stand for.
fn octal(text: &[u8]) -> Option<u8> {
    let digits = text.first_chunk::<3>()?;
    digits.iter().try_fold(0_u8, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime shared:9 - cgroup cgroup rw,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 master:3 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_hybrid_mount_is_found() {
        let found = cgroup2(HYBRID.as_bytes());
        assert_eq!(found, Some("/sys/fs/cgroup/unified".into()));
    }

    #[test]
    fn the_whole_tree_is_better_than_a_part() {
        let text = "\
            50 1 0:26 /user.slice /mnt/part rw - cgroup2 cgroup2 rw\n\
            51 1 0:26 / /mnt/the\\040whole\\134x rw - cgroup2 cgroup2 rw\n";
        assert_eq!(cgroup2(text.as_bytes()), Some("/mnt/the whole\\x".into()));
        let part = text.lines().next().unwrap();
        assert_eq!(cgroup2(part.as_bytes()), Some("/mnt/part".into()));
    }

    #[test]
    fn other_text_has_no_mount() {
        for text in [
            "",
            "\n\n",
            "1 2 3",
            "1 2 0:1 / /a rw - cgroup cgroup2 rw",
            "a - cgroup2",
        ] {
            assert_eq!(cgroup2(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            unescape(b"a\\9\\04\\777\\"),
            PathBuf::from("a\\9\\04\\777\\")
        );
    }

    #[test]
    fn no_damage_is_fatal() {
        for length in 0..HYBRID.len() {
            let _ = cgroup2(&HYBRID.as_bytes()[..length]);
        }
    }
}
