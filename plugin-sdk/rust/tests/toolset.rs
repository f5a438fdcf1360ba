// SPDX-License-Identifier: Apache-2.0
//! The facet jf.toolset/1, end to end under the mock host.
#![forbid(unsafe_code)]

use jackfield::host::Call;
use jackfield::json::Value;
use jackfield::testing::{List, Mock, Slot};
use jackfield::toolset::*;
use jackfield::{Answer, Error, Lane, Level, Pending, Plugin, Status};
use std::sync::Mutex;
use std::time::Duration;

struct Scripted;

/// What a tool left behind for the test.
static KEPT: Mutex<Vec<Pending<ToolResult>>> = Mutex::new(Vec::new());

struct Settings {
    name: String,
    handle: ServerHandle,
}

impl Plugin for Scripted {
    fn create(_lane: &Lane, config: &Value) -> Result<Scripted, Error> {
        match config["fail"].as_str() {
            None => Ok(Scripted),
            Some("panic") => panic!("no instance"),
            Some(text) => Err(Error::busy(text).retry_after(Duration::from_secs(1))),
        }
    }
}

impl Toolset for Scripted {
    type Server = Settings;
    const COMPLETES: bool = true;

    fn open(&self, _lane: &Lane, server: Server<'_>) -> Result<Settings, Error> {
        if server.config["bad"].as_bool() == Some(true) {
            return Err(Error::invalid("a bad server"));
        }
        Ok(Settings { name: server.name.to_owned(), handle: server.handle })
    }

    fn tools(&self, settings: &Settings) -> Vec<Tool> {
        let fields = [
            Field::choice("mood", "How.", &["glad", "sad"]).standard("glad"),
            Field::integer("times", "How often.").range(1..=3),
        ];
        vec![Tool::new(&settings.name, "Does.").title("Do").input(&fields).hints(Hints::pure())]
    }

    fn resources(&self, _settings: &Settings) -> Vec<Resource> {
        vec![Resource { size: Some(3), ..Resource::new("x:a", "a") }]
    }

    fn prompts(&self, _settings: &Settings) -> Vec<Prompt> {
        vec![Prompt::new("ask", "Asks.").argument("what", "What to ask.", true)]
    }

    fn call(
        &self,
        lane: &Lane,
        settings: &Settings,
        call: &mut ToolCall<'_>,
    ) -> Result<Answer<ToolResult>, Error> {
        match call.name() {
            "text" => Ok(ToolResult::text(call.arguments().text("text")?).into()),
            "who" => Ok(ToolResult::text(format!("{:?} {}", call.principal(), call.params()?)).into()),
            "panic" => panic!("no such luck"),
            "fail" => Err(Error::tool("it rains")),
            "fault" => Err(std::io::Error::from_raw_os_error(2).into()),
            "changed" => {
                settings.handle.tools_changed();
                Ok(ToolResult::default().into())
            }
            "timer" => {
                let (pending, answer) = call.later()?;
                let hook = pending.cancel_hook();
                let ring = move |_: &Lane| {
                    pending.finish(ToolResult::text("rang"));
                };
                let timer = lane.after(Duration::from_secs(60), ring)?;
                hook.on_cancel(move |_| timer.cancel());
                Ok(answer)
            }
            "thread" => {
                let (pending, answer) = call.later()?;
                std::thread::spawn(move || {
                    pending.progress(1.0, 2.0, Some("half"));
                    pending.finish(ToolResult::text("from a thread"))
                });
                Ok(answer)
            }
            "keep" => {
                let (pending, answer) = call.later()?;
                KEPT.lock().unwrap().push(pending);
                Ok(answer)
            }
            "at once" => {
                let (pending, answer) = call.later()?;
                pending.finish(ToolResult::text("finished inside"));
                Ok(answer)
            }
            "drop" => Ok(call.later()?.1),
            "late panic" => {
                let (_pending, _answer) = call.later()?;
                panic!("after later")
            }
            "late error" => {
                let (_pending, _answer) = call.later()?;
                Err(Error::invalid("after all"))
            }
            "call" => {
                let (pending, answer) = call.later()?;
                lane.call(&Call::tool("other", call.arguments().value().clone()), move |_, result| {
                    pending.settle(
                        result.map(|result| ToolResult::text(result.to_string())).map_err(Error::from),
                    );
                })?;
                Ok(answer)
            }
            _ => Err(call.unknown()),
        }
    }

    fn read(
        &self,
        _lane: &Lane,
        _settings: &Settings,
        request: &mut Request<'_, ResourceResult>,
    ) -> Result<Answer<ResourceResult>, Error> {
        match request.name() {
            "x:a" => Ok(ResourceResult::from(ResourceContents::bytes("x:a", "image/x", *b"abc")).into()),
            _ => Err(request.unknown()),
        }
    }

    fn prompt(
        &self,
        _lane: &Lane,
        _settings: &Settings,
        request: &mut Request<'_, PromptResult>,
    ) -> Result<Answer<PromptResult>, Error> {
        Ok(PromptResult::text(format!("Why {}?", request.arguments().text("what")?)).into())
    }

    fn complete(
        &self,
        _lane: &Lane,
        _settings: &Settings,
        request: &mut Request<'_, Completion>,
    ) -> Result<Answer<Completion>, Error> {
        let asked = request.completion()?;
        assert_eq!((asked.subject, &*asked.argument), (Subject::Prompt(request.name().into()), "what"));
        Ok(Completion::matching(&["Rain", "rats", "sun"], &asked.value).into())
    }
}

jackfield::plugin! {
    plugin: Scripted,
    facets: [toolset],
    manifest: r#"{"id": "scripted", "version": "1.0.0", "abi": "1.0", "facets": ["jf.toolset/1"],
        "threads": "serial",
        "requires": ["jf.loop/1", "jf.ops/1"], "optional": ["jf.log/1", "jf.toolsets/1", "jf.calls/1"]}"#,
}

fn scripted() -> (Mock, u64) {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let set = mock.open("s", "{}").unwrap();
    (mock, set)
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn lists_have_the_shapes_of_mcp() {
    let (mut mock, set) = scripted();
    assert_eq!(
        mock.list(set, List::Tools).to_string(),
        concat!(
            r#"[{"name":"s","title":"Do","description":"Does.","inputSchema":"#,
            r#"{"type":"object","properties":{"#,
            r#""mood":{"type":"string","description":"How.","enum":["glad","sad"],"default":"glad"},"#,
            r#""times":{"type":"integer","description":"How often.","minimum":1,"maximum":3}},"#,
            r#""required":["times"],"#,
            r#""additionalProperties":false},"annotations":{"readOnlyHint":true,"destructiveHint":false,"#,
            r#""idempotentHint":true,"openWorldHint":false}}]"#,
        )
    );
    assert_eq!(mock.list(set, List::Resources).to_string(), r#"[{"uri":"x:a","name":"a","size":3}]"#);
    assert!(mock.list(set, List::Templates).is_null());
    assert_eq!(
        mock.list(set, List::Prompts).to_string(),
        concat!(
            r#"[{"name":"ask","description":"Asks.","#,
            r#""arguments":[{"name":"what","description":"What to ask.","required":true}]}]"#
        )
    );
}

#[test]
fn answers_have_the_shapes_of_mcp() {
    let (mut mock, set) = scripted();
    let answer = mock.call(set, "text", r#"{"text": "a \"b\" ü"}"#);
    assert!(answer.is_inline);
    assert_eq!(
        answer.result.to_string(),
        r#"{"resultType":"complete","content":[{"type":"text","text":"a \"b\" ü"}]}"#
    );
    let op = mock.begin(set, Slot::Read, "x:a", "{}");
    assert_eq!(
        mock.answer(op).result.to_string(),
        concat!(
            r#"{"resultType":"complete","contents":[{"uri":"x:a","mimeType":"image/x","blob":"YWJj"}],"#,
            r#""ttlMs":0,"cacheScope":"private"}"#
        )
    );
    let op = mock.begin(set, Slot::Read, "x:b", "{}");
    assert_eq!((mock.answer(op).status, mock.answer(op).is_public), (Status::Unsupported.code(), true));
    let op = mock.begin(set, Slot::Prompt, "ask", r#"{"what": "not"}"#);
    assert_eq!(mock.answer(op).result["messages"][0]["content"]["text"].as_str(), Some("Why not?"));
    let params = r#"{"ref":{"type":"ref/prompt","name":"ask"},"argument":{"name":"what","value":"RA"}}"#;
    let op = mock.begin(set, Slot::Complete, "ask", params);
    assert_eq!(
        mock.answer(op).result["completion"].to_string(),
        r#"{"values":["Rain","rats"],"total":2,"hasMore":false}"#
    );
    assert_eq!(
        text(&mock.call(set, "who", r#"{"a":1}"#).result),
        r#"None {"name":"who","arguments":{"a":1}}"#
    );
}

#[test]
fn errors_are_told_to_whom_they_concern() {
    let (mut mock, set) = scripted();
    let answer = mock.call(set, "fail", "{}");
    assert_eq!(
        (answer.status, text(&answer.result), answer.result["isError"].as_bool()),
        (0, "it rains", Some(true))
    );
    let answer = mock.call(set, "fault", "{}");
    assert_eq!((answer.status, answer.is_public), (Status::Fault.code(), false));
    assert!(answer.text.contains("No such file"), "{}", answer.text);
    let answer = mock.call(set, "nothing", "{}");
    assert_eq!((answer.status, &*answer.text), (Status::Invalid.code(), "there is no tool 'nothing'"));
    let answer = mock.call(set, "text", "[]");
    assert_eq!(answer.text, "arguments must be an object, not an array");
    assert_eq!(mock.open("t", r#"{"bad": true}"#).unwrap_err().text, "a bad server");
}

#[test]
fn a_panic_is_the_error_of_one_call() {
    let (mut mock, set) = scripted();
    for (tool, said) in [("panic", "no such luck"), ("late panic", "after later")] {
        let answer = mock.call(set, tool, "{}");
        assert_eq!((answer.status, answer.is_public), (Status::Fault.code(), false));
        assert!(
            answer.text.starts_with("panicked at tests/toolset.rs:") && answer.text.ends_with(said),
            "{answer:?}"
        );
        assert!(answer.is_inline);
    }
    assert_eq!(mock.call(set, "text", r#"{"text":"alive"}"#).status, 0);
}

#[test]
fn a_request_is_answered_once() {
    let (mut mock, set) = scripted();
    assert_eq!(text(&mock.call(set, "at once", "{}").result), "finished inside");
    let answer = mock.call(set, "drop", "{}");
    assert_eq!(&*answer.text, "the plugin dropped a request without an answer");
    assert_eq!(mock.call(set, "late error", "{}").text, "after all");
    let answer = mock.call(set, "thread", "{}");
    assert_eq!((text(&answer.result), answer.progress), ("from a thread", 1));
    let op = mock.begin(set, Slot::Call, "timer", "{}");
    mock.advance(Duration::from_secs(59));
    assert_eq!(mock.answer(op).status, 1);
    mock.advance(Duration::from_secs(2));
    assert_eq!(text(&mock.wait(op).result), "rang");
}

#[test]
fn a_caller_that_leaves_ends_the_work() {
    let (mut mock, set) = scripted();
    let op = mock.begin(set, Slot::Call, "timer", "{}");
    mock.cancel(op, Status::Timeout);
    assert_eq!(mock.wait(op).status, Status::Timeout.code());
    mock.advance(Duration::from_secs(100));
}

#[test]
fn what_is_open_when_the_plugin_stops_is_gone() {
    let (mut mock, set) = scripted();
    let kept = mock.begin(set, Slot::Call, "keep", "{}");
    let timer = mock.begin(set, Slot::Call, "timer", "{}");
    mock.stop();
    for op in [kept, timer] {
        assert_eq!(
            (mock.answer(op).status, &*mock.answer(op).text),
            (-7, "the plugin was stopped before it had answered")
        );
    }
    mock.destroy();
    // The instance is gone, and its leftovers are harmless.
    for pending in KEPT.lock().unwrap().drain(..) {
        assert!(!pending.is_wanted());
        assert!(!pending.finish(ToolResult::text("too late")));
    }
}

#[test]
fn calls_go_through_the_router() {
    let (mut mock, set) = scripted();
    mock.on_call(|method, params| match params["arguments"]["ok"].as_bool() {
        Some(true) => Ok(Value::object([("method", method.into()), ("name", params["name"].clone())])),
        _ => Err(Status::Denied),
    });
    let answer = mock.call(set, "call", r#"{"ok": true}"#);
    assert_eq!(text(&answer.result), r#"{"method":"tools/call","name":"other"}"#);
    assert_eq!(mock.call(set, "call", "{}").status, Status::Denied.code());
    mock.begin(set, Slot::Call, "call", r#"{"ok": true}"#);
}

#[test]
fn changes_are_told() {
    let (mut mock, set) = scripted();
    mock.call(set, "changed", "{}");
    assert_eq!((mock.changes(List::Tools), mock.changes(List::Prompts)), (1, 0));
}

#[test]
fn a_stale_server_is_noticed() {
    let (mut mock, set) = scripted();
    mock.close(set);
    let other = mock.open("s", "{}").unwrap();
    assert_eq!(mock.call(other, "text", r#"{"text":"x"}"#).status, 0);
}

#[test]
fn an_instance_that_cannot_be_made_says_why() {
    for (config, status, said) in [
        (r#"{"fail": "full"}"#, Status::Busy, "full"),
        (r#"{"fail": "panic"}"#, Status::Fault, "no instance"),
    ] {
        let mut mock = Mock::new();
        mock.attach(jf_entry_1).unwrap();
        let refused = mock.create(config).unwrap_err();
        assert_eq!(refused.status, status.code());
        assert!(refused.text.ends_with(said), "{}", refused.text);
    }
    let mut mock = Mock::new();
    mock.hide("jf.ops/1");
    mock.attach(jf_entry_1).unwrap();
    assert_eq!(
        mock.create("{}").unwrap_err().text,
        "it needs the service jf.ops/1, which the host does not offer"
    );
    let mut mock = Mock::new();
    mock.set_abi(2, 0);
    assert_eq!(mock.attach(jf_entry_1).unwrap_err().text, "it was built for ABI 1; the host offers 2");
}

#[test]
fn services_that_are_not_there_are_named() {
    let mut mock = Mock::new();
    mock.hide("jf.calls/1");
    mock.hide("jf.log/1");
    mock.hide("jf.toolsets/1");
    mock.attach(jf_entry_1).and_then(|()| mock.create("{}")).and_then(|()| mock.start()).unwrap();
    let set = mock.open("s", "{}").unwrap();
    assert!(mock.call(set, "call", "{}").text.contains("jf.calls/1 is not there"));
    assert_eq!(mock.call(set, "changed", "{}").status, 0);
    assert!(!mock.logged(Level::Trace, ""));
}
