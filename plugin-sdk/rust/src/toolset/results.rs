// SPDX-License-Identifier: Apache-2.0
// What requests are answered with.

use super::list::Members;
use super::{Content, Kind, Reply, ResourceContents};
use crate::host::{sealed::Sealed, Encoded, Outcome};
use crate::json::Value;
use std::time::Duration;

/// The answer to tools/call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// What the model reads.
    pub content: Vec<Content>,
    /// The result as data, fitting the tool's output schema.
    pub structured: Option<Value>,
    /// The tool failed at its job; the content says how. Returning [`Error::tool`](crate::Error::tool) does
    /// the same.
    pub is_error: bool,
}

impl ToolResult {
    /// A text.
    pub fn text(text: impl Into<String>) -> ToolResult {
        ToolResult { content: vec![Content::Text(text.into())], ..ToolResult::default() }
    }

    /// Data, with a text for clients that read no data.
    pub fn structured(value: Value, text: impl Into<String>) -> ToolResult {
        ToolResult { structured: Some(value), ..ToolResult::text(text) }
    }
}

fn complete() -> Members {
    Members::new().set("resultType", "complete")
}

fn all<'a, T>(items: &'a [T]) -> Value
where
    Value: From<&'a T>,
{
    Value::Array(items.iter().map(Value::from).collect())
}

impl Sealed for ToolResult {}
impl Outcome for ToolResult {
    fn encode(self) -> Encoded {
        Encoded::Bytes(self.to_json().into_bytes())
    }
    fn failure(text: &str) -> Option<ToolResult> {
        Some(ToolResult { is_error: true, ..ToolResult::text(text) })
    }
}

impl Reply for ToolResult {
    const KIND: Kind = Kind::Call;
    fn to_json(&self) -> String {
        complete()
            .set("content", all(&self.content))
            .set_some("structuredContent", self.structured.clone())
            .set_some("isError", self.is_error.then_some(true))
            .object()
            .to_string()
    }
}

/// The answer to resources/read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceResult {
    /// What was read.
    pub contents: Vec<ResourceContents>,
    /// How long a client may keep it.
    pub fresh_for: Duration,
    /// Whether it may be shared between users.
    pub is_public: bool,
}

impl From<ResourceContents> for ResourceResult {
    fn from(contents: ResourceContents) -> ResourceResult {
        ResourceResult { contents: vec![contents], ..ResourceResult::default() }
    }
}

impl Sealed for ResourceResult {}
impl Outcome for ResourceResult {
    fn encode(self) -> Encoded {
        Encoded::Bytes(self.to_json().into_bytes())
    }
}

impl Reply for ResourceResult {
    const KIND: Kind = Kind::Read;
    fn to_json(&self) -> String {
        complete()
            .set("contents", all(&self.contents))
            .set("ttlMs", i64::try_from(self.fresh_for.as_millis()).unwrap_or(i64::MAX))
            .set("cacheScope", if self.is_public { "public" } else { "private" })
            .object()
            .to_string()
    }
}

/// Who says a part of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// The answer to prompts/get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptResult {
    /// What it is for.
    pub description: Option<String>,
    /// The conversation that the prompt stands for.
    pub messages: Vec<(Role, Content)>,
}

impl PromptResult {
    /// One message of the user.
    pub fn text(text: impl Into<String>) -> PromptResult {
        PromptResult { description: None, messages: vec![(Role::User, Content::Text(text.into()))] }
    }
}

impl Sealed for PromptResult {}
impl Outcome for PromptResult {
    fn encode(self) -> Encoded {
        Encoded::Bytes(self.to_json().into_bytes())
    }
}

impl Reply for PromptResult {
    const KIND: Kind = Kind::Prompt;
    fn to_json(&self) -> String {
        let messages = self.messages.iter().map(|(role, content)| {
            let role = match role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            Value::object([("role", Value::from(role)), ("content", Value::from(content))])
        });
        complete()
            .set_some("description", self.description.as_deref())
            .set("messages", messages.collect::<Vec<_>>())
            .object()
            .to_string()
    }
}

/// The answer to completion/complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    values: Vec<String>,
    total: usize,
}

impl Completion {
    /// The most values that MCP allows in one answer.
    pub const LIMIT: usize = 100;

    /// The first hundred of these values.
    pub fn new(mut values: Vec<String>) -> Completion {
        let total = values.len();
        values.truncate(Completion::LIMIT);
        Completion { values, total }
    }

    /// Those candidates that begin with what was typed, upper and lower case alike.
    pub fn matching(candidates: &[&str], typed: &str) -> Completion {
        let typed = typed.to_lowercase();
        let begins = |candidate: &&&str| candidate.to_lowercase().starts_with(&typed);
        Completion::new(candidates.iter().filter(begins).map(|candidate| (*candidate).to_owned()).collect())
    }
}

impl Sealed for Completion {}
impl Outcome for Completion {
    fn encode(self) -> Encoded {
        Encoded::Bytes(self.to_json().into_bytes())
    }
}

impl Reply for Completion {
    const KIND: Kind = Kind::Complete;
    fn to_json(&self) -> String {
        let values: Vec<&str> = self.values.iter().map(|value| &**value).collect();
        let completion = Value::object([
            ("values", Value::from(values)),
            ("total", Value::from(self.total)),
            ("hasMore", Value::from(self.total > self.values.len())),
        ]);
        complete().set("completion", completion).object().to_string()
    }
}
