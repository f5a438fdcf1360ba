// SPDX-License-Identifier: Apache-2.0
//! The mock host: a plugin's tests without a gateway. Feature `testing`.
//!
//! It is the SDK's `testing/c`, which every language uses: real services on a real event loop, and a record
//! of every rule of the ABI that the plugin breaks (leaks, wrong threads, requests never answered, services
//! that the manifest does not name, results that are no JSON). A [`Mock`] that is dropped with such problems
//! fails the test.
//!
//! ```ignore
//! let mut mock = Mock::up(jf_entry_1, "{}");
//! let set = mock.open("text", "{}").unwrap();
//! let answer = mock.call(set, "greet", r#"{"name": "Ada"}"#);
//! assert_eq!(answer.result["content"][0]["text"].as_str(), Some("Hello, Ada!"));
//! ```

mod guard;
mod raw;
mod routing;
mod transport;

pub use guard::{Decided, Filtered, Stored};
pub use transport::{Event, Happened};

use crate::json::Value;
use crate::sys::*;
use crate::{Level, Status};
use raw::*;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a test waits for anything at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// A slot answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The ABI's number.
    pub status: i32,
    /// The fault's sentence.
    pub text: String,
}

/// The lists of a toolset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// tools/list
    Tools,
    /// resources/list
    Resources,
    /// resources/templates/list
    Templates,
    /// prompts/list
    Prompts,
}

/// How a request to a toolset stands.
#[derive(Clone, Debug)]
pub struct Answered {
    /// 1: still open; 0: answered; below: the error.
    pub status: i32,
    /// The result; `null` where there is none.
    pub result: Value,
    /// The error's sentence; empty where there is none.
    pub text: String,
    /// Whether the client may read the sentence.
    pub is_public: bool,
    /// Whether the slot itself answered, not `jf.ops/1`.
    pub is_inline: bool,
    /// How many reports of progress there were.
    pub progress: u32,
}

/// The slot that a request calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// tools/call
    Call,
    /// resources/read
    Read,
    /// prompts/get
    Prompt,
    /// completion/complete; `arguments` is the whole `params` object.
    Complete,
}

/// A mock host with one instance of a plugin; the thread that made it is the lane. Dropping it ends the
/// instance and panics if a rule was broken.
pub struct Mock {
    raw: *mut jf_mock,
    /// Boxed twice: the mock host keeps a thin pointer to it.
    on_call: Option<Box<Box<CallHandler>>>,
}

/// What serves a plugin's calls through `jf.calls/1`: the method, the params, and what it answers.
type CallHandler = dyn FnMut(&str, &Value) -> Result<Value, Status>;

fn c_text(text: &str) -> CString {
    CString::new(text).expect("the mock host takes no NUL")
}

/// # Safety
///
/// `text` is null or a C string.
unsafe fn rust_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    CStr::from_ptr(text).to_string_lossy().into_owned()
}

fn parsed(text: &str) -> Value {
    Value::parse(text).unwrap_or_else(|error| panic!("the plugin answered {text}: {error}"))
}

impl Mock {
    /// A mock host without a plugin, with every service of the SDK but those that plugins offer.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Mock {
        // SAFETY: never null.
        Mock { raw: unsafe { jf_mock_new() }, on_call: None }
    }

    /// A running instance of a plugin that is linked into the test: its `jf_entry_1`. Panics with the reason
    /// otherwise.
    pub fn up(
        entry: unsafe extern "C" fn(*const jf_offer, *mut jf_fault) -> *const jf_plugin,
        config: &str,
    ) -> Mock {
        let mut mock = Mock::new();
        mock.attach(entry)
            .and_then(|()| mock.create(config))
            .and_then(|()| mock.start())
            .expect("the plugin starts");
        mock
    }

    /// A running instance of a shared object, which is checked against its manifest as well.
    pub fn up_library(path: &Path, config: &str) -> Mock {
        let mut mock = Mock::new();
        mock.load(path)
            .and_then(|()| mock.create(config))
            .and_then(|()| mock.start())
            .expect("the plugin starts");
        mock
    }

    fn refused(&self, status: i32) -> Refused {
        // SAFETY: the mock lives.
        Refused { status, text: unsafe { rust_text(jf_mock_why(self.raw)) } }
    }

    fn done(&self, status: i32) -> Result<(), Refused> {
        if status == JF_OK {
            Ok(())
        } else {
            Err(self.refused(status))
        }
    }

    // ---- Before `create` ----

    /// Takes a plugin that is linked into the test.
    pub fn attach(
        &mut self,
        entry: unsafe extern "C" fn(*const jf_offer, *mut jf_fault) -> *const jf_plugin,
    ) -> Result<(), Refused> {
        // SAFETY: the mock lives; so in all methods below.
        self.done(unsafe { jf_mock_attach(self.raw, Some(entry)) })
    }

    /// Loads a shared object.
    pub fn load(&mut self, path: &Path) -> Result<(), Refused> {
        let path = CString::new(path.as_os_str().as_bytes()).expect("a path has no NUL");
        self.done(unsafe { jf_mock_load(self.raw, path.as_ptr()) })
    }

    /// Hides a service, by id.
    pub fn hide(&mut self, id: &str) {
        unsafe { jf_mock_hide(self.raw, c_text(id).as_ptr()) }
    }

    /// Offers a table of the test's own as a service.
    ///
    /// # Safety
    ///
    /// `table` is what the id's header says and outlives the mock.
    pub unsafe fn offer(&mut self, id: &str, table: *const c_void) {
        jf_mock_offer(self.raw, c_text(id).as_ptr(), table);
    }

    /// The ABI version that the host offers.
    pub fn set_abi(&mut self, major: u16, minor: u16) {
        unsafe { jf_mock_set_abi(self.raw, major, minor) }
    }

    /// Which loop this is, of how many.
    pub fn set_loop(&mut self, index: u32, count: u32) {
        unsafe { jf_mock_set_loop(self.raw, index, count) }
    }

    /// The most bytes of `jf.memory/1`.
    pub fn set_memory_limit(&mut self, bytes: u64) {
        unsafe { jf_mock_set_memory_limit(self.raw, bytes) }
    }

    /// A secret of `jf.config/1`.
    pub fn set_secret(&mut self, name: &str, value: &str) {
        unsafe { jf_mock_set_secret(self.raw, c_text(name).as_ptr(), c_text(value).as_ptr()) }
    }

    /// Serves the plugin's calls through `jf.calls/1`.
    pub fn on_call(&mut self, handler: impl FnMut(&str, &Value) -> Result<Value, Status> + 'static) {
        unsafe extern "C" fn answer(
            user: *mut c_void,
            mock: *mut jf_mock,
            id: jf_ref,
            call: *const jf_call,
        ) -> i32 {
            let handler = &mut *user.cast::<Box<CallHandler>>();
            let method = crate::ffi::text((*call).method).unwrap_or_default().to_owned();
            let params = crate::ffi::json((*call).params, "params").expect("the mock checked it");
            let (status, body) = match handler(&method, &params) {
                Ok(result) => (JF_OK, Some(c_text(&result.to_string()))),
                Err(status) => (status.code(), None),
            };
            jf_mock_answer(mock, id, status, body.as_ref().map_or(std::ptr::null(), |body| body.as_ptr()));
            JF_OK
        }
        let mut handler: Box<Box<CallHandler>> = Box::new(Box::new(handler));
        let user: *mut Box<CallHandler> = &mut *handler;
        self.on_call = Some(handler);
        unsafe { jf_mock_on_call(self.raw, Some(answer), user.cast()) }
    }

    // ---- The instance ----

    /// Creates the instance with a JSON configuration.
    pub fn create(&mut self, config: &str) -> Result<(), Refused> {
        self.done(unsafe { jf_mock_create(self.raw, c_text(config).as_ptr()) })
    }

    /// Starts it; like a host, the mock destroys it where that fails.
    pub fn start(&mut self) -> Result<(), Refused> {
        self.done(unsafe { jf_mock_start(self.raw) })
    }

    /// Asks for a quiet end.
    pub fn drain(&mut self, timeout: Duration) {
        unsafe { jf_mock_drain(self.raw, millis(timeout)) }
    }

    /// Stops it, and runs what was posted until then.
    pub fn stop(&mut self) {
        unsafe { jf_mock_stop(self.raw) }
    }

    /// Stops it if need be, destroys it, and looks for what is left behind.
    pub fn destroy(&mut self) {
        unsafe { jf_mock_destroy(self.raw) };
    }

    // ---- The loop ----

    /// Runs batches until one finds nothing to do; timers that are not due do not count.
    pub fn settle(&mut self) {
        unsafe { jf_mock_settle(self.raw) }
    }

    /// Moves the clock forward, so that timers are due without waiting, and settles.
    pub fn advance(&mut self, by: Duration) {
        unsafe { jf_mock_advance(self.raw, by.as_nanos() as u64) }
        self.settle();
    }

    /// Runs the loop until `is_done` says so; panics after 20 seconds.
    pub fn run_until(&mut self, mut is_done: impl FnMut(&mut Mock) -> bool) {
        let begun = Instant::now();
        while !is_done(self) {
            assert!(begun.elapsed() < PATIENCE, "it did not happen within {PATIENCE:?}");
            unsafe { jf_mock_run_once(self.raw, 20) };
        }
    }

    /// The longest single callback so far; the ABI's budget is a millisecond.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(unsafe { jf_mock_longest(self.raw) })
    }

    // ---- What was noticed ----

    /// The rules that were broken so far.
    pub fn problems(&self) -> Vec<String> {
        let count = unsafe { jf_mock_problems(self.raw) };
        (0..count).map(|index| unsafe { rust_text(jf_mock_problem(self.raw, index)) }).collect()
    }

    /// Forgets the problems so far: for tests that provoke them.
    pub fn forgive(&mut self) {
        unsafe { jf_mock_forgive(self.raw) }
    }

    /// Whether a log record of at least this level contains `part`, in its text or fields.
    pub fn logged(&self, level: Level, part: &str) -> bool {
        unsafe { jf_mock_logged(self.raw, level as u32, c_text(part).as_ptr()) }
    }

    /// How often the plugin said that a list has changed.
    pub fn changes(&self, list: List) -> usize {
        let is_change = |event: &Event| event.what == Happened::ListChanged && event.flags == list as u32;
        self.events().into_iter().filter(is_change).count()
    }

    // ---- Toolsets ----

    /// Opens a configured server of a toolset; `config` is its entry as JSON.
    pub fn open(&mut self, name: &str, config: &str) -> Result<u64, Refused> {
        match unsafe { jf_mock_open_set(self.raw, c_text(name).as_ptr(), c_text(config).as_ptr()) } {
            0 => Err(self.refused(JF_E_FAULT)),
            set => Ok(set),
        }
    }

    /// Closes it.
    pub fn close(&mut self, set: u64) {
        unsafe { jf_mock_close_set(self.raw, set) }
    }

    /// A list; `null` where the toolset has nothing of the kind.
    pub fn list(&mut self, set: u64, list: List) -> Value {
        let text = unsafe { jf_mock_list(self.raw, set, list as u32, std::ptr::null_mut()) };
        if text.is_null() {
            return Value::Null;
        }
        let listed = parsed(&unsafe { rust_text(text) });
        unsafe { free(text.cast()) };
        listed
    }

    /// Begins a request; see [`answer`](Mock::answer) and [`wait`](Mock::wait).
    pub fn begin(&mut self, set: u64, slot: Slot, name: &str, arguments: &str) -> u64 {
        unsafe {
            jf_mock_request(self.raw, set, slot as u32, c_text(name).as_ptr(), c_text(arguments).as_ptr())
        }
    }

    /// How a request stands.
    pub fn answer(&self, op: u64) -> Answered {
        let op = unsafe { jf_mock_op_at(self.raw, op) };
        let result = unsafe { rust_text(op.result) };
        Answered {
            status: op.status,
            result: if op.result.is_null() { Value::Null } else { parsed(&result) },
            text: unsafe { rust_text(op.why) },
            is_public: op.fault.flags & JF_FAULT_PUBLIC != 0,
            is_inline: op.inline_result,
            progress: op.progress,
        }
    }

    /// Runs the loop until a request is over; panics after 20 seconds.
    pub fn wait(&mut self, op: u64) -> Answered {
        assert!(unsafe { jf_mock_wait_op(self.raw, op, millis(PATIENCE)) }, "no answer within {PATIENCE:?}");
        self.answer(op)
    }

    /// Calls a tool and waits for its answer.
    pub fn call(&mut self, set: u64, tool: &str, arguments: &str) -> Answered {
        let op = self.begin(set, Slot::Call, tool, arguments);
        self.wait(op)
    }

    /// The caller left ([`Status::Gone`]) or ran out of time ([`Status::Timeout`]).
    pub fn cancel(&mut self, op: u64, why: Status) {
        unsafe { jf_mock_cancel_op(self.raw, op, why.code()) }
    }

    // ---- Facets by hand ----

    /// The instance, for slots that the test calls itself.
    pub fn instance(&self) -> *mut jf_self {
        unsafe { jf_mock_self(self.raw) }
    }

    /// The table of a facet or an offered service, by id; null where the plugin has none.
    pub fn facet(&self, id: &str) -> *const c_void {
        unsafe { jf_mock_facet(self.raw, c_text(id).as_ptr()) }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // What the end brings counts as well.
        unsafe { jf_mock_destroy(self.raw) };
        let problems = self.problems();
        unsafe { jf_mock_free(self.raw) };
        if !std::thread::panicking() {
            assert!(problems.is_empty(), "the plugin broke a rule: {}", problems.join("; "));
        }
    }
}

impl std::fmt::Debug for Mock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Mock")
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The manifest of a shared object.
pub fn manifest(path: &Path) -> Option<Value> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: a C string, which the caller frees.
    let text = unsafe { jf_mock_manifest(path.as_ptr()) };
    if text.is_null() {
        return None;
    }
    let manifest = Value::parse(&unsafe { rust_text(text) }).ok();
    unsafe { free(text.cast()) };
    manifest
}

/// Where cargo left the shared object of the package under test, for `tests/*.rs` of a package whose
/// `crate-type` is `["cdylib", "rlib"]`. `name` is the library's, with underscores.
pub fn built_library(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().expect("a file has a folder");
    let file = format!("lib{name}.so");
    let found = [folder.join(&file), folder.join("..").join(&file)].into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{file} is not beside {}: is `crate-type` [\"cdylib\", \"rlib\"]?", test.display())
    })
}
