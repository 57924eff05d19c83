//! Untrusted texts in a terminal.

/// A text without characters that control a terminal or reorder its output. A client chooses its `User-Agent`, and
/// "ESC [" in it could rewrite the list that contains it.
pub(crate) fn shown(text: &str) -> String {
    let plain = |c: char| c == ' ' || matches!(c, '"' | '\'') || c.escape_debug().len() == 1;
    text.chars().map(|c| if plain(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_the_terminal() {
        for text in ["Mozilla/5.0 (X11; Linux)", "José's \"phone\"", "чай", "日本"] {
            assert_eq!(shown(text), text);
        }
        let table = [
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("a\nb\tc\r", r"a\nb\tc\r"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("\u{202e}tpircs", r"\u{202e}tpircs"),
            ("a\u{200b}b", r"a\u{200b}b"),
            ("\\n", r"\\n"),
            ("\0\u{7f}", r"\u{0}\u{7f}"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected);
        }
    }
}
