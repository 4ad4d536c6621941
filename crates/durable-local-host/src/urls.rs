//! Parts of URLs: well-known paths, and how what is in them is encoded.

/// Path of the management API.
pub(crate) const MANAGEMENT_PATH: &str = "/runtime/webhooks/durabletask";

/// Encodes a name or value of a query as the real host does.
pub(crate) fn encode_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Undoes the encoding of a query: plus for blank, percent for bytes.
pub(crate) fn decode_query(text: &str) -> String {
    let bytes = decode(&text.replace('+', " "), |_| true);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Undoes percent-encoding, except of the slash: Kestrel leaves `%2F` as it is.
pub(crate) fn decode_segment(segment: &str) -> String {
    let bytes = decode(segment, |byte| byte != b'/');
    String::from_utf8(bytes).unwrap_or_else(|_| segment.to_owned())
}

/// Undoes percent-encoding of the bytes for which it is to be undone.
fn decode(text: &str, undone: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if let Some((byte, tail)) = encoded(rest).filter(|(byte, _)| undone(*byte)) {
            out.push(byte);
            rest = tail;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

/// The byte that `%` and two hexadecimal digits stand for, and what follows.
fn encoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(high)? * 16 + digit(low)?;
    Some((u8::try_from(value).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        assert_eq!(decode_query("a+b%20c%2B%C3%BC%"), "a b c+ü%");
        assert_eq!(decode_query(&encode_query("a b/ü+~")), "a b/ü+~");
    }

    #[test]
    fn what_is_not_encoded_stays() {
        for text in ["%", "%4", "100%", "%zz", "%%41", "%ü"] {
            assert_eq!(decode_query(text), text.replace("%41", "A"));
            assert_eq!(decode_segment(text), text.replace("%41", "A"));
        }
        assert_eq!(decode_query("%+1"), "% 1");
        assert_eq!(decode_segment("%+1"), "%+1");
    }

    #[test]
    fn segments_keep_plus_and_encoded_slashes() {
        assert_eq!(decode_segment("a+b%20c%2Fd%2f%C3%BC%"), "a+b c%2Fd%2fü%");
        assert_eq!(decode_segment("%FF%20"), "%FF%20");
    }
}
