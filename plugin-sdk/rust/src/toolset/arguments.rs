// SPDX-License-Identifier: Apache-2.0
// Reading a tool's arguments with checks; what is wrong becomes an error that the client can read.

use crate::json::Value;
use crate::Error;
use std::ops::RangeInclusive;

/// The arguments of a tool or prompt. Each reader fails with [`Error::invalid`] where the value is missing or
/// of another type; those that begin with `optional_` take an absent value, or `null`, for `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments(Value);

impl Arguments {
    pub(super) fn new(value: Value) -> Result<Arguments, Error> {
        match value {
            Value::Object(_) => Ok(Arguments(value)),
            other => Err(Error::invalid(format!("arguments must be an object, not {}", other.kind()))),
        }
    }

    /// All of them, an object.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// One of them, whatever it is.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn read<'a, T>(
        &'a self,
        name: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(Error::invalid(format!("'{name}' must be {wanted}, not {}", value.kind()))),
            },
        }
    }

    fn required<T>(name: &str, value: Result<Option<T>, Error>) -> Result<T, Error> {
        value?.ok_or_else(|| Error::invalid(format!("'{name}' is missing")))
    }

    /// A string.
    pub fn text(&self, name: &str) -> Result<&str, Error> {
        Arguments::required(name, self.optional_text(name))
    }

    /// A string that may be absent.
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>, Error> {
        self.read(name, "a string", Value::as_str)
    }

    /// An integer within a range; `standard` where it is absent.
    pub fn integer(
        &self,
        name: &str,
        range: RangeInclusive<i64>,
        standard: Option<i64>,
    ) -> Result<i64, Error> {
        let value = self
            .read(name, "an integer", Value::as_i64)
            .and_then(|value| Arguments::required(name, Ok(value.or(standard))))?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(Error::invalid(format!(
            "'{name}' must be from {} to {}, not {value}",
            range.start(),
            range.end()
        )))
    }

    /// A number, as a double; `standard` where it is absent.
    pub fn number(&self, name: &str, standard: Option<f64>) -> Result<f64, Error> {
        Arguments::required(name, self.read(name, "a number", Value::as_f64).map(|value| value.or(standard)))
    }

    /// A boolean; `standard` where it is absent.
    pub fn flag(&self, name: &str, standard: bool) -> Result<bool, Error> {
        self.read(name, "a boolean", Value::as_bool).map(|value| value.unwrap_or(standard))
    }

    /// An array; empty where it is absent.
    pub fn list(&self, name: &str) -> Result<&[Value], Error> {
        self.read(name, "an array", Value::as_array).map(|value| value.unwrap_or(&[]))
    }

    /// An array of strings; empty where it is absent.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>, Error> {
        let texts = self.list(name)?.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
        texts.ok_or_else(|| Error::invalid(format!("'{name}' must hold strings only")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(json: &str) -> Arguments {
        Arguments::new(Value::parse(json).unwrap()).unwrap()
    }

    #[test]
    fn values_are_checked() {
        let it = arguments(r#"{"t":"x","n":7,"r":1.5,"b":true,"l":["a","b"],"m":[1],"z":null}"#);
        assert_eq!(it.text("t").unwrap(), "x");
        assert_eq!(it.integer("n", 1..=7, None).unwrap(), 7);
        assert_eq!(it.integer("z", 1..=9, Some(3)).unwrap(), 3);
        assert_eq!(it.number("r", None).unwrap(), 1.5);
        assert!(it.flag("b", false).unwrap() && !it.flag("c", false).unwrap());
        assert_eq!(it.texts("l").unwrap(), ["a", "b"]);
        assert_eq!(it.optional_text("z"), Ok(None));
        for (error, text) in [
            (it.text("n").map(drop), "'n' must be a string, not a number"),
            (it.text("z").map(drop), "'z' is missing"),
            (it.integer("n", 8..=9, None).map(drop), "'n' must be from 8 to 9, not 7"),
            (it.integer("r", 0..=9, None).map(drop), "'r' must be an integer, not a number"),
            (it.texts("m").map(drop), "'m' must hold strings only"),
        ] {
            let error = error.unwrap_err();
            assert!(error.is_public() && error.text() == text, "{error}");
        }
        assert!(Arguments::new(Value::parse("[1]").unwrap()).is_err());
    }
}
