//! A command line as it is written in a text, cut up as a shell does it.

/// The words of a line: split at blanks, but for what stands between single quotes. A backslash before
/// a parenthesis or a sign, which a shell would take, is dropped.
pub fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(place, part)| match place % 2 {
            0 => part
                .split_whitespace()
                .map(|word| word.replace('\\', ""))
                .collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(
            words(r"-o '( dport = :ssh )' dst 10/8 sport \> :1"),
            ["-o", "( dport = :ssh )", "dst", "10/8", "sport", ">", ":1"]
        );
    }
}
