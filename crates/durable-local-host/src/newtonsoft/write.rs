//! Writing.

use super::Json;

/// Appends a text as a JSON string, with the escapes that Json.NET uses.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escaped = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\u{85}' => "\\u0085",
            '\u{2028}' => "\\u2028",
            '\u{2029}' => "\\u2029",
            c if c < ' ' => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        if escaped.is_empty() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push_str(escaped);
        }
        plain = at + c.len_utf8();
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

/// JSON text without blanks.
pub(crate) fn render(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// JSON text with two blanks for every level, as `Formatting.Indented` has it on Linux.
pub(crate) fn render_indented(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

fn write(out: &mut String, value: &Json, indent: Option<usize>) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => out.push_str(number),
        Json::String(text) => write_string(out, text),
        Json::Array(items) => {
            let inner = indent.map(|level| level + 1);
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                separate(out, number, inner);
                write(out, item, inner);
            }
            finish(out, items.is_empty(), indent, ']');
        }
        Json::Object(members) => {
            let inner = indent.map(|level| level + 1);
            out.push('{');
            for (number, (name, member)) in members.iter().enumerate() {
                separate(out, number, inner);
                write_string(out, name);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(out, member, inner);
            }
            finish(out, members.is_empty(), indent, '}');
        }
    }
}

fn separate(out: &mut String, number: usize, level: Option<usize>) {
    if number > 0 {
        out.push(',');
    }
    break_line(out, level);
}

fn finish(out: &mut String, empty: bool, level: Option<usize>, bracket: char) {
    if !empty {
        break_line(out, level);
    }
    out.push(bracket);
}

fn break_line(out: &mut String, level: Option<usize>) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
}
