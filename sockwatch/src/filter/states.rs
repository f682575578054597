//! `state X`, `exclude X`: the words before the expression.

use super::error::{FilterError, shown};
use super::lex::Text;
use super::value::Wrong;
use super::words::nearest;
use crate::model::{StateSet, TcpState};

/// Every state that `ss` knows: 0 to `TCP_BOUND_INACTIVE`.
const ALL: StateSet = StateSet::from_bits((1 << 14) - 1);
const BUCKET: StateSet = StateSet::of(&[TcpState::SynRecv, TcpState::TimeWait]);
const CONNECTED: StateSet = ALL.without(StateSet::of(&[TcpState::Close, TcpState::Listen]));

/// Names and what they stand for. A half-open connection is `syn-recv`, and not to be had by the
/// kernel's other name for it.
const NAMES: [(&str, StateSet); 21] = [
    ("established", StateSet::of(&[TcpState::Established])),
    ("syn-sent", StateSet::of(&[TcpState::SynSent])),
    ("syn-recv", StateSet::of(&[TcpState::SynRecv])),
    ("syn-rcv", StateSet::of(&[TcpState::SynRecv])),
    ("fin-wait-1", StateSet::of(&[TcpState::FinWait1])),
    ("fin-wait-2", StateSet::of(&[TcpState::FinWait2])),
    ("time-wait", StateSet::of(&[TcpState::TimeWait])),
    ("closed", StateSet::of(&[TcpState::Close])),
    ("close", StateSet::of(&[TcpState::Close])),
    ("unconnected", StateSet::of(&[TcpState::Close])),
    ("close-wait", StateSet::of(&[TcpState::CloseWait])),
    ("last-ack", StateSet::of(&[TcpState::LastAck])),
    ("listening", StateSet::of(&[TcpState::Listen])),
    ("closing", StateSet::of(&[TcpState::Closing])),
    ("bound-inactive", StateSet::of(&[TcpState::BoundInactive])),
    ("unknown", StateSet::from_bits(1)),
    ("all", ALL),
    ("connected", CONNECTED),
    (
        "synchronized",
        CONNECTED.without(StateSet::of(&[TcpState::SynSent])),
    ),
    ("bucket", BUCKET),
    ("big", ALL.without(BUCKET)),
];

/// Names that people know from elsewhere.
const ELSEWHERE: [(&str, &str); 7] = [
    ("new-syn-recv", "syn-recv"),
    ("unconn", "unconnected"),
    ("syn_received", "syn-recv"),
    ("syn-received", "syn-recv"),
    ("timewait", "time-wait"),
    ("finwait1", "fin-wait-1"),
    ("finwait2", "fin-wait-2"),
];

/// Every name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(word, _)| *word)
}

/// The states that a name stands for.
pub(super) fn named(name: &str) -> Option<StateSet> {
    let found = NAMES
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(name));
    found.map(|&(_, states)| states)
}

/// Reads the words of states, each of which is a word of the command line. Returns the states, and
/// how many words they took.
///
/// The words may leave no state, as `exclude all` does, which is something else than no words.
pub(super) fn states(text: &Text<'_>) -> Result<(Option<StateSet>, usize), FilterError> {
    let mut states: Option<StateSet> = None;
    let mut index = 0;
    while let Some((word, at)) = text.word(index) {
        let adds = match word {
            "state" => true,
            "exclude" | "excl" => false,
            _ => break,
        };
        let Some((name, name_at)) = text.word(index + 1) else {
            let wrong = Wrong::new(word, format!("`{word}` needs the name of a state"));
            let hint = format!("`{word} established`");
            return Err(text.error(at, wrong.expected("a state after it").hint(hint)));
        };
        let Some(meant) = named(name) else {
            return Err(text.error(name_at, no_state(name)));
        };
        states = Some(match (states, adds) {
            (None, true) => meant,
            (None, false) => ALL.without(meant),
            (Some(states), true) => states.union(meant),
            (Some(states), false) => states.without(meant),
        });
        index += 2;
    }
    Ok((states, index))
}

fn no_state(name: &str) -> Wrong<'_> {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let elsewhere = ELSEWHERE.iter().find(|(word, _)| *word == lower);
    let near = || nearest(&lower, NAMES.iter().map(|(word, _)| *word));
    let hint = if name.contains([',', '{']) {
        "states one by one: `state fin-wait-1 state fin-wait-2`".to_owned()
    } else if let Some(near) = elsewhere.map(|(_, word)| *word).or_else(near) {
        format!("did you mean `{near}`?")
    } else {
        let words: Vec<_> = NAMES.iter().map(|(word, _)| *word).collect();
        format!("states are {}", words.join(" "))
    };
    let wrong = Wrong::new(name, format!("there is no state `{}`", shown(name)));
    wrong.expected("a state").hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::lex::Joined;

    fn bits(words: &str) -> Option<u32> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let joined = Joined::new(&words);
        states(&Text::new(&joined)).unwrap().0.map(StateSet::bits)
    }

    #[test]
    fn words_add_and_remove_from_left_to_right() {
        assert_eq!(bits(""), None);
        assert_eq!(bits("src 1.2.3.4 state closed"), None);
        assert_eq!(bits("state ESTABLISHED"), Some(1 << 1));
        assert_eq!(bits("state all"), Some(0x3fff));
        assert_eq!(bits("exclude closed"), Some(0x3fff & !(1 << 7)));
        assert_eq!(bits("state connected"), Some(0x3fff & !(1 << 7 | 1 << 10)));
        assert_eq!(
            bits("state synchronized"),
            Some(0x3fff & !(1 << 7 | 1 << 10 | 1 << 2))
        );
        assert_eq!(bits("state bucket"), Some(1 << 3 | 1 << 6));
        assert_eq!(bits("state big"), Some(0x3fff & !(1 << 3 | 1 << 6)));
        assert_eq!(bits("state unknown"), Some(1));
        assert_eq!(bits("excl all state closed"), Some(1 << 7));
        assert_eq!(
            bits("state closed state closing exclude closed"),
            Some(1 << 11)
        );
        assert_eq!(bits("state closed exclude closed"), Some(0));
        assert_eq!(bits("exclude all"), Some(0));
    }

    #[test]
    fn only_the_words_before_the_expression_are_taken() {
        let words = ["state", "closing", "state"].map(str::to_owned);
        let joined = Joined::new(&words[..2]);
        assert_eq!(states(&Text::new(&joined)).unwrap().1, 2);
        assert!(states(&Text::new(&Joined::new(&words))).is_err());
        for refused in [
            "listen",
            "new-syn-recv",
            "a,b",
            "fin-wait-{1,2}",
            "timewait",
        ] {
            assert_eq!(named(refused), None, "{refused}");
        }
    }
}
