// SPDX-License-Identifier: Apache-2.0
// The slots of jf_toolset_1, and requests as authors see them.

use super::{Arguments, Completion, PromptResult, Reply, ResourceResult, Server, ToolResult, Toolset};
use crate::ffi::{blob, json, text};
use crate::host::{settle, take, Core, Op, Settled};
use crate::json::Value;
use crate::panic::caught;
use crate::plugin::{named, Facet, Instance};
use crate::slab::Slab;
use crate::sys::*;
use crate::{Answer, Error, Host, Lane, Pending};
use std::marker::PhantomData;
use std::sync::Arc;

/// tools/call as a request.
pub type ToolCall<'a> = Request<'a, ToolResult>;

/// One request to a toolset.
pub struct Request<'a, T> {
    name: &'a str,
    arguments: Arguments,
    raw: &'a jf_request,
    core: &'a Arc<Core>,
    handle: jf_ref,
    op: Option<Arc<Op>>,
    kind: PhantomData<fn() -> T>,
}

impl<T: Reply> Request<'_, T> {
    /// The tool or prompt as the toolset spells it, the resource's URI, or the completion's reference.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The arguments of a tool or prompt; those that the client sent, unchecked.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// The whole `params` object as the client sent it.
    pub fn params(&self) -> Result<Value, Error> {
        // SAFETY: the request is borrowed until the slot returns.
        unsafe { json(self.raw.params, "params") }
    }

    /// Who asks; `None` when not authenticated.
    pub fn principal(&self) -> Option<&str> {
        // SAFETY: as above.
        unsafe { text(self.raw.principal) }
    }

    /// When the gateway answers the client by itself; see [`Host::until`].
    pub fn deadline_ns(&self) -> u64 {
        self.raw.deadline_ns
    }

    /// Answers later: the [`Pending`] goes to a timer, a callback or a thread, the answer is what the method
    /// returns. Should the method return something else all the same, that counts, and the [`Pending`] does
    /// nothing any more. `jf.ops/1`.
    pub fn later(&mut self) -> Result<(Pending<T>, Answer<T>), Error> {
        take(self.core, self.handle, &mut self.op)
    }

    /// The error for a name that the toolset does not know.
    pub fn unknown(&self) -> Error {
        let name = self.name;
        match T::KIND {
            Kind::Call => Error::invalid(format!("there is no tool '{name}'")),
            Kind::Read => Error::unsupported(format!("there is no resource '{name}'")).public(),
            Kind::Prompt => Error::invalid(format!("there is no prompt '{name}'")),
            Kind::Complete => Error::invalid(format!("'{name}' completes nothing")),
        }
    }
}

impl Request<'_, Completion> {
    /// What is to be completed.
    pub fn completion(&self) -> Result<CompletionRequest, Error> {
        let params = self.params()?;
        let name = self.name.to_owned();
        let subject = match params["ref"]["type"].as_str() {
            Some("ref/prompt") => Subject::Prompt(name),
            Some("ref/resource") => Subject::Template(name),
            _ => return Err(Error::invalid("'ref' must be of type ref/prompt or ref/resource")),
        };
        let argument = &params["argument"];
        let (argument, value) = match (argument["name"].as_str(), argument["value"].as_str()) {
            (Some(name), Some(value)) => (name.to_owned(), value.to_owned()),
            _ => return Err(Error::invalid("'argument' must have a name and a value")),
        };
        let settled = params["context"]["arguments"].as_object().unwrap_or(&[]);
        let settled =
            settled.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Ok(CompletionRequest { subject, argument, value, context: settled.collect() })
    }
}

impl<T> std::fmt::Debug for Request<'_, T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Request({})", self.name)
    }
}

/// What an argument that is completed belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A prompt, by name.
    Prompt(String),
    /// A URI template.
    Template(String),
}

/// What completion/complete asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionRequest {
    /// What the argument belongs to.
    pub subject: Subject,
    /// The argument that is being typed.
    pub argument: String,
    /// What was typed so far.
    pub value: String,
    /// The arguments that are settled already.
    pub context: Vec<(String, String)>,
}

/// Says that the lists of a configured server have changed; the gateway then lists again. Any thread.
/// `jf.toolsets/1`; without it nothing happens.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    host: Host,
    set: jf_ref,
}

impl ServerHandle {
    fn changed(&self, kind: u32) {
        self.host.core.with_host(|services| {
            if let Some(jf_toolsets_1 { context, changed: Some(changed), .. }) = services.toolsets {
                // SAFETY: [any].
                unsafe { changed(context, self.set, kind) }
            }
        });
    }

    /// [`Toolset::tools`] answers something else now.
    pub fn tools_changed(&self) {
        self.changed(JF_TOOLS);
    }

    /// [`Toolset::resources`] answers something else now.
    pub fn resources_changed(&self) {
        self.changed(JF_RESOURCES);
    }

    /// [`Toolset::templates`] answers something else now.
    pub fn templates_changed(&self) {
        self.changed(JF_TEMPLATES);
    }

    /// [`Toolset::prompts`] answers something else now.
    pub fn prompts_changed(&self) {
        self.changed(JF_PROMPTS);
    }
}

/// Which slot a result belongs to.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tools/call
    Call,
    /// resources/read
    Read,
    /// prompts/get
    Prompt,
    /// completion/complete
    Complete,
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: Toolset> Table<P> {
    const TABLE: jf_toolset_1 = jf_toolset_1 {
        size: std::mem::size_of::<jf_toolset_1>() as u32,
        flags: 0,
        open: Some(open::<P>),
        close: Some(close::<P>),
        list: Some(list::<P>),
        call: Some(call::<P>),
        read: Some(read::<P>),
        prompt: Some(prompt::<P>),
        complete: if P::COMPLETES { Some(complete::<P>) } else { None },
        cancel: Some(cancel::<P>),
    };
    const REFERENCE: &'static jf_toolset_1 = &Table::<P>::TABLE;
}

/// The facet, for the macro.
#[doc(hidden)]
pub fn facet<P: Toolset>() -> Facet {
    Facet {
        id: JF_TOOLSET_1,
        table: (Table::<P>::REFERENCE as *const jf_toolset_1).cast(),
        state: || Box::new(Slab::<P::Server>::new()),
    }
}

unsafe extern "C" fn open<P: Toolset>(
    own: *mut jf_self,
    set: jf_ref,
    name: jf_view,
    config: jf_view,
    handle: *mut jf_ref,
    why: *mut jf_fault,
) -> i32 {
    let opened = Instance::<P>::slot(own, |lane, instance, plugin| {
        let (name, config) = named(name, config)?;
        let server = Server { name: &name, config: &config, handle: ServerHandle { host: lane.host(), set } };
        Ok(instance.state::<Slab<P::Server>>()?.insert(plugin.open(lane, server)?))
    });
    match opened {
        Ok(opened) => {
            *handle = opened;
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn close<P: Toolset>(own: *mut jf_self, handle: jf_ref) {
    let closed = Instance::<P>::slot(own, |lane, instance, plugin| {
        if let Some(server) = instance.state::<Slab<P::Server>>()?.remove(handle) {
            plugin.close(lane, &server);
        }
        Ok(())
    });
    Instance::<P>::behind(own).tell("close", closed);
}

unsafe extern "C" fn list<P: Toolset>(
    own: *mut jf_self,
    handle: jf_ref,
    kind: u32,
    items: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let listed = Instance::<P>::slot(own, |_, instance, plugin| {
        let server = instance.state::<Slab<P::Server>>()?.get(handle)?;
        let listed: Vec<Value> = match kind {
            JF_TOOLS => plugin.tools(&server).iter().map(Into::into).collect(),
            JF_RESOURCES => plugin.resources(&server).iter().map(Into::into).collect(),
            JF_TEMPLATES => plugin.templates(&server).iter().map(Into::into).collect(),
            JF_PROMPTS => plugin.prompts(&server).iter().map(Into::into).collect(),
            _ => Vec::new(),
        };
        Ok(listed)
    });
    match listed {
        Ok(listed) if listed.is_empty() => JF_ABSENT,
        Ok(listed) => {
            *items = blob(Value::Array(listed).to_string().into_bytes());
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

/// Runs the author's method and settles what it did: answered, failed, or promised to answer.
unsafe fn request<P: Toolset, T: Reply>(
    own: *mut jf_self,
    handle: jf_ref,
    raw: *const jf_request,
    out: *mut jf_blob,
    why: *mut jf_fault,
    method: impl FnOnce(&P, &Lane, &P::Server, &mut Request<'_, T>) -> Result<Answer<T>, Error>,
) -> i32 {
    let mut op = None;
    let raw = attach::<jf_request>(raw.cast()).unwrap_or_else(jf_request::zeroed);
    let outcome = Instance::<P>::slot(own, |lane, instance, plugin| {
        let server = instance.state::<Slab<P::Server>>()?.get(raw.set)?;
        let arguments = Arguments::new(json(raw.arguments, "arguments")?)?;
        let mut request = Request {
            name: text(raw.name).unwrap_or_default(),
            arguments,
            raw: &raw,
            core: &lane.core,
            handle,
            op: None,
            kind: PhantomData,
        };
        let answered = caught(|| method(plugin, lane, &server, &mut request));
        op = request.op.take();
        answered
    });
    match settle(outcome, op) {
        None => JF_PENDING,
        Some(result) => caught(|| Ok(Settled::of(result))).unwrap_or_else(Settled::Failed).write(out, why),
    }
}

unsafe extern "C" fn call<P: Toolset>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_request,
    result: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    request::<P, ToolResult>(own, op, raw, result, why, P::call)
}

unsafe extern "C" fn read<P: Toolset>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_request,
    result: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    request::<P, ResourceResult>(own, op, raw, result, why, P::read)
}

unsafe extern "C" fn prompt<P: Toolset>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_request,
    result: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    request::<P, PromptResult>(own, op, raw, result, why, P::prompt)
}

unsafe extern "C" fn complete<P: Toolset>(
    own: *mut jf_self,
    op: jf_ref,
    raw: *const jf_request,
    result: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    request::<P, Completion>(own, op, raw, result, why, P::complete)
}

unsafe extern "C" fn cancel<P: Toolset>(own: *mut jf_self, op: jf_ref) {
    let _ = caught(|| {
        crate::host::cancel(&Instance::<P>::behind(own).host, op);
        Ok(())
    });
}
