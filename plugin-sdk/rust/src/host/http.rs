// SPDX-License-Identifier: Apache-2.0
// HTTP through the plugin that offers jf.http/1: mounted paths, and requests of our own.

use super::core::{lock, stopped, Stoppable};
use super::handle::Once;
use super::services::slot;
use super::{Core, Host, Lane};
use crate::error::empty_fault;
use crate::ffi::{bytes, optional_view, text, view, ABSENT};
use crate::sys::*;
use crate::{Error, Status};
use std::os::raw::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// An HTTP request to make with [`Lane::request`].
#[derive(Clone, Debug)]
pub struct Request {
    /// "GET"
    pub method: String,
    /// Absolute.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// `None`: no body.
    pub body: Option<Vec<u8>>,
    /// Zero: 30 s.
    pub timeout: Duration,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, url: &str) -> Request {
        Request {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: Duration::ZERO,
        }
    }
}

/// An HTTP response: what came back, or what to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// 200
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body, or a part of it.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with a `content-type`.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response { status, headers: vec![("content-type".into(), content_type.into())], body: body.into() }
    }
}

/// A request that arrived on a mounted path. Answer it once with [`respond`](ServedRequest::respond), now or
/// later.
#[derive(Debug)]
pub struct ServedRequest {
    /// "GET"
    pub method: String,
    /// Path and query as received.
    pub url: String,
    /// The client's address.
    pub peer: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Empty where there is none.
    pub body: Vec<u8>,
    exchange: jf_ref,
    is_answered: bool,
    core: CoreRef,
}

struct CoreRef(Arc<Core>);

impl std::fmt::Debug for CoreRef {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("..")
    }
}

/// # Safety
///
/// `first` points to `count` pairs that hold until this returns, or `count` is 0.
unsafe fn headers_of(first: *const jf_pair, count: u64) -> Vec<(String, String)> {
    if first.is_null() || count == 0 {
        return Vec::new();
    }
    let lossy = |view| String::from_utf8_lossy(bytes(view).unwrap_or(&[])).into_owned();
    let pairs = std::slice::from_raw_parts(first, count as usize);
    pairs.iter().map(|pair| (lossy(pair.name), lossy(pair.value))).collect()
}

fn pairs_of(headers: &[(String, String)]) -> Vec<jf_pair> {
    headers
        .iter()
        .map(|(name, value)| jf_pair { name: view(name.as_bytes()), value: view(value.as_bytes()) })
        .collect()
}

impl ServedRequest {
    /// Sends a response whole. [`Status::Stale`]: the client left.
    pub fn respond(mut self, lane: &Lane, response: &Response) -> Result<(), Error> {
        self.send(lane, response, 0)
    }

    /// Sends a part of a response; more follows with further calls, and [`respond`](ServedRequest::respond)
    /// is the last. Status and headers count in the first part only.
    pub fn respond_part(&mut self, lane: &Lane, response: &Response) -> Result<(), Error> {
        self.send(lane, response, JF_HTTP_MORE)
    }

    fn send(&mut self, lane: &Lane, response: &Response, flags: u32) -> Result<(), Error> {
        if lane.core.is_stopped() {
            return Err(stopped());
        }
        let (context, respond) = slot!(lane.core.services, http, respond, "jf.http/1")?;
        self.is_answered |= flags & JF_HTTP_MORE == 0;
        let headers = pairs_of(&response.headers);
        let raw = jf_http_response {
            size: std::mem::size_of::<jf_http_response>() as u32,
            flags,
            status: i32::from(response.status),
            reserved: 0,
            body: view(&response.body),
            headers: headers.as_ptr(),
            header_count: headers.len() as u64,
        };
        // SAFETY: [lane]; everything is borrowed.
        match unsafe { respond(context, self.exchange, &raw) } {
            JF_OK => Ok(()),
            status => Err(Error::from_status(status, "the response was not sent")),
        }
    }
}

/// A client that is never answered would wait for its own time-out.
impl Drop for ServedRequest {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let exchange = self.exchange;
        let core = Arc::clone(&self.core.0);
        Host::new(Arc::clone(&core)).on_lane_later(move |lane| {
            let mut lost = ServedRequest {
                method: String::new(),
                url: String::new(),
                peer: String::new(),
                headers: Vec::new(),
                body: Vec::new(),
                exchange,
                is_answered: true,
                core: CoreRef(core),
            };
            // Where the client left there is nobody to tell.
            let _ = lost.send(lane, &Response::new(500, "text/plain", "no answer\n"), 0);
        });
    }
}

type Serve = Box<dyn FnMut(&Lane, ServedRequest) + Send>;

struct MountNode {
    core: Arc<Core>,
    serve: Mutex<Option<Serve>>,
    mount: AtomicU64,
    number: AtomicU64,
    is_armed: AtomicBool,
}

/// A path that [`Lane::mount`] serves; dropping it ends that.
pub struct Mount(Arc<MountNode>);

impl Lane {
    /// Serves `path` (exact, or a prefix when it ends with '/') on every HTTP listener of this loop.
    /// [`Status::Busy`]: the path is taken. `jf.http/1`.
    pub fn mount(
        &self,
        path: &str,
        serve: impl FnMut(&Lane, ServedRequest) + Send + 'static,
    ) -> Result<Mount, Error> {
        if self.core.is_stopped() {
            return Err(stopped());
        }
        let (context, mount) = slot!(self.core.services, http, mount, "jf.http/1")?;
        let node = Arc::new(MountNode {
            core: Arc::clone(&self.core),
            serve: Mutex::new(Some(Box::new(serve))),
            mount: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_armed: AtomicBool::new(true),
        });
        let mut handle = 0;
        let user = Arc::into_raw(Arc::clone(&node));
        // SAFETY: [lane]; `user` lives until `unmount`.
        let status = unsafe {
            mount(context, view(path.as_bytes()), Some(serve_mounted), user as *mut c_void, &mut handle)
        };
        if status != JF_OK {
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_status(status, &format!("the path {path} cannot be served")));
        }
        node.mount.store(handle, Ordering::Relaxed);
        node.number.store(self.core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        Ok(Mount(node))
    }
}

unsafe extern "C" fn serve_mounted(user: *mut c_void, request: *const jf_http_request) {
    let node = {
        // SAFETY: the host's reference; another one keeps it while the body may end the mount.
        Arc::increment_strong_count(user as *const MountNode);
        Arc::from_raw(user as *const MountNode)
    };
    let request = match attach::<jf_http_request>(request.cast()) {
        Some(request) => request,
        None => return,
    };
    let served = ServedRequest {
        method: text(request.method).unwrap_or_default().to_owned(),
        url: text(request.url).unwrap_or_default().to_owned(),
        peer: text(request.peer).unwrap_or_default().to_owned(),
        headers: headers_of(request.headers, request.header_count),
        body: bytes(request.body).unwrap_or_default().to_vec(),
        exchange: request.exchange,
        is_answered: false,
        core: CoreRef(Arc::clone(&node.core)),
    };
    let serve = lock(&node.serve).take();
    if let Some(mut serve) = serve {
        // `run` catches panics, so that one bad request does not end the page.
        node.core.run("a mounted path", |lane| serve(lane, served));
        if node.is_armed.load(Ordering::Relaxed) {
            *lock(&node.serve) = Some(serve);
        }
    }
}

impl Stoppable for MountNode {
    fn stop(&self) {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            if let Ok((context, unmount)) = slot!(self.core.services, http, unmount, "jf.http/1") {
                // SAFETY: [lane]; nothing follows, so that the host's reference is ours again.
                unsafe {
                    unmount(context, self.mount.load(Ordering::Relaxed));
                    Arc::decrement_strong_count(self as *const MountNode);
                }
            }
        }
        let serve = lock(&self.serve).take();
        drop(serve);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if !self.0.is_armed.load(Ordering::Relaxed) {
            return;
        }
        let node = Arc::clone(&self.0);
        Host::new(Arc::clone(&node.core)).on_lane_later(move |lane| {
            lane.core.remove(node.number.load(Ordering::Relaxed));
            node.stop();
        });
    }
}

impl std::fmt::Debug for Mount {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Mount")
    }
}

type Done = dyn FnOnce(&Lane, Result<Response, Error>) + Send;

struct RequestNode {
    core: Arc<Core>,
    done: Once<Done>,
    request: AtomicU64,
    number: AtomicU64,
    is_open: AtomicBool,
}

/// A request that is under way. Dropping it changes nothing.
#[derive(Clone)]
pub struct OpenRequest(Weak<RequestNode>);

impl Lane {
    /// Makes a request, pooled and bounded (a response has at most 4 MiB). `done` runs on the lane, once,
    /// never from inside this call; not at all when the plugin is stopped or the request given up before.
    /// `jf.http/1`.
    pub fn request(
        &self,
        request: &Request,
        done: impl FnOnce(&Lane, Result<Response, Error>) + Send + 'static,
    ) -> Result<OpenRequest, Error> {
        if self.core.is_stopped() {
            return Err(stopped());
        }
        let (context, start) = slot!(self.core.services, http, request, "jf.http/1")?;
        let headers = pairs_of(&request.headers);
        let raw = jf_http_request {
            size: std::mem::size_of::<jf_http_request>() as u32,
            flags: 0,
            exchange: 0,
            timeout_ns: u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX),
            method: view(request.method.as_bytes()),
            url: view(request.url.as_bytes()),
            peer: ABSENT,
            body: optional_view(request.body.as_deref()),
            headers: headers.as_ptr(),
            header_count: headers.len() as u64,
        };
        let node = Arc::new(RequestNode {
            core: Arc::clone(&self.core),
            done: Once::new(Box::new(done)),
            request: AtomicU64::new(0),
            number: AtomicU64::new(0),
            is_open: AtomicBool::new(true),
        });
        let (mut handle, mut why) = (0, empty_fault());
        let user = Arc::into_raw(Arc::clone(&node));
        // SAFETY: [lane]; `user` is the reference that `answered` takes.
        let status =
            unsafe { start(context, &raw, Some(answered), user as *mut c_void, &mut handle, &mut why) };
        if status != JF_OK {
            // SAFETY: refused, so that it is still ours.
            drop(unsafe { Arc::from_raw(user) });
            return Err(Error::from_host(status, &why, "the request was refused"));
        }
        node.request.store(handle, Ordering::Relaxed);
        node.number.store(self.core.add(Arc::clone(&node) as Arc<dyn Stoppable>), Ordering::Relaxed);
        Ok(OpenRequest(Arc::downgrade(&node)))
    }
}

unsafe extern "C" fn answered(user: *mut c_void, _request: jf_ref, response: *const jf_http_response) {
    // SAFETY: the reference that `request` gave away, once.
    let node = Arc::from_raw(user as *const RequestNode);
    node.is_open.store(false, Ordering::Relaxed);
    node.core.remove(node.number.load(Ordering::Relaxed));
    let done = match node.done.take() {
        Some(done) => done,
        None => return,
    };
    let outcome = match attach::<jf_http_response>(response.cast()) {
        Some(response) if response.status >= 100 => Ok(Response {
            status: u16::try_from(response.status).unwrap_or(u16::MAX),
            headers: headers_of(response.headers, response.header_count),
            body: bytes(response.body).unwrap_or_default().to_vec(),
        }),
        Some(response) => Err(Error::from_status(response.status, "the request")),
        None => Err(Error::new(Status::Fault, "the request ended without a response")),
    };
    node.core.run("the end of a request", |lane| done(lane, outcome));
}

impl Stoppable for RequestNode {
    fn stop(&self) {
        if self.is_open.swap(false, Ordering::Relaxed) {
            if let Ok((context, abandon)) = slot!(self.core.services, http, abandon, "jf.http/1") {
                // SAFETY: [lane]; `answered` does not come, so that the host's reference is ours again.
                unsafe {
                    abandon(context, self.request.load(Ordering::Relaxed));
                    Arc::decrement_strong_count(self as *const RequestNode);
                }
            }
        }
        drop(self.done.take());
    }
}

impl OpenRequest {
    /// Gives the request up; its closure is dropped without being run. Nothing happens where it is over.
    pub fn abandon(&self) {
        if let Some(node) = self.0.upgrade() {
            Host::new(Arc::clone(&node.core)).on_lane_later(move |lane| {
                lane.core.remove(node.number.load(Ordering::Relaxed));
                node.stop();
            });
        }
    }
}

impl std::fmt::Debug for OpenRequest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("OpenRequest")
    }
}
