//! Words against the trees they have to become.

mod errors;
mod ours;
mod printed;
mod values;

use proptest::prelude::*;

use super::*;
use crate::filter::expr::{Compare, End, PortSet, Ports, Term};
use crate::filter::lookup::fake::FakeLookup;
use crate::model::{AddressFamily, Netid};

pub(super) fn tcp() -> Context {
    Context {
        tables: vec![Netid::Tcp],
        preferred: None,
    }
}

pub(super) fn preferring(family: AddressFamily) -> Context {
    Context {
        preferred: Some(family),
        ..tcp()
    }
}

/// One word of the command line.
pub(super) fn read(word: &str, context: &Context) -> Result<Filter, FilterError> {
    let words = [word.to_owned()];
    parse(
        &Source {
            words: &words,
            file: None,
        },
        context,
        &mut FakeLookup::default(),
    )
}

pub(super) fn expr(word: &str) -> Expr {
    match read(word, &tcp()) {
        Ok(filter) => filter.expr,
        Err(error) => panic!("{word}: {error}"),
    }
}

pub(super) fn port(number: i64) -> Ports {
    Ports {
        range: number..=number,
        only: None,
    }
}

pub(super) fn sport(compare: Compare, ports: PortSet) -> Expr {
    Expr::Term(Term::Port {
        end: End::Src,
        family: None,
        compare,
        ports,
    })
}

/// The terms that the tests of the grammar are about.
fn term(number: i64) -> Expr {
    sport(Compare::Eq, vec![port(number)])
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

#[test]
fn and_and_or_have_one_rank() {
    let (a, b, c, d) = (term(1), term(2), term(3), term(4));
    // (words, tree), with a to d for terms
    let cases = [
        ("", Expr::EVERYTHING),
        ("a", a.clone()),
        ("a b c", Expr::And(vec![a.clone(), b.clone(), c.clone()])),
        (
            "a and b & c && d",
            Expr::And(vec![a.clone(), b.clone(), c.clone(), d.clone()]),
        ),
        (
            "a or b | c || d",
            Expr::Or(vec![a.clone(), b.clone(), c.clone(), d.clone()]),
        ),
        (
            "a or b and c",
            Expr::And(vec![Expr::Or(vec![a.clone(), b.clone()]), c.clone()]),
        ),
        (
            "a or b c",
            Expr::And(vec![Expr::Or(vec![a.clone(), b.clone()]), c.clone()]),
        ),
        (
            "a and b or c",
            Expr::Or(vec![Expr::And(vec![a.clone(), b.clone()]), c.clone()]),
        ),
        (
            "a or ( b and c )",
            Expr::Or(vec![a.clone(), Expr::And(vec![b.clone(), c.clone()])]),
        ),
        (
            "( a or b ) or c",
            Expr::Or(vec![Expr::Or(vec![a.clone(), b.clone()]), c.clone()]),
        ),
        ("( ( a ) )", a.clone()),
        ("not a b", Expr::And(vec![not(a.clone()), b.clone()])),
        ("! a or b", Expr::Or(vec![not(a.clone()), b.clone()])),
        ("not not a", not(not(a.clone()))),
        ("not ( a b )", not(Expr::And(vec![a.clone(), b.clone()]))),
    ];
    for (words, tree) in cases {
        let word = |word: &str| match word {
            "a" | "b" | "c" | "d" => format!("sport = {}", word.as_bytes()[0] - b'a' + 1),
            other => other.to_owned(),
        };
        let words: Vec<String> = words.split(' ').map(word).collect();
        assert_eq!(expr(&words.join(" ")), tree, "{words:?}");
    }
}

#[test]
fn words_are_cut_at_spaces_and_tabs_however_they_came() {
    let whole = expr("sport = :22 or sport = :80");
    let split = ["sport\\", "= :22", " ", "", "or\tsport  =", ":8\\0\\"].map(str::to_owned);
    let source = Source {
        words: &split,
        file: None,
    };
    assert_eq!(
        parse(&source, &tcp(), &mut FakeLookup::default())
            .unwrap()
            .expr,
        whole
    );
    assert!(read("sport = :22\nsport = :80", &tcp()).is_err());
}

#[test]
fn states_come_first_and_the_file_last() {
    let words = ["state", "established", "exclude", "closed", "sport = :22"].map(str::to_owned);
    let text = "# a comment\nor sport = :80\r\n0\n".replace("\n0\n", "\n\n#\n or sport = :90");
    let file = Some(FilterFile {
        name: "F",
        text: &text,
    });
    let filter = parse(
        &Source {
            words: &words,
            file,
        },
        &tcp(),
        &mut FakeLookup::default(),
    )
    .unwrap();
    assert_eq!(filter.states.map(StateSet::bits), Some(1 << 1));
    assert_eq!(filter.expr, Expr::Or(vec![term(22), term(80), term(90)]));
    assert_eq!(filter.warnings, []);
    let file = Some(FilterFile {
        name: "F",
        text: "sport = :22\n0\n",
    });
    let error = parse(
        &Source { words: &[], file },
        &tcp(),
        &mut FakeLookup::default(),
    )
    .unwrap_err();
    assert_eq!(error.diagnostic().line, Some(("F".to_owned(), 2)));
}

#[test]
fn mixing_and_with_or_warns_once() {
    let warnings = |word: &str| read(word, &tcp()).unwrap().warnings;
    let mixed = "sport 1 or sport 2 sport 3 and sport 4 or ( sport 5 and sport 6 or sport 7 )";
    let hints: Vec<_> = warnings(mixed)
        .into_iter()
        .filter_map(|warning| warning.hint)
        .collect();
    assert_eq!(
        hints,
        ["it is read as `( sport 5 and sport 6 ) or sport 7`"]
    );
    let mixed = "sport 1 or sport 2 not sport 3 and sport 4 or sport 5";
    let read = "( ( sport 1 or sport 2 ) and not sport 3 and sport 4 ) or sport 5";
    assert_eq!(
        warnings(mixed)[0].hint,
        Some(format!("it is read as `{read}`"))
    );
    assert_eq!(expr(mixed), expr(read));
    assert_eq!(warnings("sport 1 or ( sport 2 sport 3 )"), []);
    assert_eq!(warnings("sport 1 sport 2 and not sport 3"), []);
}

#[test]
fn depth_is_limited_and_width_is_not() {
    let nested = |depth: usize| format!("{}sport 1{}", "( ".repeat(depth), " )".repeat(depth));
    assert!(read(&nested(128), &tcp()).is_ok());
    assert!(read(&nested(129), &tcp()).is_err());
    assert!(read(&nested(100_000), &tcp()).is_err());
    let nots = |count: usize| format!("{}sport 1", "not ".repeat(count));
    assert!(read(&nots(128), &tcp()).is_ok());
    assert!(read(&nots(129), &tcp()).is_err());
    let mixed = |count: usize| format!("sport 1{}", " or sport 2 sport 3".repeat(count));
    let deepest = read(&mixed(64), &tcp()).unwrap().expr;
    assert_eq!(expr(&deepest.to_string()), deepest);
    assert!(read(&mixed(65), &tcp()).is_err());
    assert!(read(&format!("not ( {} )", mixed(64)), &tcp()).is_err());

    let wide = vec!["sport = :1"; 10_000].join(" or ");
    assert!(matches!(expr(&wide), Expr::Or(list) if list.len() == 10_000));
    assert!(read(&" ".repeat(1 << 20), &tcp()).is_ok());
    let long = read(&" ".repeat((1 << 20) + 1), &tcp()).unwrap_err();
    assert_eq!(long.to_string(), "the filter is longer than 1048576 bytes");
}

#[test]
fn hosts_are_asked_for_last_and_once() {
    let asked = |word: &str| {
        let mut lookup = FakeLookup::default();
        let words = [word.to_owned()];
        let result = parse(
            &Source {
                words: &words,
                file: None,
            },
            &tcp(),
            &mut lookup,
        );
        (result.is_ok(), lookup.asked)
    };
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let twice = "src localhost:22 or sport 1 or dst localhost or not dst multi.example";
    assert_eq!(asked(twice), (true, names(&["localhost", "multi.example"])));
    assert_eq!(
        asked("src nowhere and src localhost"),
        (false, names(&["nowhere"]))
    );
    for wrong in [
        "src localhost and",
        "src localhost sport = :nosuch",
        "src localhost:nosuch",
        "( src localhost",
        "foo = 3",
        "SPORT = :22",
        "src localhost AND dst localhost",
        "src AND dst localhost",
        "src != localhost",
        "src <> localhost",
        "sport=:22",
        "src /run/x",
        "src 1.2.3.4.5",
        "src 999.1.1.1",
    ] {
        assert_eq!(asked(wrong), (false, Vec::new()), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_or_refused(words in proptest::collection::vec(any::<String>(), 0..6), file: Option<String>) {
        let file = file.as_deref().map(|text| FilterFile { name: "F", text });
        if let Err(error) = parse(&Source { words: &words, file }, &tcp(), &mut FakeLookup::default()) {
            prop_assert!(!error.render(true).is_empty());
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}
