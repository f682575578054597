//! What a BPF object must still have after linking and stripping, or the loader can't use it.

use std::fmt;

use anyhow::{Context as _, bail};
use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _};

/// What was found, for the task's report.
#[derive(Debug)]
pub(super) struct Summary {
    programs: Vec<String>,
    maps: Vec<String>,
    relocations: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            programs,
            maps,
            relocations,
        } = self;
        let (maps, programs) = (maps.join(" "), programs.join(" "));
        write!(
            f,
            "{relocations} relocations, maps in {maps}, programs {programs}"
        )
    }
}

/// Reads the object's sections.
///
/// # Errors
/// When BTF, the licence, programs, maps or the relocations that tie maps to programs are missing,
/// or debug sections are left.
pub(super) fn inspect(bytes: &[u8]) -> anyhow::Result<Summary> {
    let file = ElfFile64::<Endianness>::parse(bytes).context("no 64-bit ELF file")?;
    let mut names = Vec::new();
    let mut summary = Summary {
        programs: Vec::new(),
        maps: Vec::new(),
        relocations: 0,
    };
    for section in file.sections() {
        let name = section.name().context("section name")?.to_owned();
        // Programs are in sections named after their hook, as `tp_btf/inet_sock_set_state`.
        if name.contains('/') && !name.starts_with('.') {
            summary.relocations += section.relocations().count();
            summary.programs.push(name.clone());
        }
        if matches!(name.as_str(), "maps" | ".maps") {
            summary.maps.push(name.clone());
        }
        names.push(name);
    }
    for needed in [".BTF", ".BTF.ext", "license"] {
        if !names.iter().any(|name| name == needed) {
            bail!("the object has no section {needed}");
        }
    }
    if let Some(debug) = names.iter().find(|name| name.starts_with(".debug")) {
        bail!("the object still has {debug}");
    }
    if summary.programs.is_empty() || summary.maps.is_empty() || summary.relocations == 0 {
        bail!("the object lacks programs, maps or relocations: {summary}");
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(inspect(b"").is_err());
        assert!(inspect(b"version https://git-lfs.github.com/spec/v1").is_err());
    }
}
