//! Failures that many namespaces share, gathered into one line each.
//!
//! Does not judge what is a failure.

use crate::model::event::Degraded;

/// How many subjects a line names.
const NAMED: usize = 3;

/// Reasons, each with the subjects it was met with.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<(String, Vec<String>)>);

impl Failures {
    /// Notes that `subject` failed for `reason`; what was noted already is not noted again.
    pub(super) fn add(&mut self, subject: String, reason: String) {
        match self.0.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, subjects)) if subjects.contains(&subject) => {}
            Some((_, subjects)) => subjects.push(subject),
            None => self.0.push((reason, vec![subject])),
        }
    }

    /// One value for each reason.
    pub(super) fn into_degraded(self, what: &'static str) -> Vec<Degraded> {
        let line = |(reason, subjects): (String, Vec<String>)| {
            let named = subjects[..subjects.len().min(NAMED)].join(", ");
            let more = match subjects.len().saturating_sub(NAMED) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            Degraded {
                what,
                why: format!("{named}{more}: {reason}"),
            }
        };
        self.0.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once() {
        let mut failures = Failures::default();
        for n in 1..=5 {
            failures.add(format!("net:[{n}]"), "no".into());
        }
        failures.add("blue".into(), "gone".into());
        let why: Vec<_> = failures
            .into_degraded("sock_diag")
            .into_iter()
            .map(|degraded| degraded.why)
            .collect();
        assert_eq!(
            why,
            ["net:[1], net:[2], net:[3] and 2 more: no", "blue: gone"]
        );
    }
}
