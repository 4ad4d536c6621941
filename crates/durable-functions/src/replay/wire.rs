//! Reading protobuf fields in place, without building messages.

use std::ops::Range;

/// Bytes that are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Offset in the request at which the reader stopped.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) problem: &'static str,
}

/// The value of one field. Fixed-size values, which this protocol keeps inside `Value`s only, are
/// skipped over by whoever does not know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Varint(u64),
    /// Range in the whole buffer.
    Bytes(Range<usize>),
    Fixed,
}

/// Reads the fields of one message that lies in `buffer[position..end]`.
pub(crate) struct Reader<'a> {
    buffer: &'a [u8],
    position: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(buffer: &'a [u8], range: Range<usize>) -> Self {
        let end = range.end.min(buffer.len());
        Self {
            buffer,
            position: range.start.min(end),
            end,
        }
    }

    fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed {
            at: self.position,
            problem,
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        let bytes = self.buffer.get(self.position..self.end).unwrap_or_default();
        if let Some(&first) = bytes.first()
            && first < 0x80
        {
            self.position += 1;
            return Ok(u64::from(first));
        }
        let mut value = 0u64;
        for (index, &byte) in bytes.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(self.malformed("a number of more than 64 bits"));
            }
            value |= bits << (7 * index);
            if byte < 0x80 {
                self.position += index + 1;
                return Ok(value);
            }
        }
        Err(self.malformed("a number that does not end"))
    }

    #[inline]
    fn skip(&mut self, length: u64) -> Result<Range<usize>, Malformed> {
        let start = self.position;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length));
        match end {
            Some(end) if end <= self.end => {
                self.position = end;
                Ok(start..end)
            }
            _ => Err(self.malformed("a field that is longer than its message")),
        }
    }

    /// The next field with its number; `None` at the end of the message.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field)>, Malformed> {
        if self.position >= self.end {
            return Ok(None);
        }
        let key = self.varint()?;
        let number =
            u32::try_from(key >> 3).map_err(|_| self.malformed("a field number out of range"))?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => {
                self.skip(8)?;
                Field::Fixed
            }
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.skip(length)?)
            }
            5 => {
                self.skip(4)?;
                Field::Fixed
            }
            _ => return Err(self.malformed("an unknown wire type")),
        };
        Ok(Some((number, field)))
    }

    /// The last occurrence of a length-delimited field of this message.
    pub(crate) fn find(mut self, number: u32) -> Result<Option<Range<usize>>, Malformed> {
        let mut found = None;
        while let Some((current, field)) = self.next()? {
            if let (true, Field::Bytes(range)) = (current == number, field) {
                found = Some(range);
            }
        }
        Ok(found)
    }

    /// The text inside a `google.protobuf.StringValue` field of this message: `None` if the field
    /// is absent, empty if the wrapper is.
    pub(crate) fn find_wrapped(self, number: u32) -> Result<Option<Range<usize>>, Malformed> {
        let buffer = self.buffer;
        match self.find(number)? {
            None => Ok(None),
            Some(wrapper) => {
                let start = wrapper.start;
                Ok(Some(
                    Reader::new(buffer, wrapper)
                        .find(1)?
                        .unwrap_or(start..start),
                ))
            }
        }
    }
}

/// An `int32` as it is coded: a negative one takes ten bytes.
#[inline]
pub(crate) fn int32(value: u64) -> Option<i32> {
    i32::try_from(value.cast_signed()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Field)>, Malformed> {
        let mut reader = Reader::new(bytes, 0..bytes.len());
        let mut fields = Vec::new();
        while let Some(field) = reader.next()? {
            fields.push(field);
        }
        Ok(fields)
    }

    #[test]
    fn reads_every_wire_type() {
        let bytes = [
            0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7,
            8,
        ];
        assert_eq!(
            fields(&bytes).unwrap(),
            [
                (1, Field::Varint(150)),
                (2, Field::Bytes(5..7)),
                (3, Field::Fixed),
                (4, Field::Fixed)
            ]
        );
    }

    #[test]
    fn negative_int32_takes_ten_bytes() {
        let mut bytes = vec![0x08];
        bytes.extend([0xff; 9]);
        bytes.push(1);
        let Field::Varint(value) = fields(&bytes).unwrap()[0].1.clone() else {
            panic!()
        };
        assert_eq!(int32(value), Some(-1));
        assert_eq!(int32(1 << 40), None);
    }

    #[test]
    fn says_what_is_malformed() {
        for (bytes, problem) in [
            (&[0x08u8, 0x80][..], "a number that does not end"),
            (
                &[0x12, 0x05, 1][..],
                "a field that is longer than its message",
            ),
            (&[0x0b][..], "an unknown wire type"),
            (
                &[
                    0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
                ][..],
                "a number of more than 64 bits",
            ),
        ] {
            assert_eq!(fields(bytes).unwrap_err().problem, problem);
        }
    }
}
