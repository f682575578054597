//! One line for a command line that could not be understood, with a hint.

use std::fmt::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// One line for a command line that could not be understood, with a hint.
pub(in crate::app) fn one_line(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let arg = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = arg.split(' ').next().unwrap_or_default();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let mut line = match error.kind() {
        ErrorKind::UnknownArgument if arg.starts_with('-') => format!("unknown option '{arg}'"),
        // Words are anything; only a command without words of its own gets here.
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or(arg);
            format!("unexpected word '{word}'")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{option} needs a value"),
        ErrorKind::InvalidValue => format!("bad value '{value}' for {option}"),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            format!(
                "bad value '{value}' for {option}: {}",
                why.unwrap_or_default()
            )
        }
        ErrorKind::ArgumentConflict => format!("{option} cannot be used here"),
        _ => error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .replace("error: ", ""),
    };
    let suggestion = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
        ContextKind::SuggestedSubcommand,
    ]
    .into_iter()
    .find_map(text);
    let valid = text(ContextKind::ValidValue).filter(|valid| !valid.is_empty());
    let _infallible = match (suggestion, valid) {
        (Some(close), _) => write!(line, "; did you mean '{close}'?"),
        (None, Some(valid)) => write!(line, "; it takes {valid}"),
        (None, None) => write!(line, "; see sockwatch --help"),
    };
    line
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{super::Cli, *};

    #[test]
    fn every_usage_error_is_one_line_with_a_hint() {
        let line = |args: &[&str]| {
            let args = ["sockwatch"].iter().chain(args);
            one_line(&Cli::try_parse_from(args).unwrap_err())
        };
        assert_eq!(
            line(&["--jsn"]),
            "unknown option '--jsn'; did you mean '--json'?"
        );
        assert_eq!(line(&["-y"]), "unknown option '-y'; see sockwatch --help");
        assert_eq!(
            line(&["--on", "entry"]),
            "bad value 'entry' for --on; did you mean 'enter'?"
        );
        assert_eq!(
            line(&["--on", "x"]),
            "bad value 'x' for --on; it takes enter, leave, both"
        );
        assert_eq!(
            line(&["--count", "0"]).split(';').next().unwrap(),
            "bad value '0' for --count: expected at least 1"
        );
        assert!(
            line(&["--count"]).starts_with("--count needs a value"),
            "{}",
            line(&["--count"])
        );
        assert_eq!(
            line(&["-A", "bogus"]).split(';').next().unwrap(),
            "bad value 'bogus' for --query: there is no table 'bogus'"
        );
        assert!(line(&["list", "-f", "x"]).contains("bad value 'x' for --family: it takes inet"));
        for args in [
            &["doctor", "-x"][..],
            &["sport", "-1"],
            &["--json=yes"],
            &["list", "--no"],
        ] {
            assert_eq!(line(args).lines().count(), 1, "{args:?}");
        }
    }
}
