// SPDX-License-Identifier: Apache-2.0
//! A first plugin: an MCP server in process with two tools that answer at once and one that answers later.
#![forbid(unsafe_code)]

use jackfield::json::Value;
use jackfield::toolset::{Field, Hints, Server, Tool, ToolCall, ToolResult, Toolset};
use jackfield::{Answer, Error, Lane, Level, Pending, Plugin};
use std::collections::HashMap;
use std::time::Duration;

/// Bytes that `count_words` looks at before it lets the event loop go on.
const SLICE: usize = 64 * 1024;

/// One instance: the gateway makes one for each event loop. This one remembers nothing.
pub struct Words;

/// One configured server.
pub struct Settings {
    most: i64,
}

impl Plugin for Words {
    fn create(_lane: &Lane, _config: &Value) -> Result<Words, Error> {
        Ok(Words)
    }
}

impl Toolset for Words {
    type Server = Settings;

    fn open(&self, lane: &Lane, server: Server<'_>) -> Result<Settings, Error> {
        let most = server.config["most"].as_i64().unwrap_or(10);
        lane.log_with(Level::Debug, "words are served", &[("server", server.name)]);
        Ok(Settings { most })
    }

    fn tools(&self, settings: &Settings) -> Vec<Tool> {
        let text = || Field::text("text", "The text.");
        let count =
            Field::integer("count", "How many at most.").range(1..=settings.most).standard(settings.most);
        vec![
            Tool::new("reverse_words", "Puts the words of a text into reverse order.")
                .input(&[text()])
                .output(&[Field::text("text", "The same words, last first.")])
                .hints(Hints::pure()),
            Tool::new("frequent_words", "Lists the words that a text uses most.")
                .input(&[text(), count])
                .output(&[Field::list(
                    "words",
                    "Most frequent first.",
                    Value::object([("type", "string".into())]),
                )])
                .hints(Hints::pure()),
            Tool::new("count_words", "Counts the words of a text of any length.")
                .input(&[text()])
                .output(&[Field::integer("words", "How many there are.")])
                .hints(Hints::pure()),
        ]
    }

    fn call(
        &self,
        lane: &Lane,
        settings: &Settings,
        call: &mut ToolCall<'_>,
    ) -> Result<Answer<ToolResult>, Error> {
        match call.name() {
            "reverse_words" => reverse(call.arguments().text("text")?).map(Into::into),
            "frequent_words" => {
                let count = call.arguments().integer("count", 1..=settings.most, Some(settings.most))?;
                frequent(call.arguments().text("text")?, count as usize).map(Into::into)
            }
            "count_words" => {
                // The text may have megabytes, and the event loop must never wait: the answer comes later.
                let text = call.arguments().text("text")?.to_owned();
                let (pending, answer) = call.later()?;
                Count { pending, text, at: 0, words: 0, is_inside: false }.go_on(lane)?;
                Ok(answer)
            }
            _ => Err(call.unknown()),
        }
    }
}

fn reverse(text: &str) -> Result<ToolResult, Error> {
    let words: Vec<&str> = text.split_whitespace().rev().collect();
    if words.is_empty() {
        // The tool cannot do its job: an answer for the model to read, not an error of the protocol.
        return Err(Error::tool("The text has no words."));
    }
    let text = words.join(" ");
    Ok(ToolResult::structured(Value::object([("text", Value::from(&*text))]), text))
}

fn frequent(text: &str, count: usize) -> Result<ToolResult, Error> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *uses.entry(word.to_lowercase()).or_default() += 1;
    }
    let mut words: Vec<(String, usize)> = uses.into_iter().collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let words: Vec<String> = words.into_iter().take(count).map(|(word, _)| word).collect();
    let text = words.join(", ");
    Ok(ToolResult::structured(Value::object([("words", Value::from(words))]), text))
}

/// A `count_words` that is still counting. Dropped before its end, it fails the call.
struct Count {
    pending: Pending<ToolResult>,
    text: String,
    at: usize,
    words: usize,
    is_inside: bool,
}

impl Count {
    /// Counts one slice and sets a timer for the next.
    fn go_on(mut self, lane: &Lane) -> Result<(), Error> {
        if !self.pending.is_wanted() {
            return Ok(());
        }
        let slice = &self.text.as_bytes()[self.at..];
        for byte in &slice[..slice.len().min(SLICE)] {
            let is_blank = byte.is_ascii_whitespace();
            self.words += usize::from(!is_blank && !self.is_inside);
            self.is_inside = !is_blank;
            self.at += 1;
        }
        if self.at < self.text.len() {
            self.pending.progress(self.at as f64, self.text.len() as f64, None);
            let timer = move |lane: &Lane| {
                if let Err(error) = self.go_on(lane) {
                    lane.log(Level::Warning, error.text());
                }
            };
            return lane.after(Duration::ZERO, timer).map(drop);
        }
        let result = Value::object([("words", Value::from(self.words))]);
        self.pending.finish(ToolResult::structured(result, format!("{} words", self.words)));
        Ok(())
    }
}

jackfield::plugin! {
    plugin: Words,
    facets: [toolset],
    manifest: include_str!("../manifest.json"),
}
