use sockwatch::source::ebpf::*;
fn main() {
    env_logger::init();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let t = std::time::Instant::now();
        let hook = match std::env::args().nth(1).as_deref() { Some("c") => Some(Hook::Tracepoint), Some("b") => Some(Hook::TpBtf), _ => None };
        let (tracer, mut reader, _log) = match Tracer::load(&LoadOptions { ring_size: 1 << 22, kernel_log: true, hook }) { Ok(x) => x, Err(e) => { eprintln!("{e:#?}"); return } };
        eprintln!("loaded in {:?} {:?} {:?}", t.elapsed(), tracer.probes(), tracer.degraded);
        for _ in 0..5 {
            reader.ready(std::time::Duration::from_millis(5)).await.unwrap();
            reader.drain(10000, |r| println!("{r:?}"));
            eprintln!("{:?}", tracer.counts());
        }
    });
}
