// SPDX-License-Identifier: Apache-2.0
// JSON in: strict, bounded in depth.

use super::{Number, Value};
use std::fmt;

/// How deep arrays and objects may nest.
pub const DEPTH_LIMIT: usize = 128;

/// Why a text is not JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The byte at which it was noticed.
    pub offset: usize,
    what: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not JSON: {} at byte {}", self.what, self.offset)
    }
}

impl std::error::Error for ParseError {}

impl Value {
    /// Reads one JSON text (RFC 8259), with nothing behind it.
    pub fn parse(text: &str) -> Result<Value, ParseError> {
        let mut reader = Reader { text, at: 0 };
        reader.blank();
        let value = reader.value(0)?;
        reader.blank();
        match reader.peek() {
            None => Ok(value),
            Some(_) => Err(reader.error("something follows the value")),
        }
    }

    /// The same for bytes that should be UTF-8.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Value, ParseError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ParseError { offset: error.valid_up_to(), what: "bytes that are no UTF-8" })?;
        Value::parse(text)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> ParseError {
        ParseError { offset: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error("an unknown word"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.error("no value")),
            None => Err(self.error("the text ends too early")),
        }
    }

    fn descend(&mut self, depth: usize) -> Result<usize, ParseError> {
        if depth == DEPTH_LIMIT {
            return Err(self.error("nested too deep"));
        }
        self.at += 1;
        self.blank();
        Ok(depth + 1)
    }

    fn array(&mut self, depth: usize) -> Result<Value, ParseError> {
        let depth = self.descend(depth)?;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.blank();
            items.push(self.value(depth)?);
            self.blank();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.error("neither ',' nor ']'"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, ParseError> {
        let depth = self.descend(depth)?;
        let mut members = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return Err(self.error("no member name"));
            }
            let name = self.string()?;
            self.blank();
            if !self.eat(b':') {
                return Err(self.error("no ':'"));
            }
            self.blank();
            members.push((name, self.value(depth)?));
            self.blank();
            if self.eat(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.error("neither ',' nor '}'"));
            }
        }
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("no digit"));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        match Number::parse(&self.text[start..self.at]) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(ParseError { offset: start, what: "a number beyond a double" }),
        }
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            // The loop stops at ASCII only, which is a boundary of characters.
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.error("a control character in a string")),
                None => return Err(self.error("the text ends in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        Ok(match escaped {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => {
                self.at -= 1;
                return Err(self.error("an unknown escape"));
            }
        })
    }

    fn unit(&mut self) -> Result<u32, ParseError> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let unit = digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match unit {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => Err(self.error("no four hexadecimal digits")),
        }
    }

    /// `\uXXXX`, in pairs beyond the basic plane. A lone surrogate is no character and is refused.
    fn unicode(&mut self) -> Result<char, ParseError> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff if self.eat(b'\\') && self.eat(b'u') => match self.unit()? {
                second @ 0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                _ => first,
            },
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair"))
    }
}
