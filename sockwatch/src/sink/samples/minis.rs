//! Lives that are spent in minisockets in part, as the table tells them.

use super::{NUMBERS, Sample, owner, tuple};
use crate::model::{
    Cause, Family, How, Nanos, Observed, Owner, SocketInfo, SocketKey, TcpState, Tuple,
};

const SECOND: u64 = 1_000_000_000;

fn sample(at: u64, tuple: Tuple, (old, new): (TcpState, TcpState), observed: Observed) -> Sample {
    let mut sample = Sample::new(at, tuple, old, new);
    sample.transition.observed = observed;
    if matches!(observed, Observed::Timer | Observed::Poll) {
        // A minisocket has no user, cgroup or inode.
        sample.transition.info = SocketInfo {
            uid: None,
            cgroup_id: None,
            inode: None,
            ..sample.transition.info
        };
        sample.cgroup = None;
    }
    sample
}

/// How long it was in the old state, and since its begin.
fn after(mut sample: Sample, dwell: u64, age: u64) -> Sample {
    sample.dwell = Some(Nanos(dwell));
    sample.age = Some(Nanos(age));
    sample
}

fn worker() -> Owner {
    Owner {
        pid: 4243,
        ..owner(b"nginx", How::Close)
    }
}

/// Connections that came in: one with a SYN-ACK lost twice and a slow server, and a SYN to whose
/// SYN-ACK nobody answered.
fn half_open() -> Vec<Sample> {
    use TcpState::{Close, CloseWait, Established, LastAck, Listen, SynRecv};
    let ends = tuple(Family::Inet, ("127.0.0.1", 80), ("127.0.0.1", 40000));
    let begin = 3 * SECOND;
    let syn = sample(begin, ends, (Listen, SynRecv), Observed::Timer);
    let up = sample(6 * SECOND, ends, (SynRecv, Established), Observed::Event);
    let mut up = after(up, 3 * SECOND, 3 * SECOND);
    up.synack_retrans = Some(2);
    let fin = sample(7 * SECOND, ends, (Established, CloseWait), Observed::Event);
    let mut fin = after(fin, SECOND, 4 * SECOND);
    fin.accept_wait = Some(Nanos(1_204_000));
    fin.transition.tcp = Some(NUMBERS);
    let closed = sample(
        7 * SECOND + 5_000,
        ends,
        (CloseWait, LastAck),
        Observed::Event,
    );
    let mut closed = after(closed, 5_000, 4 * SECOND + 5_000);
    closed.closer = Some(worker());
    let mut life = vec![syn, up, fin, closed];
    for sample in &mut life {
        sample.owner = Some(owner(b"nginx", How::Unaccepted));
    }
    for sample in &mut life[2..] {
        sample.owner = Some(owner(b"nginx", How::Accept));
    }

    let ends = tuple(Family::Inet, ("127.0.0.1", 80), ("127.0.0.9", 40001));
    let mut syn = sample(begin, ends, (Listen, SynRecv), Observed::Timer);
    let gone = sample(66 * SECOND, ends, (SynRecv, Close), Observed::Timer);
    let mut gone = after(gone, 63 * SECOND, 63 * SECOND);
    gone.cause = Some(Cause::TimedOut);
    gone.synack_retrans = Some(5);
    for sample in [&mut syn, &mut gone] {
        sample.owner = Some(owner(b"nginx", How::Unaccepted));
        // A dump may have given it a cookie.
        sample.transition.key = SocketKey::new(sample.transition.proto, 0x30_01, 0);
    }
    life.extend([syn, gone]);
    life
}

/// The end of a connection whose own side closed it first, whose peer closed 2 s later.
fn active_close() -> Vec<Sample> {
    use TcpState::{Close, Established, FinWait1, FinWait2, TimeWait};
    let ends = tuple(Family::Inet, ("127.0.0.1", 40000), ("127.0.0.1", 80));
    let begin = 10 * SECOND;
    let mut fin = after(
        sample(begin, ends, (Established, FinWait1), Observed::Event),
        900_000,
        1_000_000,
    );
    fin.closer = fin.owner;
    // Unremarkable: not shown in text.
    fin.accept_wait = Some(Nanos(999_999));
    fin.transition.tcp = Some(NUMBERS);
    let acked = after(
        sample(begin + 10_000, ends, (FinWait1, FinWait2), Observed::Event),
        10_000,
        1_010_000,
    );
    let mut raw = sample(begin + 13_000, ends, (FinWait2, Close), Observed::Raw);
    raw.transition.tcp = Some(NUMBERS);
    let answered = after(
        sample(12 * SECOND, ends, (FinWait2, TimeWait), Observed::Timer),
        2 * SECOND - 10_000,
        2 * SECOND + 1_000_000,
    );
    let mut over = after(
        sample(72 * SECOND, ends, (TimeWait, Close), Observed::Timer),
        60 * SECOND,
        62 * SECOND + 1_000_000,
    );
    over.cause = Some(Cause::Finished);
    over.transition.tcp = Some(NUMBERS);
    vec![fin, acked, raw, answered, over]
}

/// The end of one whose FIN-WAIT-2 could only be looked at, and whose ports were taken again.
fn looked_at() -> Vec<Sample> {
    use TcpState::{Close, FinWait2, TimeWait};
    let ends = tuple(Family::Inet, ("127.0.0.1", 40002), ("127.0.0.1", 80));
    let answered = after(
        sample(80 * SECOND, ends, (FinWait2, TimeWait), Observed::Poll),
        4_561_000,
        SECOND,
    );
    let mut reused = after(
        sample(81 * SECOND, ends, (TimeWait, Close), Observed::Timer),
        SECOND,
        2 * SECOND,
    );
    reused.cause = Some(Cause::Reused);
    vec![answered, reused]
}

/// All of them.
pub(super) fn lives() -> Vec<Sample> {
    let mut samples = half_open();
    samples.extend(active_close());
    samples.extend(looked_at());
    samples
}
