//! Arguments of the handler: the real host makes one line of them, which .NET takes apart again.

/// The arguments in a line, as .NET finds them on Unix.
pub(super) fn split(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| is_blank(*c)).is_some() {}
        if chars.peek().is_none() {
            return arguments;
        }
        let mut argument = String::new();
        let mut in_quotes = false;
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    let mut count = 1;
                    while chars.next_if_eq(&'\\').is_some() {
                        count += 1;
                    }
                    // Backslashes are for nothing but double quotes.
                    let before_quote = chars.peek() == Some(&'"');
                    let kept = if before_quote { count / 2 } else { count };
                    argument.extend(std::iter::repeat_n('\\', kept));
                    if before_quote && count % 2 == 1 {
                        argument.extend(chars.next());
                    }
                }
                '"' if in_quotes && chars.next_if_eq(&'"').is_some() => argument.push('"'),
                '"' => in_quotes = !in_quotes,
                c if is_blank(c) && !in_quotes => break,
                c => argument.push(c),
            }
        }
        arguments.push(argument);
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_as_dotnet_does() {
        for (line, arguments) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("a  b\tc", &["a", "b", "c"]),
            (r#""a b" c"#, &["a b", "c"]),
            (r#"x"a b"y"#, &["xa by"]),
            (r#""" a"#, &["", "a"]),
            (r#""a""b""#, &["a\"b"]),
            (r#"a\b\\c"#, &[r"a\b\\c"]),
            (r#"\"a b\""#, &["\"a", "b\""]),
            (r#"\\"a b""#, &[r"\a b"]),
            (r#""open end"#, &["open end"]),
            ("'a b'", &["'a", "b'"]),
        ] {
            assert_eq!(split(line), arguments, "{line}");
        }
    }
}
