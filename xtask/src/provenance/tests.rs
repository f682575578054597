//! The committed object against its sources, and what the hash of the sources must notice.

use std::path::PathBuf;
use std::{env, fs, process};

use super::*;

/// A copy of the workspace's shape in a directory of its own, removed at the end.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let root = env::temp_dir().join(format!("sockwatch-{name}-{}", process::id()));
        let tree = Self(root);
        tree.put("sockwatch-ebpf/Cargo.toml", "[package]");
        tree.put("sockwatch-ebpf/src/main.rs", "fn main() {}");
        tree.put("sockwatch-common/src/deep/er.rs", "");
        tree
    }

    fn put(&self, path: &str, content: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn hash(&self) -> String {
        sources_sha256(&self.0).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn committed_object_matches_sources() {
    let workspace = Workspace::locate().unwrap();
    if let Err(error) = verify(&workspace) {
        panic!("{error}");
    }
}

#[test]
fn hash_notices_content_names_and_new_files() {
    let tree = Tree::new("hash");
    let mut seen = vec![tree.hash()];
    tree.put("sockwatch-ebpf/src/main.rs", "fn main() { }");
    seen.push(tree.hash());
    tree.put("sockwatch-common/src/deep/new.rs", "");
    seen.push(tree.hash());
    fs::rename(
        tree.0.join("sockwatch-common/src/deep/new.rs"),
        tree.0.join("sockwatch-common/src/deep/other.rs"),
    )
    .unwrap();
    seen.push(tree.hash());
    tree.put("sockwatch-ebpf/.cargo/config.toml", "[build]");
    seen.push(tree.hash());
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn hash_ignores_what_is_not_compiled() {
    let tree = Tree::new("ignored");
    let before = tree.hash();
    tree.put("sockwatch-ebpf/target/release/x", "x");
    tree.put("sockwatch/src/main.rs", "fn main() {}");
    tree.put("sockwatch-common/README.md", "x");
    assert_eq!(tree.hash(), before);
}

#[test]
fn record_survives_a_round_trip() {
    let tree = Tree::new("record");
    let record = Provenance {
        tools: Tools {
            rustc: "rustc 1.96.0".into(),
            llvm: "22.1.8".into(),
            bpf_linker: "0.13.0".into(),
            llvm_strip: "22.1.8".into(),
        },
        sources_sha256: tree.hash(),
        object_sha256: sha256(b"object"),
    };
    record.write(&tree.0).unwrap();
    assert_eq!(Provenance::read(&tree.0).unwrap(), record);
}

#[test]
fn tools_tell_which_differs() {
    let ours = Tools {
        rustc: "rustc 1.96.0".into(),
        llvm: "22.1.8".into(),
        bpf_linker: "0.13.0".into(),
        llvm_strip: "22.1.8".into(),
    };
    let theirs = Tools {
        bpf_linker: "0.14.0".into(),
        ..ours.clone()
    };
    assert_eq!(ours.differences(&theirs), ["bpf-linker: 0.13.0 / 0.14.0"]);
    assert!(ours.differences(&ours).is_empty());
}

#[test]
fn sha256_is_the_standard_one() {
    // FIPS 180-2, appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(b"abc"), expected);
}
