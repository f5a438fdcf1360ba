// SPDX-License-Identifier: Apache-2.0
// The slots of jf_listener_1 and jf_connector_1.

use super::{ChannelId, ClientId, Connector, ExchangeId, Listener, ListenerId, Message, Server, Taken};
use crate::ffi::{blob, json, text};
use crate::plugin::{named, Facet, FacetState, Instance};
use crate::slab::Slab;
use crate::sys::*;
use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;

// ---- Listener ----

/// Sockets by the host's handle, since `unlisten` names no other.
struct Sockets<T> {
    handles: RefCell<Vec<(jf_ref, jf_ref)>>,
    slab: Slab<T>,
}

impl<T: Send + 'static> FacetState for Sockets<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn clear(&self) {
        self.slab.clear();
    }
}

struct ListenerTable<P>(PhantomData<P>);

impl<P: Listener> ListenerTable<P> {
    const TABLE: jf_listener_1 = jf_listener_1 {
        size: std::mem::size_of::<jf_listener_1>() as u32,
        flags: 0,
        listen: Some(listen::<P>),
        unlisten: Some(unlisten::<P>),
        reply: Some(reply::<P>),
        close: Some(close_client::<P>),
    };
    const REFERENCE: &'static jf_listener_1 = &ListenerTable::<P>::TABLE;
}

/// The facet, for the macro.
#[doc(hidden)]
pub fn listener<P: Listener>() -> Facet {
    Facet {
        id: JF_LISTENER_1,
        table: (ListenerTable::<P>::REFERENCE as *const jf_listener_1).cast(),
        state: || Box::new(Sockets::<P::Socket> { handles: RefCell::default(), slab: Slab::new() }),
    }
}

unsafe extern "C" fn listen<P: Listener>(
    own: *mut jf_self,
    listener: jf_ref,
    address: jf_view,
    config: jf_view,
    bound: *mut jf_blob,
    why: *mut jf_fault,
) -> i32 {
    let listening = Instance::<P>::slot(own, |lane, instance, plugin| {
        let config = json(config, "the listener's configuration")?;
        let (socket, place) = plugin.listen(lane, ListenerId(listener), text(address), &config)?;
        let sockets = instance.state::<Sockets<P::Socket>>()?;
        let handle = sockets.slab.insert(socket);
        sockets.handles.borrow_mut().push((listener, handle));
        Ok(place)
    });
    match listening {
        Ok(place) => {
            *bound = blob(place.into_bytes());
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn unlisten<P: Listener>(own: *mut jf_self, listener: jf_ref) {
    let ended = Instance::<P>::slot(own, |lane, instance, plugin| {
        let sockets = instance.state::<Sockets<P::Socket>>()?;
        let handle = {
            let mut handles = sockets.handles.borrow_mut();
            let at = handles.iter().position(|(known, _)| *known == listener);
            at.map(|at| handles.swap_remove(at).1)
        };
        if let Some(socket) = handle.and_then(|handle| sockets.slab.remove(handle)) {
            plugin.unlisten(lane, &socket);
        }
        Ok(())
    });
    Instance::<P>::behind(own).tell("unlisten", ended);
}

unsafe extern "C" fn reply<P: Listener>(
    own: *mut jf_self,
    client: jf_ref,
    message: *const jf_message,
) -> i32 {
    let replied = Instance::<P>::slot(own, |lane, _, plugin| {
        plugin.reply(lane, ClientId(client), &Message::new(message))
    });
    match replied {
        Ok(Taken::Ready) => JF_OK,
        Ok(Taken::Slow) => JF_E_BUSY,
        Err(error) => {
            let status = error.status().code();
            if status == JF_E_FAULT {
                // The slot has no room for the reason.
                Instance::<P>::behind(own).tell("reply", Err(error));
            }
            status
        }
    }
}

unsafe extern "C" fn close_client<P: Listener>(own: *mut jf_self, client: jf_ref) {
    let closed = Instance::<P>::slot(own, |lane, _, plugin| {
        plugin.close(lane, ClientId(client));
        Ok(())
    });
    Instance::<P>::behind(own).tell("close", closed);
}

// ---- Connector ----

struct ConnectorTable<P>(PhantomData<P>);

impl<P: Connector> ConnectorTable<P> {
    const TABLE: jf_connector_1 = jf_connector_1 {
        size: std::mem::size_of::<jf_connector_1>() as u32,
        flags: 0,
        open: Some(open::<P>),
        send: Some(send::<P>),
        cancel: Some(cancel::<P>),
        close: Some(close::<P>),
        usage: Some(usage::<P>),
    };
    const REFERENCE: &'static jf_connector_1 = &ConnectorTable::<P>::TABLE;
}

/// The facet, for the macro.
#[doc(hidden)]
pub fn connector<P: Connector>() -> Facet {
    Facet {
        id: JF_CONNECTOR_1,
        table: (ConnectorTable::<P>::REFERENCE as *const jf_connector_1).cast(),
        state: || Box::new(Slab::<P::Channel>::new()),
    }
}

unsafe extern "C" fn open<P: Connector>(
    own: *mut jf_self,
    channel: jf_ref,
    name: jf_view,
    config: jf_view,
    handle: *mut jf_ref,
    why: *mut jf_fault,
) -> i32 {
    let opened = Instance::<P>::slot(own, |lane, instance, plugin| {
        let (name, config) = named(name, config)?;
        let channel = plugin.open(lane, ChannelId(channel), Server { name: &name, config: &config })?;
        Ok(instance.state::<Slab<P::Channel>>()?.insert(channel))
    });
    match opened {
        Ok(opened) => {
            *handle = opened;
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn send<P: Connector>(
    own: *mut jf_self,
    handle: jf_ref,
    message: *const jf_message,
    why: *mut jf_fault,
) -> i32 {
    let sent = Instance::<P>::slot(own, |lane, instance, plugin| {
        let channel = instance.state::<Slab<P::Channel>>()?.get(handle)?;
        plugin.send(lane, &channel, &Message::new(message))
    });
    match sent {
        Ok(()) => JF_OK,
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn cancel<P: Connector>(own: *mut jf_self, handle: jf_ref, exchange: jf_ref) {
    let canceled = Instance::<P>::slot(own, |lane, instance, plugin| {
        if let Ok(channel) = instance.state::<Slab<P::Channel>>()?.get(handle) {
            plugin.cancel(lane, &channel, ExchangeId(exchange));
        }
        Ok(())
    });
    Instance::<P>::behind(own).tell("cancel", canceled);
}

unsafe extern "C" fn close<P: Connector>(own: *mut jf_self, handle: jf_ref, deadline_ns: u64) {
    let closed = Instance::<P>::slot(own, |lane, instance, plugin| {
        if let Some(channel) = instance.state::<Slab<P::Channel>>()?.remove(handle) {
            plugin.close(lane, &channel, deadline_ns);
        }
        Ok(())
    });
    Instance::<P>::behind(own).tell("close", closed);
}

unsafe extern "C" fn usage<P: Connector>(own: *mut jf_self, handle: jf_ref, out: *mut jf_usage) -> i32 {
    let told = Instance::<P>::slot(own, |lane, instance, plugin| {
        let channel = instance.state::<Slab<P::Channel>>()?.get(handle)?;
        plugin.usage(lane, &channel)
    });
    match told {
        Ok(Some(told)) => {
            // Both are growable: a host may know less of it than we do.
            let size = (*out).size.min(std::mem::size_of::<jf_usage>() as u32);
            let whole = jf_usage {
                size,
                flags: 0,
                measured_ns: told.measured_ns,
                memory: told.memory,
                cpu_ns: told.cpu_ns,
                since_ns: told.since_ns,
                processes: told.processes,
                threads: told.threads,
                descriptors: told.descriptors,
                spares: told.spares,
                started: told.started,
                failures: told.failures,
                replaced: told.replaced,
                waiting: told.waiting,
            };
            std::ptr::copy_nonoverlapping((&raw const whole).cast::<u8>(), out.cast::<u8>(), size as usize);
            JF_OK
        }
        Ok(None) => JF_ABSENT,
        Err(error) => error.status().code(),
    }
}
