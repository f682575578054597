//! Errors for people: one line, however deep the chain.

/// An error and its sources in one line, the verifier's pages left out, and what is said twice:
/// aya's errors repeat their sources.
pub(crate) fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = String::new();
    for error in std::iter::successors(Some(error), |error| error.source()) {
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default().trim();
        if line.ends_with(text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(text);
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn a_chain_is_one_line_without_repeats() {
        let error: anyhow::Result<()> = Err(anyhow!("no room\nand pages of detail"));
        let error = error
            .context("map: no room")
            .context("cannot load")
            .unwrap_err();
        assert_eq!(one_line(error.as_ref()), "cannot load: map: no room");
    }
}
