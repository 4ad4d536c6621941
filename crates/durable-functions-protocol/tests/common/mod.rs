//! A model of what the Functions host does to JSON values, written from the behaviour of Json.NET
//! and not from the code under test.

use std::iter::Peekable;
use std::str::Chars;

/// A value as the host holds it.
pub enum Json {
    Null,
    Bool(bool),
    Integer(String),
    Double(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// What arrives of an activity's result, `None` if the host cannot take it at all.
pub fn result_through_host(json: &str) -> Option<String> {
    let mut value = parse(json)?;
    as_result(&mut value)?;
    Some(render(&value))
}

/// What arrives of an activity's input.
pub fn input_through_host(json: &str) -> Option<String> {
    Some(render(&parse(json)?))
}

/// Dates are recognised, metadata properties are taken out.
fn as_result(value: &mut Json) -> Option<()> {
    match value {
        Json::Text(text) => {
            if let Some(date) = date(text) {
                *text = date;
            }
        }
        Json::Array(items) => {
            for item in items {
                as_result(item)?;
            }
        }
        Json::Object(members) => {
            if members.iter().any(|(name, _)| name == "$ref") {
                return None;
            }
            members.retain(|(name, _)| !matches!(&**name, "$type" | "$id" | "$values"));
            for (_, member) in members {
                as_result(member)?;
            }
        }
        _ => {}
    }
    Some(())
}

/// The text of a string that Json.NET takes for a date, as it writes that date.
fn date(text: &str) -> Option<String> {
    if let Some(ticks) = text
        .strip_prefix("/Date(")
        .and_then(|it| it.strip_suffix(")/"))
    {
        let millis: i64 = ticks.parse().ok()?;
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis.unsigned_abs());
        let time = durable_functions_protocol::time::from_system_time(time).ok()?;
        return Some(format!("{}.{}Z", time.seconds, time.nanos));
    }
    let units = text.encode_utf16().count();
    let chars: Vec<char> = text.chars().collect();
    if !(19..=40).contains(&units) || !chars[0].is_numeric() || chars[10] != 'T' {
        return None;
    }
    let digits = |from: usize, to: usize| -> Option<u32> {
        let text: String = chars.get(from..to)?.iter().collect();
        text.chars()
            .all(|c| c.is_ascii_digit())
            .then(|| text.parse().ok())?
    };
    let is = |at: usize, c: char| (chars.get(at) == Some(&c)).then_some(());
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    is(4, '-')?;
    is(7, '-')?;
    is(13, ':')?;
    is(16, ':')?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year == 0 {
        return None;
    }
    if hour > 24 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest: String = chars[19..].iter().collect();
    let mut fraction = String::new();
    if let Some(tail) = rest.strip_prefix('.') {
        fraction = tail.chars().take_while(char::is_ascii_digit).collect();
        rest = tail[fraction.len()..].to_owned();
        fraction.truncate(7);
        fraction = fraction.trim_end_matches('0').to_owned();
        if !fraction.is_empty() {
            fraction.insert(0, '.');
        }
    }
    let whole: String = chars[..19].iter().collect();
    match rest.as_str() {
        "" => Some(whole + &fraction),
        "Z" => Some(whole + &fraction + "Z"),
        // Moved to the host's zone, which is UTC in Azure: only these stay.
        "+00:00" => Some(whole + &fraction + "+00:00"),
        _ => Some(format!("{whole}{fraction} moved to another zone")),
    }
}

fn parse(json: &str) -> Option<Json> {
    let mut chars = json.chars().peekable();
    let value = parse_value(&mut chars, 0)?;
    blanks(&mut chars);
    chars.next().is_none().then_some(value)
}

fn blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| " \t\r\n".contains(*c)).is_some() {}
}

fn parse_value(chars: &mut Peekable<Chars<'_>>, depth: usize) -> Option<Json> {
    if depth > 64 {
        return None;
    }
    blanks(chars);
    match *chars.peek()? {
        '"' => Some(Json::Text(parse_text(chars)?)),
        '[' => {
            chars.next();
            let mut items = Vec::new();
            blanks(chars);
            if chars.next_if_eq(&']').is_some() {
                return Some(Json::Array(items));
            }
            loop {
                items.push(parse_value(chars, depth + 1)?);
                blanks(chars);
                match chars.next()? {
                    ',' => {}
                    ']' => return Some(Json::Array(items)),
                    _ => return None,
                }
            }
        }
        '{' => {
            chars.next();
            let mut members: Vec<(String, Json)> = Vec::new();
            blanks(chars);
            if chars.next_if_eq(&'}').is_some() {
                return Some(Json::Object(members));
            }
            loop {
                blanks(chars);
                let name = parse_text(chars)?;
                blanks(chars);
                chars.next_if_eq(&':')?;
                let value = parse_value(chars, depth + 1)?;
                match members.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = value,
                    None => members.push((name, value)),
                }
                blanks(chars);
                match chars.next()? {
                    ',' => {}
                    '}' => return Some(Json::Object(members)),
                    _ => return None,
                }
            }
        }
        c if c == '-' || c.is_ascii_digit() => {
            let mut text = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_digit() || "+-.eE".contains(*c)) {
                text.push(c);
            }
            if text.contains(['.', 'e', 'E']) {
                return Some(Json::Double(text.parse().ok()?));
            }
            if text.len() > 380 {
                return None;
            }
            Some(Json::Integer(if text == "-0" { "0".into() } else { text }))
        }
        _ => {
            let mut word = String::new();
            while let Some(c) = chars.next_if(char::is_ascii_lowercase) {
                word.push(c);
            }
            match word.as_str() {
                "null" => Some(Json::Null),
                "true" => Some(Json::Bool(true)),
                "false" => Some(Json::Bool(false)),
                _ => None,
            }
        }
    }
}

fn parse_text(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    chars.next_if_eq(&'"')?;
    let mut units: Vec<u16> = Vec::new();
    loop {
        let mut buffer = [0; 2];
        match chars.next()? {
            '"' => return Some(String::from_utf16_lossy(&units)),
            '\\' => match chars.next()? {
                'b' => units.push(8),
                't' => units.push(9),
                'n' => units.push(10),
                'f' => units.push(12),
                'r' => units.push(13),
                'u' => {
                    let digits: String = chars.take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).ok()?);
                }
                c @ ('"' | '\\' | '/') => units.push(c as u16),
                _ => return None,
            },
            c => units.extend_from_slice(c.encode_utf16(&mut buffer)),
        }
    }
}

fn render(value: &Json) -> String {
    match value {
        Json::Null => "null".into(),
        Json::Bool(it) => it.to_string(),
        Json::Integer(it) => it.clone(),
        Json::Double(it) => render_double(*it),
        Json::Text(it) => render_text(it),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(render).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, it)| format!("{}:{}", render_text(name), render(it)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn render_text(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\u{8}' => out += "\\b",
            '\t' => out += "\\t",
            '\n' => out += "\\n",
            '\u{c}' => out += "\\f",
            '\r' => out += "\\r",
            '\u{0}'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out += &format!("\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// `double.ToString("R")` of .NET Core 3.0 and later, with Json.NET's `.0`.
fn render_double(number: f64) -> String {
    if !number.is_finite() {
        return "\"Infinity\"".into();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let text = if (-5 < exponent && exponent < 15) || number == 0.0 {
        format!("{number}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}E{sign}{:02}", exponent.abs())
    };
    if text.contains(['.', 'E']) {
        text
    } else {
        text + ".0"
    }
}
