// SPDX-License-Identifier: Apache-2.0
//! JSON in and out (RFC 8259), without a library: configurations, arguments, results.
//!
//! ```
//! use jackfield::json::Value;
//!
//! let value = Value::parse(r#"{"words": ["a", "b"], "limit": 3}"#).unwrap();
//! assert_eq!(value["words"][1].as_str(), Some("b"));
//! assert_eq!(value["limit"].as_i64(), Some(3));
//! assert!(value["absent"].is_null());
//!
//! let answer = Value::object([("total", Value::from(2)), ("names", Value::from(vec!["x", "y"]))]);
//! assert_eq!(answer.to_string(), r#"{"total":2,"names":["x","y"]}"#);
//! ```

mod find;
mod number;
mod reader;
mod value;
mod writer;

pub(crate) use find::{find, find_all};
pub use number::Number;
pub use reader::{ParseError, DEPTH_LIMIT};
pub use value::Value;
pub use writer::quote;

#[cfg(test)]
mod tests;
