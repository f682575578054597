//! What people are told about what they wrote.

use std::fmt::Write;

use super::{preferring, read, tcp};
use crate::filter::lookup::Context;
use crate::filter::lookup::fake::FakeLookup;
use crate::filter::parse::{FilterFile, Source, parse};
use crate::model::{AddressFamily, Netid};

/// The answer to an error or a warning.
fn answer(words: &[&str], file: Option<&str>, context: &Context) -> String {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let file = file.map(|text| FilterFile {
        name: "my.filter",
        text,
    });
    match parse(
        &Source {
            words: &words,
            file,
        },
        context,
        &mut FakeLookup::default(),
    ) {
        Ok(filter) => filter
            .warnings
            .iter()
            .map(|warning| warning.render(false))
            .collect(),
        Err(error) => error.render(false),
    }
}

#[test]
fn every_mistake_is_answered() {
    let lines: Vec<&str> = include_str!("mistakes.txt").lines().collect();
    let mut answers = String::new();
    for line in &lines {
        let words: Vec<&str> = if line.starts_with(['s', 'e']) && line.contains("| ") {
            line.split("| ").collect()
        } else {
            vec![line]
        };
        let answer = answer(&words, None, &tcp());
        assert!(!answer.is_empty(), "{line}");
        writeln!(answers, "$ {}\n{answer}\n", words.join(" ")).unwrap();
    }
    insta::assert_snapshot!(answers);
}

#[test]
fn mistakes_depend_on_options_and_files() {
    let of = |words: &[&str], family| answer(words, None, &preferring(family));
    let raw = Context {
        tables: vec![Netid::Raw],
        preferred: None,
    };
    let file = "# ports\nsport = :22\nor dport = :nosuch\n";
    let answers = [
        of(&["src [::1]"], AddressFamily::Inet),
        of(&["src 10.0.0.1"], AddressFamily::Inet6),
        of(&["sport > :5"], AddressFamily::Unix),
        of(&["src 10.0.0.1"], AddressFamily::Tipc),
        of(&["src localhost:nosuch"], AddressFamily::Link),
        of(&["src six"], AddressFamily::Inet),
        answer(&["sport = :ssh"], None, &raw),
        answer(&["src 10.0.0.1"], Some(file), &tcp()),
        answer(&["src 10.0.0.1 or"], Some("# nothing\n"), &tcp()),
        answer(&[], Some("sport = :22 or\n\tsport = "), &tcp()),
        answer(&[], Some("state established"), &tcp()),
    ];
    insta::assert_snapshot!(answers.join("\n\n"));
}

#[test]
fn an_answer_fits_on_a_screen_and_obeys_nobody() {
    let long = format!(
        "{} sport = :{} {}",
        "sport = 1 or ".repeat(5_000),
        "x".repeat(5_000),
        "or dport = 2 ".repeat(5_000)
    );
    let answers = [
        answer(&[&long], None, &tcp()),
        answer(&["src \u{1b}[31mred\u{7}\n\u{202e}x dst 1"], None, &tcp()),
        answer(&["src ünïcödé=ß"], None, &tcp()),
    ];
    for answer in &answers {
        assert!(
            !answer.chars().any(|c| c.is_control() && c != '\n'),
            "{answer:?}"
        );
        assert!(
            answer.lines().count() < 12 && answer.lines().all(|line| line.chars().count() < 140)
        );
    }
    insta::assert_snapshot!(answers.join("\n\n"));
}

#[test]
fn one_line_says_it_too() {
    let error = read("src != 1.2.3.4", &tcp()).unwrap_err();
    let line = "`src` is not compared with `!=`: expected `=` or a host (`not src 1.2.3.4`)";
    assert_eq!(error.to_string(), line);
    assert_eq!(error.diagnostic().span, 4..6);
    assert!(error.render(true).contains("\u{1b}["));
}
