//! The words of the language: keywords, predicates, and which of them was probably meant.
//!
//! What stands after a predicate is [`super::value`]'s.

use super::expr::{Compare, End};
use super::states;

/// A word that `ss` never takes for a value, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    Open,
    Close,
    Compare(Compare),
    Predicate(Predicate),
}

/// A word that asks for a fact. Those from `Pid` on are not words of `ss`, and values elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predicate {
    Host(End),
    Port(End),
    Dev,
    Mark,
    Cgroup,
    Autobound,
    Pid,
    Comm,
    Uid,
    User,
    Netns,
    Container,
    Dwell,
    Age,
    Rtt,
    Retrans,
    Cause,
}

/// Which comparisons make sense of a predicate's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparisons {
    /// None: there is no value.
    None,
    /// `=`
    Eq,
    /// `=`, `!=`
    EqNe,
    /// All.
    Order,
}

impl Comparisons {
    /// Whether `compare` is one of them.
    pub(super) fn take(self, compare: Compare) -> bool {
        match self {
            Self::None => false,
            Self::Eq => compare == Compare::Eq,
            Self::EqNe => !compare.is_order(),
            Self::Order => true,
        }
    }
}

const KEYWORDS: [(&str, Keyword); 26] = [
    ("and", Keyword::And),
    ("&", Keyword::And),
    ("&&", Keyword::And),
    ("or", Keyword::Or),
    ("|", Keyword::Or),
    ("||", Keyword::Or),
    ("not", Keyword::Not),
    ("!", Keyword::Not),
    ("(", Keyword::Open),
    (")", Keyword::Close),
    ("=", Keyword::Compare(Compare::Eq)),
    ("==", Keyword::Compare(Compare::Eq)),
    ("eq", Keyword::Compare(Compare::Eq)),
    ("!=", Keyword::Compare(Compare::Ne)),
    ("ne", Keyword::Compare(Compare::Ne)),
    ("neq", Keyword::Compare(Compare::Ne)),
    ("<", Keyword::Compare(Compare::Lt)),
    ("lt", Keyword::Compare(Compare::Lt)),
    ("<=", Keyword::Compare(Compare::Le)),
    ("le", Keyword::Compare(Compare::Le)),
    ("leq", Keyword::Compare(Compare::Le)),
    (">", Keyword::Compare(Compare::Gt)),
    ("gt", Keyword::Compare(Compare::Gt)),
    (">=", Keyword::Compare(Compare::Ge)),
    ("ge", Keyword::Compare(Compare::Ge)),
    ("geq", Keyword::Compare(Compare::Ge)),
];

/// Every predicate with its word; the first eight are words of `ss`.
pub(super) const PREDICATES: [(&str, Predicate); 19] = [
    ("src", Predicate::Host(End::Src)),
    ("dst", Predicate::Host(End::Dst)),
    ("sport", Predicate::Port(End::Src)),
    ("dport", Predicate::Port(End::Dst)),
    ("dev", Predicate::Dev),
    ("fwmark", Predicate::Mark),
    ("cgroup", Predicate::Cgroup),
    ("autobound", Predicate::Autobound),
    ("pid", Predicate::Pid),
    ("comm", Predicate::Comm),
    ("uid", Predicate::Uid),
    ("user", Predicate::User),
    ("netns", Predicate::Netns),
    ("container", Predicate::Container),
    ("dwell", Predicate::Dwell),
    ("age", Predicate::Age),
    ("rtt", Predicate::Rtt),
    ("retrans", Predicate::Retrans),
    ("cause", Predicate::Cause),
];

const PREDICATES_OF_SS: usize = 8;

/// The words before the expression.
pub(super) const STATE_WORDS: [&str; 3] = ["state", "exclude", "excl"];

/// The words that a filter can have besides values and signs: those before states, names of states,
/// predicates, and what joins them. For completions.
pub fn vocabulary() -> impl Iterator<Item = &'static str> {
    STATE_WORDS
        .into_iter()
        .chain(PREDICATES.map(|(word, _)| word))
        .chain(["and", "or", "not"])
        .chain(states::names())
}

impl Keyword {
    /// The keyword that `text` is, to `ss` as well.
    pub(super) fn of(text: &str) -> Option<Self> {
        // Most words are values, and none of those keywords is as long as most values are.
        if text.len() > "autobound".len() {
            return None;
        }
        let ss = &PREDICATES[..PREDICATES_OF_SS];
        let keyword = KEYWORDS.iter().find(|(word, _)| *word == text);
        let predicate = || ss.iter().find(|(word, _)| *word == text);
        keyword
            .map(|&(_, keyword)| keyword)
            .or_else(|| predicate().map(|&(_, predicate)| Self::Predicate(predicate)))
    }
}

impl Predicate {
    /// The predicate that `text` is, ours included.
    pub(super) fn of(text: &str) -> Option<Self> {
        let found = PREDICATES.iter().find(|(word, _)| *word == text);
        found.map(|&(_, predicate)| predicate)
    }

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        let found = PREDICATES.iter().find(|(_, predicate)| *predicate == self);
        found.map_or("", |(word, _)| word)
    }

    /// Whether `ss` does not know it.
    pub(super) fn is_ours(self) -> bool {
        let ss = &PREDICATES[..PREDICATES_OF_SS];
        !ss.iter().any(|(_, predicate)| *predicate == self)
    }

    /// The comparisons it takes.
    pub(super) fn comparisons(self) -> Comparisons {
        match self {
            Self::Autobound => Comparisons::None,
            Self::Host(_) => Comparisons::Eq,
            Self::Dev
            | Self::Mark
            | Self::Cgroup
            | Self::Comm
            | Self::User
            | Self::Netns
            | Self::Container
            | Self::Cause => Comparisons::EqNe,
            Self::Port(_)
            | Self::Pid
            | Self::Uid
            | Self::Dwell
            | Self::Age
            | Self::Rtt
            | Self::Retrans => Comparisons::Order,
        }
    }

    /// What its value is called, for "expected ...".
    pub(super) fn value_name(self) -> &'static str {
        match self {
            Self::Host(_) => "a host",
            Self::Port(_) => "a port",
            Self::Dev => "a network device",
            Self::Mark => "a mark",
            Self::Cgroup => "the path of a cgroup",
            Self::Autobound => "no value",
            Self::Pid => "a process id",
            Self::Comm => "a process name",
            Self::Uid | Self::User => "a user",
            Self::Netns => "a network namespace",
            Self::Container => "a container",
            Self::Dwell | Self::Age | Self::Rtt => "a time",
            Self::Retrans => "a number of segments",
            Self::Cause => "a cause",
        }
    }

    /// A value it takes, for hints.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Host(_) => "10.0.0.0/8",
            Self::Port(_) => ":443",
            Self::Dev => "eth0",
            Self::Mark => "0x10/0xff",
            Self::Cgroup => "/system.slice",
            Self::Autobound => "",
            Self::Pid => "1234",
            Self::Comm => "nginx",
            Self::Uid => "1000",
            Self::User => "root",
            Self::Netns => "blue",
            Self::Container => "3f4a",
            Self::Dwell => "1s",
            Self::Age => "10m",
            Self::Rtt => "50ms",
            Self::Retrans => "3",
            Self::Cause => "refused",
        }
    }
}

impl Compare {
    /// Its sign.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// Whether it asks for an order.
    pub(super) const fn is_order(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }
}

/// The candidate that `text` was probably meant to be: that with the fewest letters to change, if
/// they are few.
pub(super) fn nearest<'c>(
    text: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    /// No word is longer; a long text is never a slip of the finger.
    const LONGEST: usize = 24;
    if text.len() > LONGEST {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let allowed = text.chars().count().div_ceil(3).min(3);
    let beginning = |word: &str| text.len() >= 4 && word.starts_with(&text);
    let distances = candidates.into_iter().map(|word| {
        let distance = if beginning(word) {
            1
        } else {
            distance(&text, word)
        };
        (distance, word)
    });
    let (distance, word) = distances.min_by_key(|&(distance, _)| distance)?;
    (distance <= allowed && distance < word.len()).then_some(word)
}

/// Letters to insert, delete, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for (i, &from) in a.iter().enumerate() {
        let above = &rows[i];
        let mut row = vec![i + 1];
        for (j, &to) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(from != to);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_ss_are_keywords_and_ours_are_not() {
        assert_eq!(Keyword::of("||"), Some(Keyword::Or));
        assert_eq!(
            Keyword::of("autobound"),
            Some(Keyword::Predicate(Predicate::Autobound))
        );
        assert_eq!(Keyword::of("pid"), None);
        assert_eq!(Keyword::of("SRC"), None);
        assert!(Predicate::Pid.is_ours() && !Predicate::Autobound.is_ours());
        for (word, predicate) in PREDICATES {
            assert_eq!(
                (Predicate::of(word), predicate.word()),
                (Some(predicate), word)
            );
        }
    }

    #[test]
    fn the_nearest_word_is_guessed_and_no_farther_one() {
        let words = || PREDICATES.iter().map(|(word, _)| *word);
        assert_eq!(nearest("sprot", words()), Some("sport"));
        assert_eq!(nearest("SPORT", words()), Some("sport"));
        assert_eq!(nearest("cont", words()), Some("container"));
        assert_eq!(nearest("elephant", words()), None);
        assert_eq!(nearest("x", words()), None);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("listen", "listening"), 3);
    }
}
