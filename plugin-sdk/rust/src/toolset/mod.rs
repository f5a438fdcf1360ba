// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.toolset/1`: *being* an MCP server, in the gateway's process.

mod arguments;
mod contents;
mod list;
mod results;
mod schema;
mod slots;

pub use arguments::Arguments;
pub use contents::{Content, ResourceContents};
pub use list::{Hints, Prompt, PromptArgument, Resource, ResourceTemplate, Tool};
pub use results::{Completion, PromptResult, ResourceResult, Role, ToolResult};
pub use schema::{fields_schema, Field};
pub use slots::{CompletionRequest, Request, ServerHandle, Subject, ToolCall};

#[doc(hidden)]
pub use slots::{facet, Kind};

use crate::host::Outcome;
use crate::json::Value;
use crate::{Answer, Error, Lane, Plugin};

/// A configured server of the plugin, while it is opened.
#[derive(Debug)]
pub struct Server<'a> {
    /// The name in the gateway's configuration.
    pub name: &'a str,
    /// Its entry there, valid against `toolset.config` of the manifest, defaults filled in.
    pub config: &'a Value,
    /// To say later that its lists have changed.
    pub handle: ServerHandle,
}

/// What a request to a toolset can be answered with.
pub trait Reply: Outcome {
    /// Which slot it belongs to.
    #[doc(hidden)]
    const KIND: Kind;
    /// The result object of MCP 2026-07-28, as JSON.
    fn to_json(&self) -> String;
}

/// A plugin that serves tools, resources and prompts. All methods run on the lane and must not block: what
/// takes longer answers [`later`](Request::later). The manifest's `threads` is `per-loop` or `serial`.
pub trait Toolset: Plugin {
    /// What the plugin keeps for one configured server; `()` where they are all alike.
    type Server: Send + 'static;

    /// Whether [`complete`](Toolset::complete) is written, so that the gateway may announce completions.
    const COMPLETES: bool = false;

    /// Opens a configured server.
    fn open(&self, lane: &Lane, server: Server<'_>) -> Result<Self::Server, Error>;

    /// Closes it; no request of it is open. The value is dropped afterwards.
    fn close(&self, _lane: &Lane, _server: &Self::Server) {}

    /// tools/list
    fn tools(&self, _server: &Self::Server) -> Vec<Tool> {
        Vec::new()
    }

    /// resources/list
    fn resources(&self, _server: &Self::Server) -> Vec<Resource> {
        Vec::new()
    }

    /// resources/templates/list
    fn templates(&self, _server: &Self::Server) -> Vec<ResourceTemplate> {
        Vec::new()
    }

    /// prompts/list
    fn prompts(&self, _server: &Self::Server) -> Vec<Prompt> {
        Vec::new()
    }

    /// tools/call
    fn call(
        &self,
        _lane: &Lane,
        _server: &Self::Server,
        call: &mut ToolCall<'_>,
    ) -> Result<Answer<ToolResult>, Error> {
        Err(call.unknown())
    }

    /// resources/read
    fn read(
        &self,
        _lane: &Lane,
        _server: &Self::Server,
        request: &mut Request<'_, ResourceResult>,
    ) -> Result<Answer<ResourceResult>, Error> {
        Err(request.unknown())
    }

    /// prompts/get
    fn prompt(
        &self,
        _lane: &Lane,
        _server: &Self::Server,
        request: &mut Request<'_, PromptResult>,
    ) -> Result<Answer<PromptResult>, Error> {
        Err(request.unknown())
    }

    /// completion/complete; see [`COMPLETES`](Toolset::COMPLETES) and [`Request::completion`].
    fn complete(
        &self,
        _lane: &Lane,
        _server: &Self::Server,
        _request: &mut Request<'_, Completion>,
    ) -> Result<Answer<Completion>, Error> {
        Err(Error::unsupported("it completes nothing"))
    }
}
