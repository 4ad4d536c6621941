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

/// Wire type of a number.
pub(crate) const VARINT: u64 = 0;
/// Wire type of a length-delimited value.
pub(crate) const BYTES: u64 = 2;

/// What stands before the value of a field.
pub(crate) const fn key(number: u32, wire_type: u64) -> u64 {
    (number as u64) << 3 | wire_type
}

/// Reads the fields of one message that lies in `buffer[position..end]`.
pub(crate) struct Reader<'a> {
    buffer: &'a [u8],
    position: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(buffer: &'a [u8], range: Range<usize>) -> Self {
        let end = range.end.min(buffer.len());
        Self {
            buffer,
            position: range.start.min(end),
            end,
        }
    }

    #[cold]
    fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed {
            at: self.position,
            problem,
        }
    }

    /// Whether the message ends here.
    #[inline(always)]
    pub(crate) fn is_at_end(&self) -> bool {
        self.position >= self.end
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        match self.buffer.get(self.position) {
            Some(&first) if first < 0x80 && self.position < self.end => {
                self.position += 1;
                Ok(u64::from(first))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        /// Minus one, the id of most events.
        const MINUS_ONE: [u8; 10] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let bytes = self.buffer.get(self.position..self.end).unwrap_or_default();
        if bytes.first_chunk() == Some(&MINUS_ONE) {
            self.position += MINUS_ONE.len();
            return Ok(u64::MAX);
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

    #[inline(always)]
    fn skip(&mut self, length: u64) -> Result<Range<usize>, Malformed> {
        let start = self.position;
        // the reader never stands behind its end
        if length <= (self.end - start) as u64 {
            self.position = start + length as usize;
            Ok(start..self.position)
        } else {
            Err(self.malformed("a field that is longer than its message"))
        }
    }

    /// The place of a length-delimited value.
    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> Result<Range<usize>, Malformed> {
        let length = self.varint()?;
        self.skip(length)
    }

    /// Passes over the value that has this key.
    pub(crate) fn pass(&mut self, key: u64) -> Result<(), Malformed> {
        self.value(key).map(|_| ())
    }

    fn value(&mut self, key: u64) -> Result<Field, Malformed> {
        match key & 7 {
            0 => Ok(Field::Varint(self.varint()?)),
            1 => self.skip(8).map(|_| Field::Fixed),
            2 => Ok(Field::Bytes(self.bytes()?)),
            5 => self.skip(4).map(|_| Field::Fixed),
            _ => Err(self.malformed("an unknown wire type")),
        }
    }

    /// The number in a key.
    #[inline]
    pub(crate) fn number(&self, key: u64) -> Result<u32, Malformed> {
        u32::try_from(key >> 3).map_err(|_| self.malformed("a field number out of range"))
    }

    /// The next field with its number; `None` at the end of the message.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Field)>, Malformed> {
        if self.is_at_end() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = self.number(key)?;
        Ok(Some((number, self.value(key)?)))
    }

    /// The last occurrence of a length-delimited field of this message.
    #[inline]
    pub(crate) fn find(mut self, number: u32) -> Result<Option<Range<usize>>, Malformed> {
        let wanted = key(number, BYTES);
        let mut found = None;
        while !self.is_at_end() {
            match self.varint()? {
                key if key == wanted => found = Some(self.bytes()?),
                key => self.pass(key)?,
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
