//! What to say about an expression that the grammar does not allow, and what was probably meant.

use crate::filter::error::shown;
use crate::filter::expr::{Compare, End};
use crate::filter::lex::Token;
use crate::filter::states;
use crate::filter::value::Wrong;
use crate::filter::words::{Comparisons, Keyword, PREDICATES, Predicate, STATE_WORDS, nearest};
use crate::model::Netid;

/// What stands before a term.
#[derive(Clone, Copy, Debug)]
pub(super) enum Before<'t> {
    /// Nothing at all.
    Nothing,
    /// `(`
    Open,
    /// A term.
    Term,
    /// `and`, `or` or `not`.
    Word(&'t str),
}

pub(super) fn stray_parenthesis() -> Wrong<'static> {
    Wrong::new("", "there is no `(` for this `)`")
}

pub(super) fn unclosed_parenthesis() -> Wrong<'static> {
    Wrong::new("", "this `(` is never closed")
        .hint("a `)` is a word of its own, with spaces around it")
}

pub(super) fn too_deep(deepest: usize) -> Wrong<'static> {
    let message = format!("the expression is more than {deepest} levels deep");
    Wrong::new("", message).hint("a long list needs no levels: keep to `or`, or use `:80,443`")
}

pub(super) fn missing_term(before: Before<'_>) -> Wrong<'static> {
    let message = match before {
        Before::Word(word) => format!("nothing follows `{}`", shown(word)),
        _ => "the expression ends too early".to_owned(),
    };
    Wrong::new("", message).expected("a predicate")
}

pub(super) fn missing_value(predicate: Predicate, word: &str) -> Wrong<'static> {
    let message = format!("`{}` needs {}", shown(word), predicate.value_name());
    let hint = format!("`{} {}`", predicate.word(), predicate.example());
    Wrong::new("", message)
        .expected(predicate.value_name())
        .hint(hint)
}

/// A comparison that a predicate does not take.
pub(super) fn no_comparison(
    predicate: Predicate,
    compare: Compare,
    written: &str,
    value: Option<&str>,
) -> Wrong<'static> {
    let word = predicate.word();
    let written = shown(written);
    let value = value.map_or_else(|| predicate.example().to_owned(), shown);
    let (message, hint) = match (predicate.comparisons(), compare) {
        (Comparisons::None, _) => {
            let message = format!("`{word}` takes no value");
            (message, format!("`{word}` or `not {word}`"))
        }
        (Comparisons::Eq, Compare::Ne) => {
            let message = format!("`{word}` is not compared with `{written}`");
            (message, format!("`not {word} {value}`"))
        }
        (Comparisons::Eq, _) => {
            let message = format!("hosts have no order for `{written}`");
            let port = if word == "src" { "sport" } else { "dport" };
            (message, format!("ports have one: `{port} {written} :1024`"))
        }
        _ => {
            let message = format!("`{word}` has no order for `{written}`");
            (
                message,
                format!("`{word} = {value}` or `{word} != {value}`"),
            )
        }
    };
    let expected = match predicate.comparisons() {
        Comparisons::None => "no comparison",
        Comparisons::Eq => "`=` or a host",
        _ => "`=` or `!=`",
    };
    Wrong::new("", message).expected(expected).hint(hint)
}

/// A keyword where a value should be.
pub(super) fn keyword_as_value(
    predicate: Predicate,
    keyword: Keyword,
    written: &str,
    following: Option<&str>,
) -> Wrong<'static> {
    let word = predicate.word();
    let name = predicate.value_name();
    let written = shown(written);
    let value = following.map_or_else(|| predicate.example().to_owned(), shown);
    let message = match keyword {
        Keyword::Compare(_) => format!("two comparisons after `{word}`"),
        _ => format!("`{written}` is a word of the language, no value of `{word}`"),
    };
    let wrong = Wrong::new("", message).expected(name);
    match (keyword, predicate) {
        (Keyword::Not, _) => wrong.hint(format!("`not {word} {value}`")),
        (Keyword::Open | Keyword::Close, _) => {
            wrong.hint(format!("each term whole: `( {word} ... or {word} ... )`"))
        }
        (Keyword::Compare(_), _) => wrong.hint("operators are = != < <= > >="),
        (_, Predicate::Host(_)) => wrong.hint(format!("a host called so: `{word} [{written}]`")),
        (_, ours) if ours.is_ours() => wrong.hint(format!("a value of that name: `\\{written}`")),
        _ => wrong,
    }
}

/// Says so when a value is wrong because it was meant for an operator. `value` is what follows it.
pub(super) fn with_operator_hint<'t>(
    predicate: Predicate,
    text: &str,
    value: Option<&str>,
    wrong: Wrong<'t>,
) -> Wrong<'t> {
    let operator = !text.is_empty() && text.chars().all(|c| "=<>!~".contains(c));
    if !operator {
        return wrong;
    }
    let meant = match text {
        "<>" | "=!" | "~=" | "!==" => Some(Compare::Ne),
        "=<" => Some(Compare::Le),
        "=>" => Some(Compare::Ge),
        "===" => Some(Compare::Eq),
        _ => None,
    };
    let message = format!("there is no operator `{}`", shown(text));
    let wrong = Wrong { message, ..wrong };
    match meant {
        Some(compare) if predicate.comparisons().take(compare) => {
            wrong.hint(format!("`{}`", compare.word()))
        }
        Some(compare) => {
            wrong.maybe_hint(no_comparison(predicate, compare, compare.word(), value).hint)
        }
        None => wrong.hint("one of = != < <= > >="),
    }
}

/// A token that begins no term.
pub(super) fn no_term<'t>(
    token: &'t Token<'_>,
    before: Before<'_>,
    following: Option<&str>,
    latest: Option<Predicate>,
) -> Wrong<'t> {
    let written = &*token.text;
    let wrong = |message: String| Wrong::new(written, message).expected("a predicate");
    match token.keyword() {
        Some(Keyword::Close) => match before {
            Before::Open => wrong("there is nothing between the parentheses".to_owned()),
            Before::Word(word) => wrong(format!("nothing follows `{}`", shown(word))),
            _ => stray_parenthesis(),
        },
        Some(Keyword::Compare(_)) => {
            let word = wrong(format!("`{}` compares nothing", shown(written)));
            match before {
                Before::Term => word.hint("one comparison and one value to a predicate"),
                _ => word.hint("a comparison stands between predicate and value: `sport = :22`"),
            }
        }
        Some(_) => match before {
            Before::Word(word) => wrong(format!(
                "`{}` cannot follow `{}`",
                shown(written),
                shown(word)
            )),
            _ => wrong(format!("there is nothing before `{}`", shown(written))),
        },
        None => unknown_word(written, following, latest),
    }
}

/// A word that is no keyword, where a predicate should be.
fn unknown_word<'t>(
    word: &'t str,
    following: Option<&str>,
    latest: Option<Predicate>,
) -> Wrong<'t> {
    let name = shown(word);
    let compared = following.is_some_and(|text| {
        matches!(Keyword::of(text), Some(Keyword::Compare(_))) || operator(text).is_some()
    });
    let lower = word.to_ascii_lowercase();
    let glued = glued(word);
    let is_value = looks_like_value(word) && !compared && glued.is_none();
    let message = if is_value {
        format!("`{name}` belongs to no predicate")
    } else {
        format!("`{name}` is no predicate")
    };
    let wrong = Wrong::new(word, message).expected("a predicate");
    if lower != word && (Keyword::of(&lower).is_some() || Predicate::of(&lower).is_some()) {
        return wrong.hint(format!(
            "`{lower}`: words of the language have small letters"
        ));
    }
    if let Some(hint) = state_hint(word, following).or(glued) {
        return wrong.hint(hint);
    }
    if word.starts_with('#') {
        return wrong.hint("comments are lines of a filter file that begin with `#`");
    }
    if let Some(table) = Netid::ALL.iter().find(|table| table.word() == word) {
        return wrong.hint(table_hint(*table));
    }
    if is_value {
        return wrong.hint(value_hint(word, latest));
    }
    let near = nearest(word, PREDICATES.iter().map(|(word, _)| *word));
    let words = || PREDICATES.map(|(word, _)| word).join(" ");
    wrong.hint(near.map_or_else(
        || format!("predicates are {}", words()),
        |near| format!("did you mean `{near}`?"),
    ))
}

fn table_hint(table: Netid) -> String {
    let option = match table {
        Netid::Tcp => "-t".to_owned(),
        Netid::Udp => "-u".to_owned(),
        Netid::Raw => "-w".to_owned(),
        Netid::Mptcp => "-M".to_owned(),
        Netid::Sctp => "-S".to_owned(),
        Netid::Dccp => "-d".to_owned(),
        table => format!("-A {}", table.word()),
    };
    format!("tables are chosen with options: `{option}`")
}

/// Words of states stand first, each a word of its own.
fn state_hint(word: &str, following: Option<&str>) -> Option<String> {
    if STATE_WORDS.contains(&word) {
        let name = following
            .filter(|name| states::named(name).is_some())
            .unwrap_or("established");
        return Some(format!(
            "states stand first, on the command line and outside of quotes: `{word} {name}`"
        ));
    }
    let (first, second) = word.split_once(char::is_whitespace).unwrap_or(("", word));
    let is_state = states::named(second).is_some();
    (is_state && (first.is_empty() || STATE_WORDS.contains(&first)))
        .then(|| format!("`state {second}` before the expression"))
}

/// A predicate, parenthesis or `!` with something glued to it.
fn glued(word: &str) -> Option<String> {
    if let Some(rest) = word
        .strip_prefix(['(', '!'])
        .filter(|rest| !rest.is_empty())
    {
        let sign = &word[..1];
        return Some(format!("with a space: `{sign} {}`", shown(rest)));
    }
    let (at, sign) = operator(word)?;
    let (left, right) = (&word[..at], &word[at + sign.len()..]);
    let predicate = Predicate::of(left)?;
    let right = if right.is_empty() {
        predicate.example()
    } else {
        right
    };
    // `src!=x` is two mistakes.
    if predicate.comparisons() == Comparisons::Eq && sign == "!=" {
        return Some(format!("with spaces: `not {left} {}`", shown(right)));
    }
    Some(format!("with spaces: `{left} {sign} {}`", shown(right)))
}

/// The first operator in a word.
fn operator(word: &str) -> Option<(usize, &str)> {
    let is_sign = |c: char| "=<>!".contains(c);
    let at = word.find(is_sign)?;
    let rest = &word[at..];
    let end = rest.find(|c| !is_sign(c)).unwrap_or(rest.len());
    Some((at, &rest[..end]))
}

fn looks_like_value(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || ":[*/@".contains(c))
        || word.contains(':')
        || word.contains('.')
}

/// The predicate that a value without one was meant for.
fn value_hint(word: &str, latest: Option<Predicate>) -> String {
    let written = shown(word);
    if word == ":" {
        return "address and port are one word: `dst 10.0.0.1:443`".to_owned();
    }
    let is_port = |text: &str| {
        let text = text.strip_prefix(':').unwrap_or(text);
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
    };
    let latest = match latest {
        Some(latest) if latest.comparisons() != Comparisons::None => latest,
        _ if is_port(word) => Predicate::Port(End::Dst),
        _ => Predicate::Host(End::Dst),
    };
    format!(
        "each value needs its predicate: `{} {written}`",
        latest.word()
    )
}
