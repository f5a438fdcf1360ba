// SPDX-License-Identifier: Apache-2.0
//! A toolset: an MCP server in process. Its one tool, `slugify`, turns a title into a part of a URL.
#![forbid(unsafe_code)]

use jackfield::json::Value;
use jackfield::toolset::{Field, Hints, Server, Tool, ToolCall, ToolResult, Toolset};
use jackfield::{Answer, Error, Lane, Plugin};

/// One instance: the gateway makes one for each event loop. This one remembers nothing.
pub struct Titles;

/// One configured server.
pub struct Settings {
    separator: char,
}

impl Plugin for Titles {
    fn create(_lane: &Lane, _config: &Value) -> Result<Titles, Error> {
        Ok(Titles)
    }
}

impl Toolset for Titles {
    type Server = Settings;

    fn open(&self, _lane: &Lane, server: Server<'_>) -> Result<Settings, Error> {
        let separator = server.config["separator"].as_str().and_then(|text| text.chars().next());
        Ok(Settings { separator: separator.unwrap_or('-') })
    }

    fn tools(&self, _settings: &Settings) -> Vec<Tool> {
        let most = Field::integer("max_length", "How many characters at most.").range(1..=200).standard(80);
        vec![Tool::new("slugify", "Turns a title into a part of a URL.")
            .input(&[Field::text("text", "The title."), most])
            .output(&[Field::text("slug", "The part of a URL.")])
            .hints(Hints::pure())]
    }

    /// Reading an argument checks it, and a wrong one becomes an error that the client can read.
    fn call(
        &self,
        _lane: &Lane,
        settings: &Settings,
        call: &mut ToolCall<'_>,
    ) -> Result<Answer<ToolResult>, Error> {
        if call.name() != "slugify" {
            return Err(call.unknown());
        }
        let most = call.arguments().integer("max_length", 1..=200, Some(80))? as usize;
        let slug = slug_of(call.arguments().text("text")?, settings.separator, most);
        if slug.is_empty() {
            // The tool cannot do its job: an answer for the model to read, not an error of the protocol.
            return Err(Error::tool("The title has no ASCII letter or digit."));
        }
        let result = Value::object([("slug", Value::from(&*slug))]);
        Ok(ToolResult::structured(result, slug).into())
    }
}

fn slug_of(text: &str, separator: char, most: usize) -> String {
    let mut slug = String::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !slug.is_empty() {
            slug.push(separator);
        }
        slug.push_str(&word.to_ascii_lowercase());
    }
    slug.truncate(most);
    if slug.ends_with(separator) {
        slug.pop();
    }
    slug
}

jackfield::plugin! {
    plugin: Titles,
    facets: [toolset],
    manifest: include_str!("../manifest.json"),
}
