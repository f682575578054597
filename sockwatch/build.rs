//! Puts the BPF object where the loader includes it from.
//!
//! That is the committed `bpf/sockwatch.bpf.o`, or the object that `SOCKWATCH_BPF_OBJECT` names (empty
//! is as good as unset): so a freshly built one can be tested without being installed.

use std::{env, fs, path::PathBuf};

fn main() {
    const OVERRIDE: &str = "SOCKWATCH_BPF_OBJECT";
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    let named = env::var_os(OVERRIDE).filter(|it| !it.is_empty());
    let object = named.map_or_else(
        || {
            PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
                .join("bpf/sockwatch.bpf.o")
        },
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", object.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    if let Err(error) = fs::copy(&object, out.join("sockwatch.bpf.o")) {
        println!("cargo::error=cannot copy {}: {error}", object.display());
    }
}
