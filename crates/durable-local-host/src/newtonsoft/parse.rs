//! Reading.

use std::fmt;

use super::number::normalize;
use super::{Dates, Json, Members};
use crate::time::Ticks;

/// How deep values may nest; the real host's formatter has the same limit.
const MAX_DEPTH: usize = 256;

/// What is wrong with a text, in the words of Json.NET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault(String);

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads JSON text.
pub(crate) fn parse(text: &str, dates: Dates) -> Result<Json, JsonFault> {
    let mut reader = Reader {
        text,
        at: 0,
        dates,
        path: Vec::new(),
    };
    reader.skip_blanks();
    if reader.peek().is_none() {
        return Err(reader.fault_at_start("Error reading JToken from JsonReader."));
    }
    let value = reader.value()?;
    reader.skip_blanks();
    match reader.peek() {
        None => Ok(value),
        Some(c) => Err(reader.fault(format!(
            "Additional text encountered after finished reading JSON content: {c}."
        ))),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    dates: Dates,
    path: Vec<Step>,
}

enum Step {
    Name(String),
    Index(usize),
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn value(&mut self) -> Result<Json, JsonFault> {
        if self.path.len() > MAX_DEPTH {
            return Err(self.fault(format!(
                "The reader's MaxDepth of {MAX_DEPTH} has been exceeded."
            )));
        }
        match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"' | '\'') => self.string().map(|text| self.text_or_date(text)),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            Some(_) => {
                for (word, value) in [
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                    ("null", Json::Null),
                ] {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.unexpected())
            }
            None => Err(self.end()),
        }
    }

    fn object(&mut self) -> Result<Json, JsonFault> {
        self.next();
        let mut members = Members::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                // A comma before the bracket is fine with Json.NET.
                Some('}') => {
                    self.next();
                    return Ok(Json::Object(members.into_list()));
                }
                None => return Err(self.end()),
                _ => {}
            }
            let name = self.name()?;
            self.skip_blanks();
            match self.peek() {
                Some(':') => self.next(),
                Some(c) => {
                    return Err(self.fault(format!(
                        "Invalid character after parsing property name. Expected ':' but got: {c}."
                    )));
                }
                None => return Err(self.end()),
            };
            self.skip_blanks();
            self.path.push(Step::Name(name.clone()));
            let value = self.value()?;
            self.path.pop();
            members.set(name, value);
            if !self.comma('}')? {
                return Ok(Json::Object(members.into_list()));
            }
        }
    }

    fn array(&mut self) -> Result<Json, JsonFault> {
        self.next();
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(']') => {
                    self.next();
                    return Ok(Json::Array(items));
                }
                None => return Err(self.end()),
                _ => {}
            }
            self.path.push(Step::Index(items.len()));
            items.push(self.value()?);
            self.path.pop();
            if !self.comma(']')? {
                return Ok(Json::Array(items));
            }
        }
    }

    /// Whether a comma follows; otherwise the closing bracket does.
    fn comma(&mut self, close: char) -> Result<bool, JsonFault> {
        self.skip_blanks();
        match self.next() {
            Some(',') => Ok(true),
            Some(c) if c == close => Ok(false),
            Some(c) => {
                self.at -= c.len_utf8();
                Err(self.fault(format!(
                    "After parsing a value an unexpected character was encountered: {c}."
                )))
            }
            None => Err(self.end()),
        }
    }

    fn name(&mut self) -> Result<String, JsonFault> {
        match self.peek() {
            Some('"' | '\'') => self.string(),
            Some(c) if c.is_alphanumeric() || c == '_' || c == '$' => {
                let start = self.at;
                while self
                    .peek()
                    .is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
                {
                    self.next();
                }
                Ok(self.text.get(start..self.at).unwrap_or_default().to_owned())
            }
            Some(c) => Err(self.fault(format!("Invalid property identifier character: {c}."))),
            None => Err(self.end()),
        }
    }

    fn string(&mut self) -> Result<String, JsonFault> {
        let quote = self.next().unwrap_or('"');
        // The usual string has no escapes and is taken over in one go.
        let rest = self.rest();
        if let Some(end) = rest.find([quote, '\\'])
            && rest.get(end..).is_some_and(|tail| tail.starts_with(quote))
        {
            let text = rest.get(..end).unwrap_or_default().to_owned();
            self.at += end + 1;
            return Ok(text);
        }
        let mut units: Vec<u16> = Vec::new();
        let mut buffer = [0u16; 2];
        loop {
            match self.next() {
                Some(c) if c == quote => return Ok(String::from_utf16_lossy(&units)),
                Some('\\') => units.push(self.escape()?),
                Some(c) => units.extend_from_slice(c.encode_utf16(&mut buffer)),
                None => {
                    return Err(
                        self.fault("Unterminated string. Expected delimiter: \".".to_owned())
                    );
                }
            }
        }
    }

    fn escape(&mut self) -> Result<u16, JsonFault> {
        let c = self.next().ok_or_else(|| self.end())?;
        let plain = match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '"' | '\'' | '\\' | '/' => c,
            'u' => {
                let hex = self
                    .rest()
                    .get(..4)
                    .and_then(|hex| u16::from_str_radix(hex, 16).ok());
                let unit = hex.ok_or_else(|| {
                    self.fault("Unexpected end while parsing Unicode escape sequence.".to_owned())
                })?;
                self.at += 4;
                return Ok(unit);
            }
            _ => return Err(self.fault(format!("Bad JSON escape sequence: \\{c}."))),
        };
        Ok(u16::try_from(u32::from(plain)).unwrap_or_default())
    }

    fn number(&mut self) -> Result<Json, JsonFault> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        {
            self.next();
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        let shape = literal
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
        match normalize(literal).filter(|_| shape) {
            Some(number) => Ok(Json::Number(number)),
            None => Err(self.fault(format!("Input string '{literal}' is not a valid number."))),
        }
    }

    fn text_or_date(&self, text: String) -> Json {
        let date = (self.dates == Dates::Convert)
            .then(|| date(&text))
            .flatten();
        Json::String(date.unwrap_or(text))
    }

    fn unexpected(&self) -> JsonFault {
        let c = self.peek().unwrap_or_default();
        let message = format!("Unexpected character encountered while parsing value: {c}.");
        if self.path.is_empty() {
            self.fault_at_start(&message)
        } else {
            self.fault(message)
        }
    }

    fn end(&self) -> JsonFault {
        self.fault("Unexpected end when reading JSON.".to_owned())
    }

    // Before the first token Json.NET has not counted a line yet.
    fn fault_at_start(&self, message: &str) -> JsonFault {
        JsonFault(format!("{message} Path '', line 0, position 0."))
    }

    fn fault(&self, message: String) -> JsonFault {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let position = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .encode_utf16()
            .count();
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        JsonFault(format!(
            "{message} Path '{path}', line {line}, position {position}."
        ))
    }
}

/// The text written anew when Json.NET takes it for a date. Offsets become local time, which is
/// UTC on this host.
fn date(text: &str) -> Option<String> {
    if let Some(milliseconds) = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"))
    {
        let milliseconds: i64 = milliseconds.parse().ok()?;
        let time = Ticks(milliseconds.checked_mul(10_000)?).known()?;
        return Some(time.iso());
    }
    let bytes = text.as_bytes();
    let shape = (19..=40).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_digit)
        && bytes.get(10) == Some(&b'T')
        && bytes.get(13) == Some(&b':')
        && bytes.get(16) == Some(&b':');
    if !shape {
        return None;
    }
    let time = Ticks::parse(text)?;
    let clock = text.get(11..)?;
    if clock.ends_with('Z') {
        Some(time.iso())
    } else if clock.contains(['+', '-']) {
        Some(time.iso_offset())
    } else {
        Some(time.iso().trim_end_matches('Z').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::compact;
    use super::*;

    #[test]
    fn results_change_as_recorded() {
        for (sent, stored) in [
            ("1.0", "1.0"),
            ("1e5", "100000.0"),
            (
                r#""2020-01-01T00:00:00+02:00""#,
                r#""2019-12-31T22:00:00+00:00""#,
            ),
            (
                r#"{"a":1.10,"d":"2020-01-01T00:00:00.000Z"}"#,
                r#"{"a":1.1,"d":"2020-01-01T00:00:00Z"}"#,
            ),
            ("[1,2.50]", "[1,2.5]"),
            (r#""""#, r#""""#),
            (r#""aGVsbG8=""#, r#""aGVsbG8=""#),
            (
                r#""2024-02-29T12:34:56.1234567+05:30""#,
                r#""2024-02-29T07:04:56.1234567+00:00""#,
            ),
            (r#""/Date(1)/""#, r#""1970-01-01T00:00:00.001Z""#),
            (r#""2024-02-29T12:34:56""#, r#""2024-02-29T12:34:56""#),
            (r#""2024-02-29 and more, T""#, r#""2024-02-29 and more, T""#),
            (" { \"b\" : [ ] , \"a\" : { } } ", r#"{"b":[],"a":{}}"#),
        ] {
            assert_eq!(
                compact(sent, Dates::Convert).as_deref(),
                Ok(stored),
                "{sent}"
            );
        }
    }

    #[test]
    fn texts_keep_their_characters() {
        let sent = r#""\u2028\uD83D\uDE00 é \u0001\" \/""#;
        assert_eq!(
            compact(sent, Dates::Keep).unwrap(),
            "\"\\u2028😀 é \\u0001\\\" /\""
        );
        assert_eq!(
            compact(r#"{"$type":"x","a.b":1,"A":1,"a":2}"#, Dates::Keep).unwrap(),
            r#"{"$type":"x","a.b":1,"A":1,"a":2}"#
        );
        assert_eq!(
            compact(r#"{"a":1,"b":2,"a":3}"#, Dates::Keep).unwrap(),
            r#"{"a":3,"b":2}"#
        );
    }

    #[test]
    fn an_object_of_many_members_takes_no_longer_for_each_of_them() {
        let count = 100_000;
        let members: Vec<String> = (0..count).map(|name| format!("\"n{name}\":1")).collect();
        let text = format!("{{{}}}", members.join(","));
        let Ok(Json::Object(read)) = parse(&text, Dates::Keep) else {
            panic!("it is an object")
        };
        assert_eq!(read.len(), count);
    }

    #[test]
    fn faults_read_as_recorded() {
        let fault = |text: &str| parse(text, Dates::Keep).unwrap_err().to_string();
        assert_eq!(
            fault("{not json"),
            "Invalid character after parsing property name. Expected ':' but got: j. Path '', line 1, position 5."
        );
        assert_eq!(
            fault("not json"),
            "Unexpected character encountered while parsing value: n. Path '', line 0, position 0."
        );
        assert!(fault("{\"a\": [1, x]}").contains("Path 'a[1]', line 1, position 10."));
        assert!(fault("").contains("line 0"));
        assert!(fault("{\"a\":1} 2").contains("Additional text"));
        assert!(fault("[1").contains("end"));
        assert!(fault(&"[".repeat(600)).contains("MaxDepth"));
        assert!(fault("1x").contains("1x"));
    }
}
