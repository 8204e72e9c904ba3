//! Protocol buffers' encoding, as far as stored records need it: numbers, fixed 64-bit numbers, bytes, messages.
//!
//! Written by hand so that one property holds that generated code does not give: what this binary does not know, it
//! keeps. Two binaries of different age write the same rows, and neither forgets what the other one said.
//!
//! Reading takes bytes from anywhere. It allocates nothing beyond what it is given, and says what is wrong and where.

use std::fmt;

use bytes::Bytes;

/// What is wrong with bytes that should be a message, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    /// Where, counted from the start of the message.
    pub at: usize,
    /// What.
    pub what: &'static str,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for WireError {}

/// Writes the fields of one message. What is zero or empty is left out, as protobuf does.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number of variable length.
    Number(u64),
    /// A number of eight bytes.
    Fixed(u64),
    /// Bytes, text, or a message; shares the memory that it was read from.
    Bytes(Bytes),
    /// A number of four bytes. We write none.
    Short(u32),
}

/// A field that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub number: u32,
    /// Its value.
    pub value: Value,
    /// Where it begins.
    pub at: usize,
    /// All of it, to be kept where it is not known.
    raw: Bytes,
}

/// Reads the fields of one message, in the order of the bytes. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Fields {
    message: Bytes,
    at: usize,
}

/// Fields that this binary does not know, to be written again where they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown(Vec<u8>);

impl Encoder {
    /// A number.
    pub fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(value);
        }
    }

    /// A number whose high bits are likely set, such as a hash.
    pub fn fixed(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.varint(u64::from(field) << 3 | 1);
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Bytes or text.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.item(field, value);
        }
    }

    /// Bytes that count even when there are none: one of several under one number.
    pub fn item(&mut self, field: u32, value: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// A message within the message; written even if it has no fields.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.item(field, &inner.bytes);
    }

    /// What was not known when it was read.
    pub fn unknown(&mut self, unknown: &Unknown) {
        self.bytes.extend_from_slice(&unknown.0);
    }

    /// The message.
    pub fn finish(self) -> Bytes {
        self.bytes.into()
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

impl Unknown {
    /// Keeps a field.
    pub fn keep(&mut self, field: &Field) {
        self.0.extend_from_slice(&field.raw);
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether everything was known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Fields {
    /// The fields of a message.
    pub fn of(message: &Bytes) -> Self {
        Self { message: message.clone(), at: 0 }
    }

    fn read(&mut self) -> Result<Field, WireError> {
        let start = self.at;
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or(WireError { at: start, what: "a field number out of range" })?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Fixed(u64::from_le_bytes(self.array()?)),
            2 => {
                let at = self.at;
                let length = usize::try_from(self.varint()?).ok();
                Value::Bytes(
                    length
                        .and_then(|length| self.take(length))
                        .ok_or(WireError { at, what: "a length beyond the end" })?,
                )
            }
            5 => Value::Short(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError { at: start, what: "a field of unknown type" }),
        };
        Ok(Field { number, value, at: start, raw: self.message.slice(start..self.at) })
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.message.get(self.at) else {
                return Err(WireError { at: start, what: "a number cut short" });
            };
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError { at: start, what: "a number of more than 64 bits" })
    }

    fn take(&mut self, length: usize) -> Option<Bytes> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.message.len())?;
        let taken = self.message.slice(self.at..end);
        self.at = end;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let at = self.at;
        let taken = self.take(N).and_then(|bytes| <[u8; N]>::try_from(&*bytes).ok());
        taken.ok_or(WireError { at, what: "a fixed number cut short" })
    }
}

impl Iterator for Fields {
    type Item = Result<Field, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.len() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.at = self.message.len();
        }
        Some(field)
    }
}

impl Field {
    /// The number that it must be.
    pub fn number(&self) -> Result<u64, WireError> {
        match self.value {
            Value::Number(value) | Value::Fixed(value) => Ok(value),
            Value::Short(value) => Ok(value.into()),
            Value::Bytes(_) => Err(self.error("bytes where a number belongs")),
        }
    }

    /// The number of 32 bits that it must be.
    pub fn small(&self) -> Result<u32, WireError> {
        u32::try_from(self.number()?).map_err(|_| self.error("a number of more than 32 bits"))
    }

    /// The bytes that it must be.
    pub fn bytes(&self) -> Result<Bytes, WireError> {
        match &self.value {
            Value::Bytes(bytes) => Ok(bytes.clone()),
            _ => Err(self.error("a number where bytes belong")),
        }
    }

    /// The text that it must be, of at most so many bytes.
    pub fn text(&self, longest: usize) -> Result<String, WireError> {
        let bytes = self.bytes()?;
        if bytes.len() > longest {
            return Err(self.error("text that is too long"));
        }
        String::from_utf8(bytes.into()).map_err(|_| self.error("text that is not UTF-8"))
    }

    /// The message that it must be, read by `read`; errors say where in the outer message.
    pub fn message<T>(&self, read: impl FnOnce(Fields) -> Result<T, WireError>) -> Result<T, WireError> {
        let inner = self.bytes()?;
        let before = self.at + self.raw.len() - inner.len();
        read(Fields::of(&inner)).map_err(|error| WireError { at: before + error.at, what: error.what })
    }

    /// An error about this field.
    pub fn error(&self, what: &'static str) -> WireError {
        WireError { at: self.at, what }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(message: &[u8]) -> Result<Vec<Field>, WireError> {
        Fields::of(&Bytes::copy_from_slice(message)).collect()
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            (1..u64::MAX).prop_map(Value::Number),
            (1..u64::MAX).prop_map(Value::Fixed),
            prop::collection::vec(any::<u8>(), 1..40).prop_map(|bytes| Value::Bytes(bytes.into())),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(fields in prop::collection::vec((1..1_u32 << 29, any_value()), 0..10)) {
            let mut out = Encoder::default();
            for (number, value) in &fields {
                match value {
                    Value::Number(value) => out.number(*number, *value),
                    Value::Fixed(value) => out.fixed(*number, *value),
                    Value::Bytes(value) => out.bytes(*number, value),
                    Value::Short(_) => unreachable!("we write none"),
                }
            }
            let message = out.finish();
            let read: Vec<_> = Fields::of(&message).map(|field| field.map(|field| (field.number, field.value))).collect();
            prop_assert_eq!(read, fields.into_iter().map(Ok).collect::<Vec<_>>());

            // Whoever knows none of it hands all of it on.
            let mut unknown = Unknown::default();
            Fields::of(&message).for_each(|field| unknown.keep(&field.unwrap()));
            let mut again = Encoder::default();
            again.unknown(&unknown);
            prop_assert_eq!(again.finish(), message);
        }

        #[test]
        fn foreign_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let fields: Vec<_> = Fields::of(&bytes.clone().into()).collect();
            prop_assert!(fields.iter().rev().skip(1).all(Result::is_ok), "an error is the end");
            for field in fields.into_iter().flatten() {
                let _ = (field.number(), field.small(), field.text(10));
                let _ = field.message(|inner| inner.collect::<Result<Vec<_>, _>>());
            }
            if let Err(error) = read(&bytes) {
                prop_assert!(error.at <= bytes.len());
            }
        }
    }

    #[test]
    fn bytes_are_as_protobuf_has_them() {
        let mut out = Encoder::default();
        out.number(1, 150);
        out.bytes(2, b"testing");
        out.message(3, |out| out.number(1, 1));
        out.fixed(4, 1);
        out.number(5, 0);
        assert_eq!(
            out.finish(),
            [&[0x08, 0x96, 0x01, 0x12, 0x07][..], b"testing", &[0x1a, 2, 8, 1, 0x21, 1, 0, 0, 0, 0, 0, 0, 0]]
                .concat()
        );
        assert_eq!(read(&[0x0d, 1, 0, 0, 0]).unwrap()[0].number(), Ok(1), "numbers of four bytes are read");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (message, error) in [
            (&[0x08][..], "a number cut short at byte 1"),
            (&[0x08, 0x80], "a number cut short at byte 1"),
            (&[8, 1, 0x0a, 5, 0], "a length beyond the end at byte 3"),
            (
                &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                "a length beyond the end at byte 1",
            ),
            (
                &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
                "a number of more than 64 bits at byte 1",
            ),
            (&[0x00, 1], "a field number out of range at byte 0"),
            (&[0x0b], "a field of unknown type at byte 0"),
            (&[0x09, 1, 2], "a fixed number cut short at byte 1"),
        ] {
            assert_eq!(read(message).unwrap_err().to_string(), error, "{message:x?}");
        }
        let outer = read(&[0x08, 1, 0x12, 2, 0x08, 0x80]).unwrap();
        let inner = outer[1].message(|fields| fields.collect::<Result<Vec<_>, _>>());
        assert_eq!(inner.unwrap_err().to_string(), "a number cut short at byte 5");
        assert_eq!(outer[0].bytes().unwrap_err().to_string(), "a number where bytes belong at byte 0");
    }
}
