// SPDX-License-Identifier: Apache-2.0
// What a strategy sees: the call, the endpoints, the outcome. What a host of ABI 1.0 does not tell is `None`.

use crate::ffi::{bytes, text};
use crate::sys::*;
use crate::Status;
use std::marker::PhantomData;
use std::time::Duration;

/// Bytes of the structures as hosts of 1.0 and 1.1 have them.
const ENDPOINT_1_0: usize = 48;
const ENDPOINT_1_1: usize = 144;
const PICK_1_1: usize = 184;
const OUTCOME_1_1: usize = 40;

// `Endpoint::more` refers to the whole structure: whoever appends to it has to read what is newer apart.
const _: () = assert!(std::mem::size_of::<jf_endpoint>() == ENDPOINT_1_1);

/// The call to place.
pub struct Pick<'a> {
    raw: jf_pick,
    kept: PhantomData<&'a ()>,
}

impl<'a> Pick<'a> {
    /// # Safety
    ///
    /// `raw` is the host's, which holds for `'a`, as does what it points to.
    pub(super) unsafe fn new(raw: *const jf_pick) -> Pick<'a> {
        Pick { raw: attach(raw.cast()).unwrap_or_else(jf_pick::zeroed), kept: PhantomData }
    }

    /// 0 for the first try, then counting up.
    pub fn attempt(&self) -> u32 {
        self.raw.attempt
    }

    /// When the call's answer stops being of use.
    pub fn deadline_ns(&self) -> u64 {
        self.raw.deadline_ns
    }

    /// "tools/call"
    pub fn method(&self) -> &'a str {
        // SAFETY: borrowed until the slot returns, as are all below; zero, so absent, from an older host.
        unsafe { text(self.raw.method) }.unwrap_or_default()
    }

    /// Tool, prompt or URI as the server spells it, UTF-8.
    pub fn name(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.raw.name) }.unwrap_or_default()
    }

    /// The raw `params` object, JSON.
    pub fn params(&self) -> &'a [u8] {
        // SAFETY: as above.
        unsafe { bytes(self.raw.params) }.unwrap_or_default()
    }

    /// Who calls; `None` when not authenticated.
    pub fn principal(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.principal) }
    }

    /// The client's session; `None` when stateless.
    pub fn session(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.session) }
    }

    fn is_1_1(&self) -> bool {
        self.raw.size as usize >= PICK_1_1
    }

    /// `JF_PICK_*` of [`sys`](crate::sys): what the tool's annotations say, and whether this is a second try
    /// beside one that is still open; absent bits are unknown or false. Since 1.1.
    pub fn traits(&self) -> Option<u32> {
        self.is_1_1().then_some(self.raw.traits)
    }

    /// How many endpoints the server has, eligible or not. Since 1.1.
    pub fn total(&self) -> Option<u32> {
        self.is_1_1().then_some(self.raw.total)
    }

    /// The raw `params.arguments` object, JSON; `None` without. Since 1.1.
    pub fn arguments(&self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.raw.arguments) }
    }

    /// The client's implementation name; `None` when unknown. Since 1.1.
    pub fn client(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.client) }
    }

    /// `None` without tenants. Since 1.1.
    pub fn tenant(&self) -> Option<&'a str> {
        // SAFETY: as above.
        unsafe { text(self.raw.tenant) }
    }

    /// The client's headers, lower-case names, as far as its listener delivers them. Since 1.1.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        // SAFETY: as above.
        unsafe { texts(self.raw.headers, self.raw.header_count) }
    }

    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// All [`total`](Pick::total) endpoints in configured order, eligible or not; of those that are not, only
    /// what was configured is up to date. `None`: not told. Since 1.1.
    pub fn all(&self) -> Option<Endpoints<'a>> {
        // SAFETY: as above.
        (!self.raw.all.is_null()).then(|| unsafe { Endpoints::new(self.raw.all, u64::from(self.raw.total)) })
    }

    /// The monotonic time now; `None`: not told. Since 1.1.
    pub fn now_ns(&self) -> Option<u64> {
        (self.raw.now_ns > 0).then_some(self.raw.now_ns)
    }
}

impl std::fmt::Debug for Pick<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pick({} {})", self.method(), String::from_utf8_lossy(self.name()))
    }
}

/// One endpoint as a strategy sees it.
#[derive(Clone, Copy)]
pub struct Endpoint<'a> {
    /// Stable for the life of the endpoint, equal on all loops.
    pub id: u64,
    /// Configured, 1 by default.
    pub weight: u32,
    /// Calls open on it.
    pub in_flight: u32,
    /// Moving average of answered calls; `None`: there is none yet.
    pub latency: Option<Duration>,
    /// `JF_ENDPOINT_*` of [`sys`](crate::sys): near, tried before, suspected. 0 from a host of 1.0.
    pub flags: u32,
    name: jf_view,
    /// The host's, null unless it is of 1.1.
    more: *const jf_endpoint,
    kept: PhantomData<&'a ()>,
}

impl<'a> Endpoint<'a> {
    /// # Safety
    ///
    /// `raw` is null or the host's, of the size that it says; it holds for `'a`, as does what it points to.
    unsafe fn new(raw: *const jf_endpoint) -> Endpoint<'a> {
        let size = if raw.is_null() { 0 } else { (*raw).size as usize };
        let name = jf_view::zeroed();
        let (more, kept) = (if size < ENDPOINT_1_1 { std::ptr::null() } else { raw }, PhantomData);
        if size < ENDPOINT_1_0 {
            return Endpoint { id: 0, weight: 0, in_flight: 0, latency: None, flags: 0, name, more, kept };
        }
        let latency_ns = (*raw).latency_ns;
        Endpoint {
            id: (*raw).id,
            weight: (*raw).weight,
            in_flight: (*raw).in_flight,
            latency: (latency_ns > 0).then(|| Duration::from_nanos(latency_ns)),
            flags: (*raw).flags,
            name: (*raw).name,
            more,
            kept,
        }
    }

    /// The server's name, or its URL for a replica.
    pub fn name(&self) -> &'a str {
        // SAFETY: borrowed until the slot returns.
        unsafe { text(self.name) }.unwrap_or_default()
    }

    fn more(&self) -> Option<&'a jf_endpoint> {
        // SAFETY: not null only where it is as long as the structure known here; borrowed as above.
        unsafe { self.more.as_ref() }
    }

    /// Share of its weight that it can bear now, permille: below 1000 while it starts. Since 1.1.
    pub fn ready(&self) -> Option<u32> {
        self.more().map(|more| more.ready)
    }

    /// Configured tier: 0 is used first. Since 1.1.
    pub fn priority(&self) -> Option<u32> {
        self.more().map(|more| more.priority)
    }

    /// Calls that ended in the last 10 s, all loops together. Since 1.1.
    pub fn recent_calls(&self) -> Option<u32> {
        self.more().map(|more| more.recent_calls)
    }

    /// Of those, failed: not answered, or answered by the server's own failure. Since 1.1.
    pub fn recent_failures(&self) -> Option<u32> {
        self.more().map(|more| more.recent_failures)
    }

    /// Configured cost of one call, in millionths of the operator's unit. Since 1.1.
    pub fn cost(&self) -> Option<u64> {
        self.more().map(|more| more.cost)
    }

    /// Configured or announced version; `None`: unknown. Since 1.1.
    pub fn version(&self) -> Option<&'a str> {
        // SAFETY: borrowed until the slot returns, as are all below.
        self.more().and_then(|more| unsafe { text(more.version) })
    }

    /// Configured; `None`: unknown. Since 1.1.
    pub fn zone(&self) -> Option<&'a str> {
        // SAFETY: as above.
        self.more().and_then(|more| unsafe { text(more.zone) })
    }

    /// Configured; `None`: unknown. Since 1.1.
    pub fn region(&self) -> Option<&'a str> {
        // SAFETY: as above.
        self.more().and_then(|more| unsafe { text(more.region) })
    }

    /// Configured `labels` and `tags` (a tag has an empty value). Since 1.1.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (labels, count) = self.more().map_or((std::ptr::null(), 0), |it| (it.labels, it.label_count));
        // SAFETY: as above.
        unsafe { texts(labels, count) }
    }

    /// The label of this name.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.labels().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Another one whenever name, version, zone, region or labels became others: what was derived from them
    /// is stale then. Since 1.1.
    pub fn revision(&self) -> Option<u64> {
        self.more().map(|more| more.revision)
    }
}

impl std::fmt::Debug for Endpoint<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Endpoint({:#x} {})", self.id, self.name())
    }
}

/// Endpoints in configured order: those that may take a call, at least one, or all of a server.
#[derive(Clone, Copy)]
pub struct Endpoints<'a>(&'a [*const jf_endpoint]);

impl<'a> Endpoints<'a> {
    /// # Safety
    ///
    /// `first` points to `count` pointers of the host's that hold for `'a`, as do the endpoints.
    pub(super) unsafe fn new(first: *const *const jf_endpoint, count: u64) -> Endpoints<'a> {
        Endpoints(std::slice::from_raw_parts(first, count as usize))
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One of them; panics beyond the end.
    pub fn get(&self, index: usize) -> Endpoint<'a> {
        // SAFETY: the host's pointers, borrowed until the slot returns; newer hosts' structures are longer.
        unsafe { Endpoint::new(self.0[index]) }
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Endpoint<'a>> {
        (0..self.len()).map(move |index| self.get(index))
    }
}

impl std::fmt::Debug for Endpoints<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

/// How a picked call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// What ended it; `None`: it succeeded.
    pub failure: Option<Status>,
    /// [`Endpoint::id`]
    pub endpoint: u64,
    /// From sending to the last byte.
    pub latency: Duration,
    /// `JF_OUTCOME_*` of [`sys`](crate::sys): the tool's own failure, canceled, a probe. Since 1.1.
    pub flags: Option<u32>,
    /// [`Pick::attempt`] of its call. Since 1.1.
    pub attempt: Option<u32>,
    /// The monotonic time when it ended; `None`: not told. Since 1.1.
    pub now_ns: Option<u64>,
}

impl Outcome {
    /// `raw` is a copy of the host's, its `size` what the host's says.
    pub(super) fn new(raw: &jf_outcome) -> Outcome {
        let is_1_1 = raw.size as usize >= OUTCOME_1_1;
        Outcome {
            failure: (raw.status != JF_OK).then(|| Status::from_code(raw.status)),
            endpoint: raw.endpoint,
            latency: Duration::from_nanos(raw.latency_ns),
            flags: is_1_1.then_some(raw.flags),
            attempt: is_1_1.then_some(raw.attempt),
            now_ns: (raw.now_ns > 0).then_some(raw.now_ns),
        }
    }
}

/// The pairs as texts; those that are no UTF-8 are left out.
///
/// # Safety
///
/// `first` points to `count` pairs that hold for `'a`, as do their views, or is null.
unsafe fn texts<'a>(first: *const jf_pair, count: u64) -> impl Iterator<Item = (&'a str, &'a str)> {
    let pairs: &'a [jf_pair] =
        if first.is_null() { &[] } else { std::slice::from_raw_parts(first, count as usize) };
    // SAFETY: the caller's promise.
    pairs.iter().filter_map(|pair| unsafe { Some((text(pair.name)?, text(pair.value)?)) })
}
