// SPDX-License-Identifier: Apache-2.0
// The slots of jf_routing_1, and what they bring as authors see it.

use super::{Routing, Server};
use crate::ffi::{blob, bytes, text};
use crate::plugin::{named, Facet, Instance};
use crate::slab::Slab;
use crate::sys::*;
use crate::{Error, Lane, Status};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::time::Duration;

/// The call to place.
pub struct Pick<'a> {
    raw: jf_pick,
    kept: PhantomData<&'a ()>,
}

impl<'a> Pick<'a> {
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
        // SAFETY: borrowed until the slot returns, as are all below.
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
    name: jf_view,
    kept: PhantomData<&'a ()>,
}

impl<'a> Endpoint<'a> {
    /// The server's name, or its URL for a replica.
    pub fn name(&self) -> &'a str {
        // SAFETY: borrowed until the slot returns.
        unsafe { text(self.name) }.unwrap_or_default()
    }
}

impl std::fmt::Debug for Endpoint<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Endpoint({:#x} {})", self.id, self.name())
    }
}

/// The endpoints that may take a call, at least one, in configured order.
#[derive(Clone, Copy)]
pub struct Endpoints<'a>(&'a [*const jf_endpoint]);

impl<'a> Endpoints<'a> {
    /// How many there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One of them; panics beyond the end.
    pub fn get(&self, index: usize) -> Endpoint<'a> {
        // SAFETY: the host's pointers, borrowed until the slot returns; newer hosts' structures are longer.
        let raw = unsafe { attach::<jf_endpoint>(self.0[index].cast()) }.unwrap_or_else(jf_endpoint::zeroed);
        Endpoint {
            id: raw.id,
            weight: raw.weight,
            in_flight: raw.in_flight,
            latency: (raw.latency_ns > 0).then(|| Duration::from_nanos(raw.latency_ns)),
            name: raw.name,
            kept: PhantomData,
        }
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
pub struct Outcome {
    /// What ended it; `None`: it succeeded.
    pub failure: Option<Status>,
    /// [`Endpoint::id`]
    pub endpoint: u64,
    /// From sending to the last byte.
    pub latency: Duration,
}

// ---- The C side ----

struct Table<P>(PhantomData<P>);

impl<P: Routing> Table<P> {
    const TABLE: jf_routing_1 = jf_routing_1 {
        size: std::mem::size_of::<jf_routing_1>() as u32,
        flags: 0,
        attach: Some(attach_server::<P>),
        detach: Some(detach::<P>),
        pick: Some(pick::<P>),
        observe: Some(observe::<P>),
        export_state: if P::HAS_STATE { Some(export_state::<P>) } else { None },
        import_state: if P::HAS_STATE { Some(import_state::<P>) } else { None },
    };
    const REFERENCE: &'static jf_routing_1 = &Table::<P>::TABLE;
}

type Servers<P> = Slab<RefCell<<P as Routing>::Server>>;

/// The facet, for the macro.
#[doc(hidden)]
pub fn facet<P: Routing>() -> Facet {
    Facet {
        id: JF_ROUTING_1,
        table: (Table::<P>::REFERENCE as *const jf_routing_1).cast(),
        state: || Box::new(Servers::<P>::new()),
    }
}

/// Runs a slot with the server behind `handle`.
unsafe fn with_server<P: Routing, R>(
    own: *mut jf_self,
    handle: jf_ref,
    body: impl FnOnce(&Lane, &P, &mut P::Server) -> Result<R, Error>,
) -> Result<R, Error> {
    Instance::<P>::slot(own, |lane, instance, plugin| {
        let server = instance.state::<Servers<P>>()?.get(handle)?;
        let mut server = server
            .try_borrow_mut()
            .map_err(|_| Error::fault("called from inside a call of the same server"))?;
        body(lane, plugin, &mut server)
    })
}

unsafe extern "C" fn attach_server<P: Routing>(
    own: *mut jf_self,
    name: jf_view,
    config: jf_view,
    handle: *mut jf_ref,
    why: *mut jf_fault,
) -> i32 {
    let attached = Instance::<P>::slot(own, |lane, instance, plugin| {
        let (name, config) = named(name, config)?;
        let server = plugin.attach(lane, Server { name: &name, config: &config })?;
        Ok(instance.state::<Servers<P>>()?.insert(RefCell::new(server)))
    });
    match attached {
        Ok(attached) => {
            *handle = attached;
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn detach<P: Routing>(own: *mut jf_self, handle: jf_ref) {
    let detached = Instance::<P>::slot(own, |lane, instance, plugin| {
        if let Some(server) = instance.state::<Servers<P>>()?.remove(handle) {
            if let Ok(mut server) = server.try_borrow_mut() {
                plugin.detach(lane, &mut server);
            }
        }
        Ok(())
    });
    Instance::<P>::behind(own).tell("detach", detached);
}

unsafe extern "C" fn pick<P: Routing>(
    own: *mut jf_self,
    handle: jf_ref,
    call: *const jf_pick,
    eligible: *const *const jf_endpoint,
    count: u64,
    chosen: *mut u32,
    why: *mut jf_fault,
) -> i32 {
    let picked = with_server::<P, _>(own, handle, |lane, plugin, server| {
        if count == 0 || eligible.is_null() {
            return Ok(None);
        }
        let endpoints = std::slice::from_raw_parts(eligible, count as usize);
        let call = Pick { raw: attach(call.cast()).unwrap_or_else(jf_pick::zeroed), kept: PhantomData };
        match plugin.pick(lane, server, &call, Endpoints(endpoints))? {
            Some(index) if index >= endpoints.len() => {
                Err(Error::fault(format!("it picked endpoint {index} of {count}")))
            }
            picked => Ok(picked),
        }
    });
    match picked {
        Ok(Some(index)) => {
            *chosen = index as u32;
            JF_OK
        }
        Ok(None) => JF_ABSENT,
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn observe<P: Routing>(own: *mut jf_self, handle: jf_ref, outcome: *const jf_outcome) {
    let observed = with_server::<P, _>(own, handle, |lane, plugin, server| {
        let raw: jf_outcome = attach(outcome.cast()).ok_or_else(|| Error::fault("no outcome"))?;
        let outcome = Outcome {
            failure: (raw.status != JF_OK).then(|| Status::from_code(raw.status)),
            endpoint: raw.endpoint,
            latency: Duration::from_nanos(raw.latency_ns),
        };
        plugin.observe(lane, server, &outcome);
        Ok(())
    });
    Instance::<P>::behind(own).tell("observe", observed);
}

unsafe extern "C" fn export_state<P: Routing>(
    own: *mut jf_self,
    handle: jf_ref,
    out: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    match with_server::<P, _>(own, handle, |_, plugin, server| plugin.export_state(server)) {
        Ok(state) => {
            *out = blob(state);
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn import_state<P: Routing>(
    own: *mut jf_self,
    handle: jf_ref,
    state: jf_view,
    why: *mut jf_fault,
) -> i32 {
    let state = bytes(state).unwrap_or_default();
    match with_server::<P, _>(own, handle, |_, plugin, server| plugin.import_state(server, state)) {
        Ok(()) => JF_OK,
        Err(error) => error.write(why),
    }
}
