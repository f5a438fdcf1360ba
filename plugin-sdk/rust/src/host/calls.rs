// SPDX-License-Identifier: Apache-2.0
// Calls of MCP methods through the router: jf.calls/1.

use super::core::{stopped, Stoppable};
use super::handle::Once;
use super::services::slot;
use super::{Core, Host, Lane};
use crate::error::empty_fault;
use crate::ffi::{bytes, optional_view, view};
use crate::json::Value;
use crate::sys::*;
use crate::{Error, Status};
use std::fmt;
use std::os::raw::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// An MCP method to call, as any client would. Made with [`Call::new`] or [`Call::tool`], started by
/// [`Lane::call`].
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    params: Value,
    target: Option<String>,
    principal: Option<String>,
    timeout: Duration,
}

impl Call {
    /// Calls `method` ("tools/list") with `params`, an object in the shape of MCP 2026-07-28.
    pub fn new(method: &str, params: Value) -> Call {
        Call { method: method.into(), params, target: None, principal: None, timeout: Duration::ZERO }
    }

    /// Calls a tool by the name that clients of the target see.
    pub fn tool(name: &str, arguments: Value) -> Call {
        Call::new("tools/call", Value::object([("name", Value::from(name)), ("arguments", arguments)]))
    }

    /// Which endpoint to ask: "/mcp" unless told, "/mcp/servers/NAME", "/mcp/bundles/NAME".
    #[must_use]
    pub fn target(mut self, target: &str) -> Call {
        self.target = Some(target.into());
        self
    }

    /// On whose behalf; the plugin's own unless told.
    #[must_use]
    pub fn principal(mut self, principal: &str) -> Call {
        self.principal = Some(principal.into());
        self
    }

    /// How long to wait; as long as the target server's own setting unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Call {
        self.timeout = timeout;
        self
    }
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq)]
pub struct CallError {
    /// What kind of failure it was.
    pub status: Status,
    /// The JSON-RPC error object, if there is one.
    pub body: Option<Value>,
}

impl fmt::Display for CallError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.body.as_ref().and_then(|body| body["message"].as_str()) {
            Some(message) => out.write_str(message),
            None => write!(out, "the call failed ({:?})", self.status),
        }
    }
}

impl std::error::Error for CallError {}

impl From<CallError> for Error {
    fn from(error: CallError) -> Error {
        Error::new(error.status, error.to_string())
    }
}

type Done = dyn FnOnce(&Lane, Result<Value, CallError>) + Send;

struct Node {
    core: Arc<Core>,
    done: Once<Done>,
    call: AtomicU64,
    number: AtomicU64,
    is_open: AtomicBool,
}

/// A call that is under way. Dropping it changes nothing.
#[derive(Clone)]
pub struct OpenCall(Weak<Node>);

impl Lane {
    /// Starts a call. `done` runs on the lane, once, never from inside this call; not at all when the plugin
    /// is stopped before. A tool's own failure is a result with `isError`. `jf.calls/1`.
    pub fn call(
        &self,
        call: &Call,
        done: impl FnOnce(&Lane, Result<Value, CallError>) + Send + 'static,
    ) -> Result<OpenCall, Error> {
        if self.core.is_stopped() {
            return Err(stopped());
        }
        let (context, start) = slot!(self.core.services, calls, start, "jf.calls/1")?;
        let params = call.params.to_string();
        let raw = jf_call {
            size: std::mem::size_of::<jf_call>() as u32,
            flags: 0,
            timeout_ns: u64::try_from(call.timeout.as_nanos()).unwrap_or(u64::MAX),
            target: optional_view(call.target.as_deref().map(str::as_bytes)),
            method: view(call.method.as_bytes()),
            params: view(params.as_bytes()),
            principal: optional_view(call.principal.as_deref().map(str::as_bytes)),
        };
        let node = Arc::new(Node {
            core: Arc::clone(&self.core),
            done: Once::new(Box::new(done)),
            call: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_open: AtomicBool::new(true),
        });
        node.number.store(self.core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        let (mut handle, mut why) = (0, empty_fault());
        let user = Arc::into_raw(Arc::clone(&node));
        // SAFETY: [lane]; `user` is the reference that `ended` takes.
        let status = unsafe { start(context, &raw, Some(ended), user as *mut c_void, &mut handle, &mut why) };
        if status != JF_OK {
            self.core.remove(node.number.load(Ordering::Relaxed));
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_host(status, &why, "the call was refused"));
        }
        node.call.store(handle, Ordering::Relaxed);
        Ok(OpenCall(Arc::downgrade(&node)))
    }
}

unsafe extern "C" fn ended(user: *mut c_void, _call: jf_ref, result: *const jf_call_result) {
    // SAFETY: the reference that `call` gave away, once.
    let node = Arc::from_raw(user as *const Node);
    node.is_open.store(false, Ordering::Relaxed);
    node.core.remove(node.number.load(Ordering::Relaxed));
    let done = match node.done.take() {
        Some(done) => done,
        None => return,
    };
    let result = attach::<jf_call_result>(result.cast());
    let body = result.and_then(|result| bytes(result.body)).map(Value::parse_bytes);
    let outcome = match (result.map_or(JF_E_FAULT, |result| result.status), body) {
        (JF_OK, Some(Ok(body))) => Ok(body),
        (JF_OK, _) => Err(CallError { status: Status::Fault, body: None }),
        (status, body) => {
            Err(CallError { status: Status::from_code(status), body: body.and_then(Result::ok) })
        }
    };
    node.core.run("the end of a call", |lane| done(lane, outcome));
}

impl Stoppable for Node {
    fn stop(&self) {
        let done = self.done.take();
        // `ended` still comes, and takes the host's reference back.
        if self.is_open.swap(false, Ordering::Relaxed) {
            if let Ok((context, cancel)) = slot!(self.core.services, calls, cancel, "jf.calls/1") {
                // SAFETY: [lane]; a stale handle is ignored.
                unsafe { cancel(context, self.call.load(Ordering::Relaxed)) }
            }
        }
        drop(done);
    }
}

impl OpenCall {
    /// Cancels it; `done` then runs with [`Status::Gone`], soon. Nothing happens where it is over.
    pub fn cancel(&self) {
        let node = match self.0.upgrade() {
            Some(node) => node,
            None => return,
        };
        Host::new(Arc::clone(&node.core)).on_lane_later(move |lane| {
            if node.is_open.load(Ordering::Relaxed) {
                if let Ok((context, cancel)) = slot!(lane.core.services, calls, cancel, "jf.calls/1") {
                    // SAFETY: [lane]; a stale handle is ignored.
                    unsafe { cancel(context, node.call.load(Ordering::Relaxed)) }
                }
            }
        });
    }
}

impl fmt::Debug for OpenCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("OpenCall")
    }
}
