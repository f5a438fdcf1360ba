// SPDX-License-Identifier: Apache-2.0
// The slots of jf_routing_1.

use super::{Endpoints, Outcome, Pick, Routing, Server};
use crate::ffi::{blob, bytes};
use crate::plugin::{named, Facet, Instance};
use crate::slab::Slab;
use crate::sys::*;
use crate::{Error, Lane};
use std::cell::RefCell;
use std::marker::PhantomData;

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
        let endpoints = Endpoints::new(eligible, count);
        match plugin.pick(lane, server, &Pick::new(call), endpoints)? {
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
        let outcome = Outcome::new(&raw);
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
