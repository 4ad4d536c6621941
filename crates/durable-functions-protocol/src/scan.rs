//! The predicate behind [`crate::value`]: does a JSON text pass through the host unaltered?
//!
//! Conservative: it accepts only texts that are just what Json.NET would write for the value, so
//! whatever it does not know counts as altered. One pass, no allocation.

use crate::failure::RESULT_KEY;
use crate::value::MARK;

/// Which way a value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// An activity's result: parsed with date recognition and metadata properties.
    Result,
    /// An activity's input: parsed plainly.
    Input,
}

/// Json.NET refuses more than 64 levels in places.
const MAX_DEPTH: u32 = 60;
/// Json.NET refuses integers of more than 380 characters.
const MAX_INTEGER_DIGITS: usize = 300;
/// Any decimal of so many digits survives the way through a double.
const MAX_DECIMAL_DIGITS: usize = 15;

pub(crate) fn is_exact(json: &str, direction: Direction) -> bool {
    let mut scan = Scan {
        text: json,
        bytes: json.as_bytes(),
        at: 0,
        direction,
        rescans: json.len().saturating_mul(4),
    };
    scan.document().is_some()
}

/// Every step gives `None` as soon as the text would be altered.
struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    direction: Direction,
    /// How many bytes may still be looked at again in search of duplicate names.
    rescans: usize,
}

/// The names of an object so far.
#[derive(Clone, Copy, Default)]
struct Names {
    /// Where the object's first name begins.
    start: usize,
    /// The greatest name so far: one that is greater still is new.
    greatest: (usize, usize),
    /// A Bloom filter of the names; two bits each.
    seen: [u64; 8],
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Option<()> {
        // Bit 0 tells the innermost container: 1 for an object.
        let mut kinds: u64 = 0;
        let mut depth: u32 = 0;
        let mut names = [Names::default(); MAX_DEPTH as usize + 1];
        loop {
            // A value begins here.
            match self.next()? {
                b'{' if self.take(b'}') => {}
                b'[' if self.take(b']') => {}
                open @ (b'{' | b'[') => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return None;
                    }
                    kinds = kinds << 1 | u64::from(open == b'{');
                    if open == b'{' {
                        let names = names.get_mut(depth as usize)?;
                        *names = Names {
                            // Behind the quote of the first name.
                            start: self.at + 1,
                            ..Names::default()
                        };
                        self.name(depth, names)?;
                    }
                    continue;
                }
                b'"' => {
                    let content = self.string()?;
                    if depth == 0 && content.starts_with(MARK) {
                        return None;
                    }
                    if self.direction == Direction::Result && looks_like_date(content) {
                        return None;
                    }
                }
                b't' => self.word("rue")?,
                b'f' => self.word("alse")?,
                b'n' => self.word("ull")?,
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                _ => return None,
            }
            // A value has ended.
            loop {
                if depth == 0 {
                    return (self.at == self.bytes.len()).then_some(());
                }
                let object = kinds & 1 == 1;
                match self.next()? {
                    b',' => {
                        if object {
                            self.name(depth, names.get_mut(depth as usize)?)?;
                        }
                        break;
                    }
                    b'}' if object => {}
                    b']' if !object => {}
                    _ => return None,
                }
                kinds >>= 1;
                depth -= 1;
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        let end = self.at + rest.len();
        (self.bytes.get(self.at..end)? == rest.as_bytes()).then(|| self.at = end)
    }

    /// A member's name and its colon.
    fn name(&mut self, depth: u32, names: &mut Names) -> Option<()> {
        if self.next()? != b'"' {
            return None;
        }
        let begin = self.at;
        let name = self.string()?;
        if self.next()? != b':' {
            return None;
        }
        match self.direction {
            Direction::Result => {
                if name.starts_with('$') || (depth == 1 && name == RESULT_KEY) {
                    return None;
                }
            }
            Direction::Input => {
                if depth == 1 && name.eq_ignore_ascii_case("instanceId") {
                    return None;
                }
            }
        }
        let (from, to) = names.greatest;
        if begin == names.start || name > self.text.get(from..to)? {
            names.greatest = (begin, begin + name.len());
        } else if names.may_have(name) && self.has_name(names.start, begin, name)? {
            return None;
        }
        names.add(name);
        Some(())
    }

    /// Whether the object whose first name begins at `start` has the name before `end`; `None` if
    /// finding out would take too long.
    fn has_name(&mut self, start: usize, end: usize, name: &str) -> Option<bool> {
        self.rescans = self.rescans.checked_sub(end - start)?;
        // Everything up to `end` was scanned before, so it is well-formed. `start` is behind the
        // quote of the first name, and names are what stands in depth 0 before a colon.
        let mut scan = Scan {
            text: self.text,
            bytes: self.bytes,
            at: start,
            direction: Direction::Input,
            rescans: 0,
        };
        let mut level = 0u32;
        let mut in_name = true;
        let mut first = true;
        while scan.at < end {
            if first {
                first = false;
            } else {
                match scan.next()? {
                    b'"' => {}
                    b'{' | b'[' => {
                        level += 1;
                        continue;
                    }
                    b'}' | b']' => {
                        level = level.checked_sub(1)?;
                        continue;
                    }
                    b',' if level == 0 => {
                        in_name = true;
                        continue;
                    }
                    _ => continue,
                }
            }
            if scan.at >= end {
                break;
            }
            let content = scan.string()?;
            if level == 0 && in_name {
                if content == name {
                    return Some(true);
                }
                in_name = false;
            }
        }
        Some(false)
    }

    /// The content of a string whose opening quote was taken, escapes and all.
    fn string(&mut self) -> Option<&'a str> {
        let begin = self.at;
        loop {
            self.at += plain_prefix(self.bytes.get(self.at..)?);
            match self.next()? {
                b'"' => return self.text.get(begin..self.at - 1),
                b'\\' => self.escape()?,
                0..0x20 => return None,
                // U+0085, U+2028 and U+2029 are written as escapes.
                0xC2 if self.bytes.get(self.at) == Some(&0x85) => return None,
                0xE2 if matches!(
                    self.bytes.get(self.at..self.at + 2),
                    Some([0x80, 0xA8 | 0xA9])
                ) =>
                {
                    return None;
                }
                _ => {}
            }
        }
    }

    /// The escapes that Json.NET itself writes, and only where it does.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                let exact = match digits {
                    // Those with a short form are \b \t \n \f \r.
                    [b'0', b'0', b'0', low] => {
                        matches!(low, b'0'..=b'7' | b'b' | b'e' | b'f')
                    }
                    [b'0', b'0', b'1', low] => matches!(low, b'0'..=b'9' | b'a'..=b'f'),
                    b"0085" | b"2028" | b"2029" => true,
                    _ => false,
                };
                self.at += 4;
                exact.then_some(())
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// A number whose first character was taken.
    fn number(&mut self, first: u8) -> Option<()> {
        let negative = first == b'-';
        let begin = if negative { self.at } else { self.at - 1 };
        self.at = begin;
        let integer = self.digits();
        let zero = self.bytes.get(begin) == Some(&b'0');
        if integer == 0 || (zero && integer > 1) {
            return None;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            return None;
        }
        if !self.take(b'.') {
            // -0 arrives as 0.
            return (integer <= MAX_INTEGER_DIGITS && !(zero && negative)).then_some(());
        }
        let fraction_at = self.at;
        let fraction = self.digits();
        if fraction == 0 || matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            return None;
        }
        let fraction = self.bytes.get(fraction_at..self.at)?;
        if integer + fraction.len() > MAX_DECIMAL_DIGITS {
            return None;
        }
        if fraction == b"0" {
            return (!(zero && negative)).then_some(());
        }
        if fraction.last() == Some(&b'0') {
            return None;
        }
        // Below 0.0001 it would be written with an exponent.
        (!(zero && fraction.starts_with(b"0000"))).then_some(())
    }
}

impl Names {
    fn bits(name: &str) -> (usize, u64, usize, u64) {
        // FNV-1a
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // The last characters reach the bits that are used only after another round.
        hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (one, two) = (hash >> 40, hash >> 52);
        let word = |bits: u64| (bits >> 6 & 7) as usize;
        (word(one), 1 << (one & 63), word(two), 1 << (two & 63))
    }

    fn add(&mut self, name: &str) {
        let (word1, bit1, word2, bit2) = Self::bits(name);
        for (word, bit) in [(word1, bit1), (word2, bit2)] {
            if let Some(word) = self.seen.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_have(&self, name: &str) -> bool {
        let (word1, bit1, word2, bit2) = Self::bits(name);
        [(word1, bit1), (word2, bit2)]
            .iter()
            .all(|&(word, bit)| self.seen.get(word).is_some_and(|word| word & bit != 0))
    }
}

/// How many bytes a string goes on without anything that has to be looked at.
fn plain_prefix(bytes: &[u8]) -> usize {
    // No short circuit and no early exit within a block: both compile to vector instructions then.
    let special = |byte: &u8| {
        (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\') | (*byte == 0xC2) | (*byte == 0xE2)
    };
    let blocks = bytes.chunks_exact(32);
    let plain = blocks
        .take_while(|block| !block.iter().fold(false, |any, byte| any | special(byte)))
        .count()
        * 32;
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(special).unwrap_or(rest.len())
}

/// What Json.NET tries to read as a date: 19 to 40 characters that begin with a digit and have a
/// `T` at index 10, or `/Date(..)/`.
fn looks_like_date(content: &str) -> bool {
    let bytes = content.as_bytes();
    match bytes.first() {
        Some(b'/') => content.starts_with("/Date(") && content.ends_with(")/"),
        // What has other characters than ASCII never parses as one.
        Some(b'0'..=b'9') => {
            (19..=40).contains(&bytes.len()) && bytes.get(10) == Some(&b'T') && bytes.is_ascii()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(json: &str) -> bool {
        is_exact(json, Direction::Result)
    }

    fn input(json: &str) -> bool {
        is_exact(json, Direction::Input)
    }

    #[test]
    fn numbers() {
        for exact in [
            "0",
            "-1",
            "12345678901234567890",
            "123456789012345678901234567890",
            "0.0",
            "1.0",
            "-1.5",
            "0.1",
            "12.34",
            "0.0001",
            "-0.00012345",
            "123456789012.345",
            "12345678901234.0",
            "-100.0",
        ] {
            assert!(result(exact) && input(exact), "{exact}");
        }
        for altered in [
            "-0",
            "-0.0",
            "1e5",
            "1E5",
            "1.0e5",
            "1E+300",
            "1.10",
            "1.00",
            "0.00001",
            "0.30000000000000004",
            "1234567890123456.0",
            "0.1234567890123456",
            "123456789012345.5",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1.5.5",
            "NaN",
        ] {
            assert!(!result(altered) && !input(altered), "{altered}");
        }
        let long = "9".repeat(MAX_INTEGER_DIGITS);
        assert!(result(&long) && !result(&format!("{long}9")));
    }

    #[test]
    fn strings() {
        for exact in [
            r#""""#,
            r#""Seoul 서울 😀""#,
            r#""\"\\\b\f\n\r\t\u0000\u001f\u000b\u2028\u2029\u0085""#,
            "\"\u{7f}\u{a0}\u{2027}\u{feff}\"",
            r#""2020-01-01""#,
            r#""2020-01-01 00:00:00Z""#,
            r#""2020-01-01T00:00""#,
            r#""2020-01-01T00:00:00Z the rest of the line of a log""#,
            r#""/Date""#,
            r#""durable-json""#,
            r#"["durable-json:1"]"#,
            r#""aGVsbG8=""#,
        ] {
            assert!(result(exact) && input(exact), "{exact}");
        }
        for altered in [
            r#""\/""#,
            r#""\u0041""#,
            r#""\u000a""#,
            r#""\u0008""#,
            r#""\u001F""#,
            r#""\u00e9""#,
            r#""\ud83d\ude00""#,
            "\"\u{85}\"",
            "\"\u{2028}\"",
            "\"\u{2029}\"",
            "\"\n\"",
            r#""durable-json:1""#,
            r#""open"#,
            r#""\""#,
            r#""\u00"#,
            "\"a\"b",
        ] {
            assert!(!result(altered) && !input(altered), "{altered}");
        }
        for date in [
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00Z",
            "2020-01-01T00:00:00.0000000+00:00",
            "0999-99-99T99:99:99",
            "/Date(1)/",
            "/Date(1+0100)/",
        ] {
            for json in [
                format!("\"{date}\""),
                format!("[1,\"{date}\"]"),
                format!("{{\"a\":{{\"b\":[\"{date}\"]}}}}"),
            ] {
                assert!(!result(&json) && input(&json), "{json}");
            }
            // Names are never read as dates.
            assert!(result(&format!("{{\"{date}\":1}}")));
        }
    }

    #[test]
    fn objects_and_arrays() {
        for exact in [
            "{}",
            "[]",
            "[[],{},[{}]]",
            r#"{"a":1,"A":1,"b":[null,true,false]}"#,
            r#"{"":0,"a.b":1}"#,
            r#"{"b":{"a":1},"a":{"a":1}}"#,
        ] {
            assert!(result(exact) && input(exact), "{exact}");
        }
        for altered in [
            "",
            " 1",
            "1 ",
            "[1, 2]",
            r#"{"a" :1}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"b":1,"a":{"c":"\",\"a\":"},"b":2}"#,
            r#"[{"z":1,"y":[{"z":1}],"x":"y","y":0}]"#,
            "[1,]",
            "{,}",
            "[1}",
            "{\"a\"}",
            "{\"a\":}",
            "[",
            "]",
            "1,2",
            "[1]]",
            "nul",
            "True",
            "{a:1}",
        ] {
            assert!(!result(altered) && !input(altered), "{altered}");
        }
        for name in ["$type", "$id", "$ref", "$values", "$"] {
            for json in [
                format!("{{\"{name}\":1}}"),
                format!("[{{\"a\":1,\"{name}\":1}}]"),
            ] {
                assert!(!result(&json) && input(&json), "{json}");
            }
        }
    }

    #[test]
    fn what_could_be_mistaken_for_something_else() {
        assert!(!result(r#"{"durable-failure":"x"}"#));
        assert!(!result(r#"{"a":1,"durable-failure":"x"}"#));
        assert!(result(r#"[{"durable-failure":"x"}]"#));
        assert!(input(r#"{"durable-failure":"x"}"#));
        // These would replace the id of the instance in the metadata.
        assert!(!input(r#"{"instanceId":"x"}"#));
        assert!(!input(r#"{"a":1,"InstanceID":"x"}"#));
        assert!(input(r#"[{"instanceId":"x"}]"#));
        assert!(input(r#"{"a":{"instanceId":"x"}}"#));
        assert!(result(r#"{"instanceId":"x"}"#));
    }

    #[test]
    fn depth() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        // The innermost brackets are empty and need no level.
        assert!(result(&nested(61)));
        assert!(!result(&nested(62)));
        assert!(!result(&nested(1_000_000)));
        let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
        assert!(result(&objects(60)) && input(&objects(60)));
        assert!(!result(&objects(61)));
    }

    #[test]
    fn objects_of_many_names() {
        let object = |names: &mut dyn Iterator<Item = usize>| {
            let members: Vec<_> = names.map(|n| format!("\"n{n:06}\":{n}")).collect();
            format!("{{{}}}", members.join(","))
        };
        // As programs have them: sorted, or some dozens in the order of a struct.
        assert!(result(&object(&mut (0..100_000))));
        assert!(result(&object(&mut (0..60).map(|n| n * 7919 % 100_003))));
        // Many in no order: finding out would take too long, so they count as altered.
        let many = object(&mut (0..200_000).map(|n| n * 7919 % 200_003));
        assert!(!result(&many));
        // A name that comes twice is always found.
        for length in [2, 3, 10, 50, 200] {
            for twice in 0..length {
                let names = (0..length).rev().chain([twice]);
                assert!(!result(&object(&mut names.clone())), "{length} {twice}");
            }
        }
    }
}
