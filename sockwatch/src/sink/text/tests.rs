//! The look of the text, as a whole.

use super::*;
use crate::{
    enrich::names::{Names, services::Services},
    sink::samples,
};

fn options(colour: bool) -> TextOptions {
    TextOptions {
        colour,
        header: true,
        own_netns: Some(samples::OWN_NETNS),
        zone: TimeZone::UTC,
    }
}

fn render(options: TextOptions, names: Names) -> String {
    let mut text = Text::new(options, names);
    let mut out = Vec::new();
    samples::each(|event| text.write(event, samples::WALL, &mut out));
    String::from_utf8(out).unwrap()
}

#[test]
fn plain() {
    insta::assert_snapshot!(render(options(false), Names::numeric()));
}

#[test]
fn coloured() {
    let shown = render(options(true), Names::numeric()).replace('\x1b', "␛");
    insta::assert_snapshot!(shown);
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = render(options(true), Names::numeric());
    let mut plain = String::new();
    let mut parts = coloured.split("\x1b[");
    plain.push_str(parts.next().unwrap());
    for part in parts {
        plain.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(plain, render(options(false), Names::numeric()));
}

#[test]
fn services_are_named_except_among_local_ports() {
    let services = Services::parse(
        "http 80/tcp\nhttps 443/tcp\nrogue 51234/tcp\n",
        32768..=60999,
    );
    let shown = render(options(false), Names::new(Some(services), None));
    assert!(shown.contains("127.0.0.1:51234       127.0.0.1:http "));
    assert!(shown.contains(" *:https "));
}

#[test]
fn without_a_header_the_first_line_is_an_event() {
    let mut text = Text::new(
        TextOptions {
            header: false,
            ..options(false)
        },
        Names::numeric(),
    );
    let mut out = Vec::new();
    let start = samples::start();
    text.write(&Event::Start(&start), samples::WALL, &mut out);
    assert!(out.is_empty());
}

#[test]
fn where_our_namespace_is_unknown_every_row_tells_its_own() {
    let shown = render(
        TextOptions {
            own_netns: None,
            ..options(false)
        },
        Names::numeric(),
    );
    assert!(shown.contains("curl/4242          netns:4026531840\n"));
}
