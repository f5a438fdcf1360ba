// SPDX-License-Identifier: Apache-2.0
// JSON out: compact, members in their order.

use super::Value;
use std::fmt::{self, Write};

/// A text as a JSON string, with its quotes.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    // Writing into a String cannot fail.
    let _ = write_quoted(&mut out, text);
    out
}

fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        // Only ASCII is escaped, so that both ends are boundaries of characters.
        out.write_str(&text[plain..at])?;
        plain = at + 1;
        match byte {
            b'"' => out.write_str("\\\""),
            b'\\' => out.write_str("\\\\"),
            b'\n' => out.write_str("\\n"),
            b'\r' => out.write_str("\\r"),
            b'\t' => out.write_str("\\t"),
            _ => write!(out, "\\u{byte:04x}"),
        }?;
    }
    out.write_str(&text[plain..])?;
    out.write_char('"')
}

/// Writes compact JSON.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => out.write_str("null"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::Number(number) => write!(out, "{number}"),
            Value::String(text) => write_quoted(out, text),
            Value::Array(items) => {
                out.write_char('[')?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.write_char(',')?;
                    }
                    item.fmt(out)?;
                }
                out.write_char(']')
            }
            Value::Object(members) => {
                out.write_char('{')?;
                for (place, (name, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.write_char(',')?;
                    }
                    write_quoted(out, name)?;
                    out.write_char(':')?;
                    value.fmt(out)?;
                }
                out.write_char('}')
            }
        }
    }
}
