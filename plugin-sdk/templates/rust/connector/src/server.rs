// SPDX-License-Identifier: Apache-2.0
//! An MCP server of the revision 2026-07-28 with one tool. It knows nothing of gateways.

use jackfield::json::Value;

pub struct EchoServer {
    prefix: String,
}

impl EchoServer {
    pub fn new(prefix: &str) -> EchoServer {
        EchoServer { prefix: prefix.to_owned() }
    }

    /// The answer to one request.
    pub fn serve(&self, request: &str) -> String {
        let request = match Value::parse(request) {
            Ok(request) => request,
            Err(_) => return error(&Value::Null, -32700, "this is not JSON"),
        };
        let id = &request["id"];
        match request["method"].as_str().unwrap_or_default() {
            "server/discover" => result(
                id,
                r#""supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":60000,"cacheScope":"public",
                "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"PLUGIN_NAME","version":"0.1.0"}}"#,
            ),
            "tools/list" => result(
                id,
                r#""tools":[{"name":"echo","description":"Says the same.","inputSchema":{"type":"object",
                "properties":{"text":{"type":"string","description":"What to say."}},"required":["text"]}}],
                "ttlMs":60000,"cacheScope":"public""#,
            ),
            "tools/call" => self.call(id, &request["params"]),
            _ => error(id, -32601, "there is no such method"),
        }
    }

    fn call(&self, id: &Value, params: &Value) -> String {
        if params["name"].as_str() != Some("echo") {
            return error(id, -32602, "there is no such tool");
        }
        match params["arguments"]["text"].as_str() {
            None => error(id, -32602, "text must be a string"),
            Some(text) => {
                let said = Value::from(&*format!("{}{text}", self.prefix));
                result(id, &format!(r#""content":[{{"type":"text","text":{said}}}]"#))
            }
        }
    }
}

fn result(id: &Value, members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete",{members}}}}}"#)
}

fn error(id: &Value, code: i32, text: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{}}}}}"#, Value::from(text))
}
