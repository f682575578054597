//! Notices what the kernel counted as lost, and since when.

use crate::{
    model::{
        MonoNs,
        event::{Lost, LostWhere},
    },
    source::ebpf::KernelCounts,
};

/// What had been lost when we last looked.
pub(super) struct LossWatch {
    ring_full: u64,
    nested: u64,
    looked_at: MonoNs,
}

impl LossWatch {
    /// Nothing lost yet.
    pub(super) fn new(now: MonoNs) -> Self {
        Self {
            ring_full: 0,
            nested: 0,
            looked_at: now,
        }
    }

    /// What was lost since the last call: between then and the newest loss, or now.
    pub(super) fn news(&mut self, counts: &KernelCounts, now: MonoNs) -> Option<Lost> {
        let ring_full = counts.ring_full - self.ring_full;
        let nested = counts.nested.saturating_sub(self.nested);
        let from = self.looked_at;
        // The kernel dates a full ring, but not a call that it skipped.
        let to = if nested > 0 {
            now
        } else {
            MonoNs(counts.lost_last_ns).max(from)
        };
        *self = Self {
            ring_full: counts.ring_full,
            nested: self.nested + nested,
            looked_at: now,
        };
        let count = ring_full + nested;
        (count > 0).then_some(Lost {
            place: LostWhere::Kernel,
            count,
            from,
            to,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_are_told() {
        let mut watch = LossWatch::new(MonoNs(100));
        let mut counts = KernelCounts::default();
        assert_eq!(watch.news(&counts, MonoNs(200)), None);
        counts.ring_full = 7;
        counts.lost_last_ns = 250;
        let lost = watch.news(&counts, MonoNs(300)).unwrap();
        assert_eq!(
            (lost.count, lost.from, lost.to),
            (7, MonoNs(200), MonoNs(250))
        );
        assert_eq!(watch.news(&counts, MonoNs(400)), None);
        counts.nested = 2;
        let lost = watch.news(&counts, MonoNs(500)).unwrap();
        assert_eq!(
            (lost.count, lost.from, lost.to),
            (2, MonoNs(400), MonoNs(500))
        );
    }
}
