//! JSON files as the .NET host reads them: byte order mark, comments and a comma at the end of a
//! list are fine.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Error;

/// Reads a JSON object from a file.
pub(crate) fn read_object(path: &Path) -> Result<Map<String, Value>, Error> {
    let bytes = fs::read(path).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let text = strict(text.strip_prefix('\u{feff}').unwrap_or(&text));
    let fault = |line, column, message: String| Error::Json {
        path: path.to_owned(),
        line,
        column,
        message,
    };
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(fault(1, 1, "an object is expected".to_owned())),
        Err(error) => {
            let message = error.to_string();
            let message = message
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned();
            Err(fault(error.line(), error.column(), message))
        }
    }
}

/// Blanks out `//` and `/* */` comments, and commas before the end of an object or a list; lines and
/// columns stay as they are.
fn strict(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    // The place of a comma after which nothing has come yet.
    let mut last_comma = None;
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            if c == '\\' {
                out.extend(chars.next());
            } else if c == '"' {
                in_string = false;
            }
            continue;
        }
        match (c, chars.peek()) {
            ('/', Some('/')) => {
                out.push(' ');
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    out.extend(std::iter::repeat_n(' ', c.len_utf8()));
                }
                continue;
            }
            ('/', Some('*')) => {
                out.push(' ');
                let mut previous = ' ';
                for c in chars.by_ref() {
                    out.push(if c == '\n' { '\n' } else { ' ' });
                    if previous == '*' && c == '/' {
                        break;
                    }
                    previous = c;
                }
                continue;
            }
            ('}' | ']', _) => {
                if let Some(at) = last_comma.take() {
                    out.replace_range(at..=at, " ");
                }
            }
            (',', _) => last_comma = Some(out.len()),
            (c, _) if c.is_whitespace() => {}
            _ => last_comma = None,
        }
        in_string = c == '"';
        out.push(c);
    }
    out
}

/// The member of that name, compared without case as .NET configuration does.
pub(crate) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// The value at a path of names below an object.
pub(crate) fn at<'a>(object: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = member(object, first)?;
    for name in rest {
        value = member(value.as_object()?, name)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Map<String, Value>, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("host.json");
        fs::write(&path, text).unwrap();
        read_object(&path)
    }

    #[test]
    fn comments_and_byte_order_mark_are_fine() {
        let object =
            read("\u{feff}{ // one\n \"a\": \"x//y\", /* two\n */ \"B\": {\"c\": 1} }").unwrap();
        assert_eq!(member(&object, "A").unwrap(), "x//y");
        assert_eq!(at(&object, &["b", "C"]).unwrap(), 1);
    }

    #[test]
    fn a_comma_at_the_end_is_fine() {
        let object = read("{\"a\": [1, 2 , ], \"b\": \",]\", // end\n}").unwrap();
        assert_eq!(object["a"], serde_json::json!([1, 2]));
        assert_eq!(object["b"], ",]");
        assert!(read("{\"a\": 1,, }").is_err());
        assert!(read("{\"a\": , \"b\": 1}").is_err());
    }

    #[test]
    fn a_fault_names_file_line_and_column() {
        let error = read("{\n  \"a\": 1,\n  oops\n}").unwrap_err();
        let Error::Json {
            path, line, column, ..
        } = &error
        else {
            panic!("{error}")
        };
        assert!(path.ends_with("host.json"));
        assert_eq!((*line, *column), (3, 3));
        assert!(
            error
                .to_string()
                .contains("host.json:3:3: this is no valid JSON"),
            "{error}"
        );
        assert!(matches!(read("[]"), Err(Error::Json { .. })));
    }
}
