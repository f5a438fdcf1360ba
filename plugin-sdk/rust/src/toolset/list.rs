// SPDX-License-Identifier: Apache-2.0
// What a toolset lists: tools, resources, templates, prompts, in the shapes of MCP 2026-07-28.

use super::{fields_schema, Field};
use crate::json::Value;

/// Members of an object, of which those that are not set are left out.
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    pub(super) fn new() -> Members {
        Members(Vec::new())
    }

    pub(super) fn set(mut self, name: &str, value: impl Into<Value>) -> Members {
        self.0.push((name.into(), value.into()));
        self
    }

    pub(super) fn set_some<T: Into<Value>>(self, name: &str, value: Option<T>) -> Members {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    pub(super) fn object(self) -> Value {
        Value::Object(self.0)
    }
}

/// What a client may expect of a tool. `None`: not said, which clients take as the worst case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy something.
    pub destructive: Option<bool>,
    /// Calling it again with the same arguments changes nothing more.
    pub idempotent: Option<bool>,
    /// It deals with the world outside.
    pub open_world: Option<bool>,
}

impl Hints {
    /// A tool that changes nothing, answers the same again, and stays at home.
    pub fn pure() -> Hints {
        Hints {
            read_only: Some(true),
            destructive: Some(false),
            idempotent: Some(true),
            open_world: Some(false),
        }
    }
}

/// One tool, as tools/list shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// As the toolset spells it.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: String,
    /// JSON Schema of the arguments, of type object.
    pub input_schema: Value,
    /// JSON Schema of the structured result.
    pub output_schema: Option<Value>,
    /// What clients may expect.
    pub hints: Hints,
}

impl Tool {
    /// A tool without arguments.
    pub fn new(name: &str, description: &str) -> Tool {
        Tool {
            name: name.into(),
            title: None,
            description: description.into(),
            input_schema: fields_schema(&[]),
            output_schema: None,
            hints: Hints::default(),
        }
    }

    /// The same tool with these arguments and no others.
    #[must_use]
    pub fn input(mut self, fields: &[Field]) -> Tool {
        self.input_schema = fields_schema(fields);
        self
    }

    /// The same tool with a structured result of these members.
    #[must_use]
    pub fn output(mut self, fields: &[Field]) -> Tool {
        self.output_schema = Some(fields_schema(fields));
        self
    }

    /// The same tool with a title for people.
    #[must_use]
    pub fn title(mut self, title: &str) -> Tool {
        self.title = Some(title.into());
        self
    }

    /// The same tool with hints.
    #[must_use]
    pub fn hints(mut self, hints: Hints) -> Tool {
        self.hints = hints;
        self
    }
}

impl From<&Tool> for Value {
    fn from(tool: &Tool) -> Value {
        let hints = Members::new()
            .set_some("readOnlyHint", tool.hints.read_only)
            .set_some("destructiveHint", tool.hints.destructive)
            .set_some("idempotentHint", tool.hints.idempotent)
            .set_some("openWorldHint", tool.hints.open_world);
        let hints = (tool.hints != Hints::default()).then(|| hints.object());
        Members::new()
            .set("name", &*tool.name)
            .set_some("title", tool.title.as_deref())
            .set("description", &*tool.description)
            .set("inputSchema", tool.input_schema.clone())
            .set_some("outputSchema", tool.output_schema.clone())
            .set_some("annotations", hints)
            .object()
    }
}

/// One resource, as resources/list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: Option<String>,
    /// Its type.
    pub mime_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl Resource {
    /// A resource with nothing but URI and name.
    pub fn new(uri: &str, name: &str) -> Resource {
        Resource { uri: uri.into(), name: name.into(), ..Resource::default() }
    }

    pub(super) fn members(&self, members: Members) -> Value {
        members
            .set("uri", &*self.uri)
            .set("name", &*self.name)
            .set_some("title", self.title.as_deref())
            .set_some("description", self.description.as_deref())
            .set_some("mimeType", self.mime_type.as_deref())
            .set_some("size", self.size)
            .object()
    }
}

impl From<&Resource> for Value {
    fn from(resource: &Resource) -> Value {
        resource.members(Members::new())
    }
}

/// A family of resources, as resources/templates/list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceTemplate {
    /// URI template (RFC 6570).
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: Option<String>,
    /// Their type.
    pub mime_type: Option<String>,
}

impl ResourceTemplate {
    /// A template with nothing but URI template and name.
    pub fn new(uri_template: &str, name: &str) -> ResourceTemplate {
        ResourceTemplate {
            uri_template: uri_template.into(),
            name: name.into(),
            ..ResourceTemplate::default()
        }
    }
}

impl From<&ResourceTemplate> for Value {
    fn from(template: &ResourceTemplate) -> Value {
        Members::new()
            .set("uriTemplate", &*template.uri_template)
            .set("name", &*template.name)
            .set_some("title", template.title.as_deref())
            .set_some("description", template.description.as_deref())
            .set_some("mimeType", template.mime_type.as_deref())
            .object()
    }
}

/// An argument of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Whether it must be given.
    pub is_required: bool,
}

/// One prompt, as prompts/list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// As the toolset spells it.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it takes; all of them are strings.
    pub arguments: Vec<PromptArgument>,
}

impl Prompt {
    /// A prompt without arguments.
    pub fn new(name: &str, description: &str) -> Prompt {
        Prompt { name: name.into(), description: Some(description.into()), ..Prompt::default() }
    }

    /// The same prompt with one more argument.
    #[must_use]
    pub fn argument(mut self, name: &str, description: &str, is_required: bool) -> Prompt {
        self.arguments.push(PromptArgument {
            name: name.into(),
            description: description.into(),
            is_required,
        });
        self
    }
}

impl From<&Prompt> for Value {
    fn from(prompt: &Prompt) -> Value {
        let arguments = prompt.arguments.iter().map(|argument| {
            Value::object([
                ("name", Value::from(&*argument.name)),
                ("description", Value::from(&*argument.description)),
                ("required", Value::from(argument.is_required)),
            ])
        });
        Members::new()
            .set("name", &*prompt.name)
            .set_some("title", prompt.title.as_deref())
            .set_some("description", prompt.description.as_deref())
            .set("arguments", arguments.collect::<Vec<_>>())
            .object()
    }
}
