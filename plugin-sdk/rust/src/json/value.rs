// SPDX-License-Identifier: Apache-2.0
// A JSON value as a tree.

use super::Number;
use std::ops::Index;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object: its members in the order in which they stand.
    Object(Vec<(String, Value)>),
}

static NULL: Value = Value::Null;

impl Value {
    /// An object of these members.
    pub fn object<K: Into<String>, const N: usize>(members: [(K, Value); N]) -> Value {
        Value::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A member of an object; `None` where there is none, or where this is no object. Of repeated members the
    /// last counts.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => {
                members.iter().rev().find(|member| member.0 == name).map(|member| &member.1)
            }
            _ => None,
        }
    }

    /// Finds a value by JSON Pointer (RFC 6901): `""` is this value, `"/a/0"` the first element of its member
    /// `a`.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |value, token| match value {
            Value::Object(_) => value.get(&token.replace("~1", "/").replace("~0", "~")),
            Value::Array(items) if token == "0" || !token.starts_with(&['0', '+'][..]) => {
                items.get(token.parse::<usize>().ok()?)
            }
            _ => None,
        })
    }

    /// Whether it is `null`; so is what indexing does not find.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The integer, if it is one, fits and is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The number as a double, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// The text of a string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array, if it is one.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object, if it is one.
    pub fn as_object(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// What kind of value it is, for messages: "a string".
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }
}

/// A member by name; `null` where there is none.
impl Index<&str> for Value {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NULL)
    }
}

/// An element by place; `null` where there is none.
impl Index<usize> for Value {
    type Output = Value;
    fn index(&self, place: usize) -> &Value {
        self.as_array().and_then(|items| items.get(place)).unwrap_or(&NULL)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

macro_rules! from_integer {
    ($wide:ty: $($narrow:ty)*) => {
        $(impl From<$narrow> for Value {
            fn from(value: $narrow) -> Value {
                Value::Number(Number::from(value as $wide))
            }
        })*
    };
}

from_integer!(i64: i8 i16 i32 i64 isize);
from_integer!(u64: u8 u16 u32 u64 usize);

/// Infinities and NaN, which JSON cannot spell, become `null`.
impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Number::real(value).map_or(Value::Null, Value::Number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}
