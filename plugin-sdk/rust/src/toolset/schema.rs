// SPDX-License-Identifier: Apache-2.0
// Named fields as JSON Schema.

use crate::json::Value;
use std::ops::RangeInclusive;

/// One named member of a tool's arguments or of its structured result.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    name: String,
    schema: Vec<(String, Value)>,
    is_required: bool,
}

impl Field {
    /// A member that follows a schema of any shape. Required unless told otherwise.
    pub fn new(name: &str, schema: Value) -> Field {
        let schema = match schema {
            Value::Object(members) => members,
            _ => Vec::new(),
        };
        Field { name: name.into(), schema, is_required: true }
    }

    fn typed(name: &str, kind: &str, description: &str) -> Field {
        Field::new(name, Value::object([("type", kind.into()), ("description", description.into())]))
    }

    /// A string.
    pub fn text(name: &str, description: &str) -> Field {
        Field::typed(name, "string", description)
    }

    /// One of these strings.
    pub fn choice(name: &str, description: &str, choices: &[&str]) -> Field {
        Field::text(name, description).with("enum", choices.to_vec().into())
    }

    /// An integer.
    pub fn integer(name: &str, description: &str) -> Field {
        Field::typed(name, "integer", description)
    }

    /// A number.
    pub fn number(name: &str, description: &str) -> Field {
        Field::typed(name, "number", description)
    }

    /// A boolean.
    pub fn flag(name: &str, description: &str) -> Field {
        Field::typed(name, "boolean", description)
    }

    /// An array whose elements follow `items`, a schema.
    pub fn list(name: &str, description: &str, items: Value) -> Field {
        Field::typed(name, "array", description).with("items", items)
    }

    /// The same field with one more member in its schema: `maxLength`, `pattern`.
    #[must_use]
    pub fn with(mut self, keyword: &str, value: Value) -> Field {
        self.schema.push((keyword.into(), value));
        self
    }

    /// The same field with `minimum` and `maximum`.
    #[must_use]
    pub fn range(self, range: RangeInclusive<i64>) -> Field {
        self.with("minimum", (*range.start()).into()).with("maximum", (*range.end()).into())
    }

    /// The same field, not required.
    #[must_use]
    pub fn optional(mut self) -> Field {
        self.is_required = false;
        self
    }

    /// The same field, not required, and what counts where it is absent.
    #[must_use]
    pub fn standard(self, value: impl Into<Value>) -> Field {
        self.with("default", value.into()).optional()
    }
}

/// The schema of an object with these members and no others.
pub fn fields_schema(fields: &[Field]) -> Value {
    let properties =
        fields.iter().map(|field| (field.name.clone(), Value::Object(field.schema.clone()))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.is_required).map(|field| &*field.name).collect();
    let mut members =
        vec![("type".to_owned(), "object".into()), ("properties".to_owned(), Value::Object(properties))];
    if !required.is_empty() {
        members.push(("required".to_owned(), required.into()));
    }
    members.push(("additionalProperties".to_owned(), false.into()));
    Value::Object(members)
}
