// SPDX-License-Identifier: Apache-2.0
// Driving providers, policies, filters, sources of credentials, and stores.

use super::raw::*;
use super::{c_text, rust_text, Mock, Refused};
use crate::ffi::view;
use crate::store::{Condition, Entry, Verdict};
use crate::sys::*;
use crate::Status;
use std::os::raw::c_char;

/// What a policy decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// 0: a decision; 1: none yet; below: an error.
    pub status: i32,
    /// "allow", "deny", "hide"; `None`: none.
    pub decision: Option<&'static str>,
    /// Only recorded.
    pub is_dry: bool,
    /// Which rule.
    pub rule: String,
    /// What the client is told.
    pub text: String,
    /// What would be needed, joined by spaces.
    pub scopes: String,
}

/// What a filter made of a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// 0: a verdict; 1: none yet; below: an error.
    pub status: i32,
    /// JF_PASS, JF_SPLICE, JF_ANSWER, JF_SPILL.
    pub decision: u32,
    /// What it keeps for the call.
    pub memory: u64,
    /// What goes on, changes applied, or the answer; JF_SPILL: where nothing is kept; empty on an error.
    pub body: String,
}

/// What a store answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// 0: done; 1: none yet; 2: absent; below: an error.
    pub status: i32,
    /// The error's sentence.
    pub text: String,
    /// The entries.
    pub entries: Vec<Entry>,
    /// Of a `take`, what the limits say.
    pub verdicts: Vec<Verdict>,
}

type Attach = unsafe extern "C" fn(*mut jf_mock, *const c_char, *const c_char) -> jf_ref;

impl Mock {
    fn attach_with(&mut self, attach: Attach, name: &str, config: &str) -> Result<u64, Refused> {
        // SAFETY: the mock lives, its thread is the lane; so in all methods below.
        match unsafe { attach(self.raw, c_text(name).as_ptr(), c_text(config).as_ptr()) } {
            0 => Err(self.refused(JF_E_FAULT)),
            handle => Ok(handle),
        }
    }

    /// Begins to serve a configured provider: its handle.
    pub fn attach_provider(&mut self, name: &str, config: &str) -> Result<u64, Refused> {
        self.attach_with(jf_mock_auth_attach, name, config)
    }

    /// Begins to serve a configured policy.
    pub fn attach_policy(&mut self, name: &str, config: &str) -> Result<u64, Refused> {
        self.attach_with(jf_mock_policy_attach, name, config)
    }

    /// Begins to serve a configured filter.
    pub fn attach_filter(&mut self, name: &str, config: &str) -> Result<u64, Refused> {
        self.attach_with(jf_mock_filter_attach, name, config)
    }

    /// Begins to supply a server's credentials.
    pub fn attach_source(&mut self, server: &str, config: &str) -> Result<u64, Refused> {
        self.attach_with(jf_mock_credentials_attach, server, config)
    }

    /// Takes a provider away.
    pub fn detach_provider(&mut self, handle: u64) {
        unsafe { jf_mock_auth_detach(self.raw, handle) }
    }

    /// Takes a policy away.
    pub fn detach_policy(&mut self, handle: u64) {
        unsafe { jf_mock_policy_detach(self.raw, handle) }
    }

    /// Takes a filter away.
    pub fn detach_filter(&mut self, handle: u64) {
        unsafe { jf_mock_filter_detach(self.raw, handle) }
    }

    /// Takes a source away.
    pub fn detach_source(&mut self, handle: u64) {
        unsafe { jf_mock_credentials_detach(self.raw, handle) }
    }

    /// A principal from JSON as providers answer it; `None`: nobody.
    fn principal(&self, who: Option<&str>) -> *const jf_principal {
        let who = who.map(c_text);
        unsafe { jf_mock_principal(self.raw, who.as_ref().map_or(std::ptr::null(), |who| who.as_ptr())) }
    }

    /// A request with these header fields, names in lower case: the question, for
    /// [`answer`](Mock::answer). Its result is the principal's JSON.
    pub fn identify(&mut self, provider: u64, fields: &[(&str, &str)]) -> u64 {
        let pairs: Vec<jf_pair> = fields
            .iter()
            .map(|(name, value)| jf_pair { name: view(name.as_bytes()), value: view(value.as_bytes()) })
            .collect();
        let mut credentials = unsafe { jf_mock_request_credentials(self.raw) };
        credentials.fields = pairs.as_ptr();
        credentials.field_count = pairs.len() as u64;
        unsafe { jf_mock_identify(self.raw, provider, &credentials) }
    }

    /// What clients without credentials are told; `None`: nothing.
    pub fn describe(&mut self, provider: u64) -> Option<String> {
        self.given(unsafe { jf_mock_describe(self.raw, provider, std::ptr::null_mut()) })
    }

    fn given(&self, text: *mut c_char) -> Option<String> {
        let given = (!text.is_null()).then(|| unsafe { rust_text(text) });
        unsafe { free(text.cast()) };
        given
    }

    /// Somebody (a principal's JSON; `None`: nobody) calls a tool at `now_ms` (`None`: now): the question.
    pub fn decide(
        &mut self,
        policy: u64,
        who: Option<&str>,
        tool: &str,
        arguments: &str,
        now_ms: Option<u64>,
    ) -> u64 {
        let (tool, arguments) = (c_text(tool), c_text(arguments));
        let who = self.principal(who);
        let mut access = unsafe { jf_mock_access(self.raw, who, tool.as_ptr(), arguments.as_ptr()) };
        access.now_ms = now_ms.unwrap_or(access.now_ms);
        unsafe { jf_mock_decide(self.raw, policy, &access) }
    }

    /// The same for a list that may show the tool.
    pub fn decide_listing(&mut self, policy: u64, who: Option<&str>, tool: &str) -> u64 {
        let tool = c_text(tool);
        let who = self.principal(who);
        let mut access = unsafe { jf_mock_access(self.raw, who, tool.as_ptr(), std::ptr::null()) };
        access.flags |= JF_ACCESS_LISTING;
        access.arguments = jf_view::zeroed();
        unsafe { jf_mock_decide(self.raw, policy, &access) }
    }

    /// What became of a question to a policy.
    pub fn decided(&self, question: u64) -> Decided {
        let it = unsafe { jf_mock_ruling_of(self.raw, question) };
        Decided {
            status: it.status,
            decision: ["allow", "deny", "hide"].get(it.decision as usize).copied(),
            is_dry: it.dry,
            rule: unsafe { rust_text(it.rule) },
            text: unsafe { rust_text(it.text) },
            scopes: unsafe { rust_text(it.scopes) },
        }
    }

    /// The class that somebody belongs to; an error: the status.
    pub fn classify(&mut self, policy: u64, who: Option<&str>) -> Result<String, i32> {
        let mut status = JF_OK;
        let who = self.principal(who);
        self.given(unsafe { jf_mock_classify(self.raw, policy, who, &mut status) }).ok_or(status)
    }

    /// Somebody calls a tool, which passes the filter: the question.
    pub fn filter_request(
        &mut self,
        filter: u64,
        who: Option<&str>,
        tool: &str,
        arguments: Option<&str>,
    ) -> u64 {
        let (tool, arguments) = (c_text(tool), arguments.map(c_text));
        let arguments = arguments.as_ref().map_or(std::ptr::null(), |it| it.as_ptr());
        let who = self.principal(who);
        unsafe { jf_mock_filter_request(self.raw, filter, who, tool.as_ptr(), arguments) }
    }

    /// The result of that request comes back.
    pub fn filter_result(&mut self, request: u64, result: &str) -> u64 {
        unsafe { jf_mock_filter_result(self.raw, request, c_text(result).as_ptr()) }
    }

    /// A tool's result comes back to a client which can be sent a link to it.
    pub fn filter_linked_result(&mut self, filter: u64, tool: &str, result: &str) -> u64 {
        let passage = jf_passage {
            size: std::mem::size_of::<jf_passage>() as u32,
            flags: JF_PASSAGE_LINKS,
            principal: self.principal(None),
            deadline_ns: u64::MAX,
            kind: JF_TOOLS,
            method: view(b"tools/call"),
            server: view(b"server"),
            name: view(tool.as_bytes()),
            shown: view(tool.as_bytes()),
            target: view(b"/mcp"),
            body: view(result.as_bytes()),
            ..jf_passage::zeroed()
        };
        unsafe { jf_mock_filter_pass(self.raw, filter, &passage, true) }
    }

    /// The call is over.
    pub fn filter_ended(&mut self, request: u64, outcome: Result<(), Status>) {
        let status = outcome.map_or_else(Status::code, |()| JF_OK);
        unsafe { jf_mock_filter_ended(self.raw, request, status) }
    }

    /// What became of a question to a filter.
    pub fn filtered(&self, question: u64) -> Filtered {
        let it = unsafe { jf_mock_filtered_of(self.raw, question) };
        let body = unsafe { rust_text(it.body) };
        Filtered { status: it.status, decision: it.decision, memory: it.memory, body }
    }

    /// Somebody's request goes to a server: the question. `refused`: the server said no before;
    /// `may_connect`: the client can be sent to a URL.
    pub fn supply(&mut self, source: u64, who: Option<&str>, refused: bool, may_connect: bool) -> u64 {
        let mut demand = unsafe { jf_mock_demand(self.raw, self.principal(who)) };
        if refused {
            demand.refused = JF_STATUS_UNAUTHORIZED;
            demand.attempt = 1;
        }
        if may_connect {
            demand.flags |= JF_DEMAND_URL;
        }
        unsafe { jf_mock_supply(self.raw, source, &demand) }
    }

    // ---- The configured store, for plugins that use jf.state/1 ----

    /// From now on each operation ends with this error and changes nothing; `None`: as it should be.
    pub fn fail_state(&mut self, status: Option<Status>) {
        unsafe { jf_mock_state_fail(self.raw, status.map_or(JF_OK, Status::code)) }
    }

    /// What the plugin keeps under a key, counters as digits; `None`: nothing.
    pub fn state(&mut self, key: &str) -> Option<String> {
        self.given(unsafe { jf_mock_state_get(self.raw, c_text(key).as_ptr()) })
    }

    /// Keeps a text under a key, as another gateway would; `None` removes it. Watches hear of it.
    pub fn set_state(&mut self, key: &str, value: Option<&str>) {
        let value = value.map(c_text);
        let value = value.as_ref().map_or(std::ptr::null(), |value| value.as_ptr());
        unsafe { jf_mock_state_set(self.raw, c_text(key).as_ptr(), value) }
    }

    // ---- Stores ----

    /// Asks a store for an entry: the question, for [`stored`](Mock::stored).
    pub fn store_get(&mut self, key: &[u8]) -> u64 {
        unsafe { jf_mock_store_get(self.raw, view(key)) }
    }

    /// Keeps a value; `ttl_ms` 0: it stays.
    pub fn store_put(&mut self, key: &[u8], value: &[u8], condition: Condition, ttl_ms: u64) -> u64 {
        let (flags, revision) = match condition {
            Condition::None => (0, 0),
            Condition::Create => (JF_STORE_CREATE, 0),
            Condition::Match(revision) => (JF_STORE_MATCH, revision),
        };
        let size = std::mem::size_of::<jf_store_put>() as u32;
        let put = jf_store_put { size, flags, revision, ttl_ms, key: view(key), value: view(value) };
        unsafe { jf_mock_store_put(self.raw, &put) }
    }

    /// Forgets a key; `revision` 0: whatever it has.
    pub fn store_remove(&mut self, key: &[u8], revision: u64) -> u64 {
        unsafe { jf_mock_store_remove(self.raw, view(key), revision) }
    }

    /// Lists entries behind `after`; empty: from the first.
    pub fn store_list(&mut self, prefix: &[u8], after: &[u8], most: u64, keys_only: bool) -> u64 {
        let (size, flags) =
            (std::mem::size_of::<jf_store_list>() as u32, if keys_only { JF_STORE_KEYS } else { 0 });
        let after = if after.is_empty() { jf_view::zeroed() } else { view(after) };
        let list = jf_store_list { size, flags, most, prefix: view(prefix), after };
        unsafe { jf_mock_store_list(self.raw, &list) }
    }

    /// Adds to a counter.
    pub fn store_add(&mut self, key: &[u8], delta: i64, ttl_ms: u64) -> u64 {
        let size = std::mem::size_of::<jf_store_add>() as u32;
        let add = jf_store_add { size, flags: 0, delta, ttl_ms, key: view(key) };
        unsafe { jf_mock_store_add(self.raw, &add) }
    }

    /// Takes from a token bucket, amounts in thousandths.
    pub fn store_take(&mut self, key: &[u8], burst: u64, rate: u64, period_ms: u64, cost: u64) -> u64 {
        let key = view(key);
        let limit = jf_store_limit { key, kind: JF_LIMIT_BUCKET, reserved: 0, burst, rate, period_ms, cost };
        unsafe { jf_mock_store_take(self.raw, &limit, 1) }
    }

    /// Watches keys that begin with `prefix`: the watch.
    pub fn store_watch(&mut self, prefix: &[u8]) -> Result<u64, Refused> {
        match unsafe { jf_mock_store_watch(self.raw, view(prefix)) } {
            0 => Err(self.refused(JF_E_FAULT)),
            watch => Ok(watch),
        }
    }

    /// Ends a watch.
    pub fn store_unwatch(&mut self, watch: u64) {
        unsafe { jf_mock_store_unwatch(self.raw, watch) }
    }

    /// What became of a question to a store: entries, except for takes.
    pub fn stored(&self, question: u64) -> Stored {
        let op = unsafe { jf_mock_op_at(self.raw, question) };
        let mut entries = Vec::new();
        let (mut offset, mut head) = (0, jf_store_entry::zeroed());
        let (mut key, mut value) = (jf_view::zeroed(), jf_view::zeroed());
        let copied = |view: jf_view| unsafe { crate::ffi::bytes(view) }.unwrap_or_default().to_vec();
        while unsafe {
            jf_mock_store_next(op.result, op.length, &mut offset, &mut head, &mut key, &mut value)
        } {
            let expires_ms = (head.expires_ms > 0).then_some(head.expires_ms);
            entries.push(Entry {
                key: copied(key),
                value: copied(value),
                revision: head.revision,
                expires_ms,
            });
        }
        Stored { status: op.status, text: unsafe { rust_text(op.why) }, entries, verdicts: Vec::new() }
    }

    /// What became of a take.
    pub fn taken(&self, question: u64) -> Stored {
        let op = unsafe { jf_mock_op_at(self.raw, question) };
        let all = jf_view { ptr: op.result.cast(), len: if op.result.is_null() { 0 } else { op.length } };
        let all = unsafe { crate::ffi::bytes(all) }.unwrap_or_default();
        let verdicts = all.chunks_exact(16).map(|one| {
            let number = |at: usize| u32::from_ne_bytes([one[at], one[at + 1], one[at + 2], one[at + 3]]);
            let left = u64::from(number(8)) | u64::from(number(12)) << 32;
            Verdict { fits: number(0) == 1, retry_ms: number(4), left }
        });
        let verdicts = verdicts.collect();
        Stored { status: op.status, text: unsafe { rust_text(op.why) }, entries: Vec::new(), verdicts }
    }
}
