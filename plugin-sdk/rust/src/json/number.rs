// SPDX-License-Identifier: Apache-2.0
// JSON numbers.

use std::fmt;

/// A JSON number: an integer of 64 bits where it is one, a double otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Number(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Signed(i64),
    Unsigned(u64),
    Real(f64),
}

/// One more than i64::MAX, which a double cannot spell.
const TWO_63: f64 = (1u64 << 63) as f64;

impl Number {
    /// The number as an integer; `None` where it has a fraction or does not fit. `2.0` and `1e3` are
    /// integers.
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Kind::Signed(value) => Some(value),
            Kind::Unsigned(value) => i64::try_from(value).ok(),
            Kind::Real(value) => {
                (value.fract() == 0.0 && (-TWO_63..TWO_63).contains(&value)).then_some(value as i64)
            }
        }
    }

    /// The number as an integer that is not negative.
    pub fn as_u64(self) -> Option<u64> {
        match self.0 {
            Kind::Signed(value) => u64::try_from(value).ok(),
            Kind::Unsigned(value) => Some(value),
            Kind::Real(value) => {
                (value.fract() == 0.0 && (0.0..2.0 * TWO_63).contains(&value)).then_some(value as u64)
            }
        }
    }

    /// The number as a double, rounded where need be.
    pub fn as_f64(self) -> f64 {
        match self.0 {
            Kind::Signed(value) => value as f64,
            Kind::Unsigned(value) => value as f64,
            Kind::Real(value) => value,
        }
    }

    /// A double as a number; `None` for infinities and NaN, which JSON cannot spell.
    pub fn real(value: f64) -> Option<Number> {
        value.is_finite().then_some(Number(Kind::Real(value)))
    }

    /// Text that follows JSON's grammar for numbers; `None` where it is beyond a double.
    pub(super) fn parse(text: &str) -> Option<Number> {
        if !text.contains(&['.', 'e', 'E'][..]) {
            if let Ok(value) = text.parse() {
                return Some(Number(Kind::Signed(value)));
            }
            if let Ok(value) = text.parse() {
                return Some(Number(Kind::Unsigned(value)));
            }
        }
        Number::real(text.parse().ok()?)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number(Kind::Signed(value))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number(Kind::Unsigned(value))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (self.as_i64(), other.as_i64(), self.as_u64(), other.as_u64()) {
            (Some(a), Some(b), _, _) => a == b,
            (_, _, Some(a), Some(b)) => a == b,
            (None, None, None, None) => self.as_f64() == other.as_f64(),
            _ => false,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Signed(value) => write!(out, "{value}"),
            Kind::Unsigned(value) => write!(out, "{value}"),
            // Debug, not Display: the shortest text that reads back as the same double, exponents included.
            Kind::Real(value) => write!(out, "{value:?}"),
        }
    }
}
