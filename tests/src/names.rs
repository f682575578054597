//! Names for what belongs to the whole machine: each says which process made it, so that what one
//! that was killed left behind is known as such.

use std::{path::Path, process};

const PREFIX: &str = "sockwatch-test-";

/// A name for what this process makes; what follows a further `-` tells several apart.
pub fn own() -> String {
    format!("{PREFIX}{}", process::id())
}

/// Whether this is such a name, or begins with it, and its process is gone.
pub fn is_left_behind(name: &str) -> bool {
    let maker = name
        .strip_prefix(PREFIX)
        .and_then(|it| it.split('-').next());
    maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_process_that_is_gone_has_made_is_left_behind() {
        // More than a kernel ever gives.
        for gone in ["sockwatch-test-4194305", "sockwatch-test-4194305-label"] {
            assert!(is_left_behind(gone), "{gone}");
        }
        for not in [own(), format!("{}-label", own()), "4194305".to_owned()] {
            assert!(!is_left_behind(&not), "{not}");
        }
    }
}
