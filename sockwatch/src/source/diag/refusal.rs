//! What a failed dump means.
//!
//! Knows the errors of the kernel; what is done about them is the caller's.

use rustix::io::Errno;

use super::wire::WireError;
use crate::explain::one_line;

/// Whether the kernel says that it can't dump such sockets: it has none, or lacks a module.
pub(super) fn is_absence(error: &WireError) -> bool {
    matches!(
        errno(error),
        Some(Errno::NOENT | Errno::INVAL | Errno::PROTONOSUPPORT | Errno::OPNOTSUPP)
    )
}

/// Whether the kernel may have refused the request for its filter: it knows an operation not yet
/// (EINVAL), or not for us (EPERM, `INET_DIAG_BC_MARK_COND`).
pub(super) fn is_for_the_program(error: &WireError) -> bool {
    matches!(errno(error), Some(Errno::INVAL | Errno::PERM))
}

/// The error with its source and a cure: it leaves here as text.
pub(super) fn explain(error: &WireError, module: &str) -> String {
    if errno(error) == Some(Errno::NOENT) {
        return format!("the kernel has no sock_diag for it; cure: modprobe {module}");
    }
    one_line(error)
}

fn errno(error: &WireError) -> Option<Errno> {
    match error {
        WireError::Refused(source) => Errno::from_io_error(source),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let refused = |errno: Errno| WireError::Refused(errno.into());
        assert!(is_absence(&refused(Errno::NOENT)) && is_absence(&refused(Errno::INVAL)));
        assert!(!is_absence(&refused(Errno::PERM)));
        assert!(!is_absence(&WireError::Receive(Errno::NOENT.into())));
        assert!(is_for_the_program(&refused(Errno::PERM)));
        assert!(!is_for_the_program(&refused(Errno::NOENT)));
        assert!(explain(&refused(Errno::NOENT), "tcp_diag").contains("modprobe tcp_diag"));
        assert!(explain(&refused(Errno::PERM), "tcp_diag").contains("not permitted"));
    }
}
