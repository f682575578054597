//! Records what the kernel programs write into the ring, byte for byte, for tests to replay:
//! `cargo run --example capture -- FILE SECONDS`, as root. Records of one namespace only, that of
//! the process itself.

use std::{env, fs::File, io::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use sockwatch::source::{
    diag::netns,
    ebpf::{LoadOptions, Minis, Told, Tracer, decode},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let path = args.next().context("which file?")?;
    let seconds = args.next().context("how many seconds?")?.parse()?;
    let own = netns::own()?.inode;
    let mut file = File::create(path)?;
    let options = LoadOptions {
        ring_size: 1 << 20,
        kernel_log: false,
        hook: None,
        filter: None,
        minis: Minis::ALL,
        minisock: true,
    };
    let (_tracer, mut reader, _log) = Tracer::load(&options)?;
    let end = tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(end);
    // Not every record tells the namespace: known by the transitions before.
    let mut known = std::collections::HashSet::new();
    loop {
        tokio::select! {
            () = &mut end => return Ok(()),
            ready = reader.ready(Duration::ZERO) => ready?,
        }
        let mut written = Ok(());
        reader.drain_bytes(usize::MAX, |bytes| {
            let ours = match decode(bytes).map(|record| record.told) {
                Ok(Told::Transition(transition)) if transition.info.netns == Some(own) => {
                    known.insert(transition.sk);
                    true
                }
                Ok(Told::Mini(mini)) => mini.info.netns == Some(own),
                Ok(Told::SynSent(sent)) => known.contains(&sent.sk),
                Ok(Told::Accepted(accepted)) => known.contains(&accepted.sk),
                Ok(Told::Reset(reset)) => known.contains(&reset.sk),
                Ok(Told::Destroy(gone)) => known.remove(&gone.sk),
                _ => false,
            };
            if ours && written.is_ok() {
                written = file.write_all(bytes);
            }
        });
        written?;
    }
}
