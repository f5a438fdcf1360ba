// SPDX-License-Identifier: Apache-2.0
// The life of an instance: the slots of jf_plugin, and what stands behind `jf_self *`.

use crate::ffi::{json, text};
use crate::host::{Core, Services};
use crate::json::Value;
use crate::panic::{caught, install_hook};
use crate::sys::*;
use crate::{Error, Host, Lane};
use std::any::Any;
use std::cell::RefCell;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};

/// A plugin: one instance of it, made by the gateway (on every event loop where the manifest says
/// `per-loop`).
///
/// All methods run on the instance's lane and must not block. State that changes lives in `Cell` and
/// `RefCell`, or, where timers and threads share it, in `Arc<Mutex<..>>`.
pub trait Plugin: Sized + Send + 'static {
    /// Makes the instance. `config` is the plugin's configuration, valid against the manifest's schema,
    /// defaults filled in.
    fn create(lane: &Lane, config: &Value) -> Result<Self, Error>;

    /// Begins work.
    fn start(&self, _lane: &Lane) -> Result<(), Error> {
        Ok(())
    }

    /// Asks for no new work and a quiet end by `deadline_ns` (see [`Host::until`]).
    fn drain(&self, _lane: &Lane, _deadline_ns: u64) {}

    /// Ends all work. Threads of the plugin's own are told to end here, or when the plugin is dropped right
    /// after. Timers, watches, calls and open requests end by themselves.
    fn stop(&self, _lane: &Lane) {}

    /// The table of a facet or an offered service that this crate does not know, by id.
    fn raw_table(&self, _id: &str) -> Option<RawTable> {
        None
    }
}

/// A C table written by hand, for [`Plugin::raw_table`].
#[derive(Clone, Copy, Debug)]
pub struct RawTable(*const c_void);

impl RawTable {
    /// A table that the host may call.
    ///
    /// # Safety
    ///
    /// `table` is what the id's header says, lives until `destroy` returns, and its slots keep the header's
    /// rules: above all nothing unwinds out of them. [`with_plugin`] is the way from `jf_self *` to the
    /// plugin.
    pub const unsafe fn new(table: *const c_void) -> RawTable {
        RawTable(table)
    }
}

/// Inside a slot of a [`RawTable`]: runs `body` with the plugin, on the lane, and catches its panics.
///
/// # Safety
///
/// `own` is what the host passed to a slot marked \[lane\] or \[control\] of an instance of `P`.
pub unsafe fn with_plugin<P: Plugin, R>(
    own: *mut jf_self,
    body: impl FnOnce(&Lane, &P) -> Result<R, Error>,
) -> Result<R, Error> {
    Instance::<P>::slot(own, |lane, _, plugin| body(lane, plugin))
}

/// One facet of a plugin, as [`plugin!`](crate::plugin) registers it.
#[doc(hidden)]
pub struct Facet {
    pub(crate) id: &'static [u8],
    pub(crate) table: *const c_void,
    pub(crate) state: fn() -> Box<dyn FacetState>,
}

/// What one instance keeps for one facet: the values that the author's `open` and its like gave.
pub(crate) trait FacetState: Send {
    fn as_any(&self) -> &dyn Any;
    /// Drops the author's values.
    fn clear(&self);
}

// SAFETY: the table is static and never written.
unsafe impl Sync for Facet {}

/// What [`plugin!`](crate::plugin) says of a plugin.
#[doc(hidden)]
pub trait Registered: Plugin {
    /// The manifest's JSON.
    const MANIFEST: &'static str;
    /// The facets.
    fn facets() -> Vec<Facet>;
}

pub(crate) struct Instance<P> {
    pub(crate) host: Host,
    /// Empty before `create` is through and after `stop`.
    plugin: RefCell<Option<P>>,
    facets: Vec<(Facet, Box<dyn FacetState>)>,
}

impl<P: Plugin> Instance<P> {
    /// # Safety
    ///
    /// `own` is what `create` gave to the host, before `destroy`.
    pub(crate) unsafe fn behind<'a>(own: *mut jf_self) -> &'a Instance<P> {
        &*own.cast::<Instance<P>>()
    }

    /// Runs a [lane] or [control] slot.
    ///
    /// # Safety
    ///
    /// As for `behind`.
    pub(crate) unsafe fn slot<R>(
        own: *mut jf_self,
        body: impl FnOnce(&Lane, &Instance<P>, &P) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let instance = Instance::<P>::behind(own);
        caught(|| {
            Core::enter(&instance.host, |lane| {
                let plugin =
                    instance.plugin.try_borrow().map_err(|_| Error::gone("the plugin is being stopped"))?;
                let plugin = plugin.as_ref().ok_or_else(|| Error::gone("the plugin was stopped"))?;
                body(lane, instance, plugin)
            })
        })
    }

    /// The state of a facet that `Registered` names.
    pub(crate) fn state<T: 'static>(&self) -> Result<&T, Error> {
        self.facets
            .iter()
            .find_map(|(_, state)| state.as_any().downcast_ref())
            .ok_or_else(|| Error::unsupported("the plugin does not register this facet"))
    }

    /// Lets go of everything of the author's. On the lane; may be called again.
    fn end(&self, lane: &Lane) {
        let taken = caught(|| {
            if let Ok(plugin) = self.plugin.try_borrow() {
                if let Some(plugin) = plugin.as_ref() {
                    plugin.stop(lane);
                }
            }
            Ok(())
        });
        self.tell("stop", taken);
        let dropped = caught(|| {
            // Before the author's values go, and the requests with them: "stopped" is the better reason.
            lane.core.fail_open_ops();
            for (_, state) in &self.facets {
                state.clear();
            }
            let plugin = self.plugin.try_borrow_mut().ok().and_then(|mut plugin| plugin.take());
            drop(plugin);
            Ok(())
        });
        self.tell("the plugin's end", dropped);
        self.tell(
            "the end of what was under way",
            caught(|| {
                lane.core.shut();
                Ok(())
            }),
        );
    }

    pub(crate) fn tell(&self, what: &str, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            self.host.log(crate::Level::Error, &format!("{what} failed: {error}"));
        }
    }
}

/// The slots of jf_plugin for `P`.
struct Entry<P>(PhantomData<P>);

impl<P: Registered> Entry<P> {
    const TABLE: jf_plugin = jf_plugin {
        size: std::mem::size_of::<jf_plugin>() as u32,
        minor: JF_ABI_MINOR,
        create: Some(create::<P>),
        destroy: Some(destroy::<P>),
        facet: Some(facet::<P>),
        start: Some(start::<P>),
        drain: Some(drain::<P>),
        stop: Some(stop::<P>),
    };
    const REFERENCE: &'static jf_plugin = &Entry::<P>::TABLE;
}

/// The body of `jf_entry_1`.
///
/// # Safety
///
/// The host's arguments.
#[doc(hidden)]
pub unsafe fn entry<P: Registered>(offer: *const jf_offer, why: *mut jf_fault) -> *const jf_plugin {
    let offered = attach::<jf_offer>(offer.cast()).map_or(0, |offer| u32::from(offer.major));
    if offered != JF_ABI_MAJOR {
        Error::unsupported(format!("it was built for ABI {JF_ABI_MAJOR}; the host offers {offered}"))
            .write(why);
        return std::ptr::null();
    }
    Entry::<P>::REFERENCE
}

unsafe extern "C" fn create<P: Registered>(
    offer: *const jf_offer,
    config: jf_view,
    out: *mut *mut jf_self,
    why: *mut jf_fault,
) -> i32 {
    install_hook();
    let made = caught(|| {
        let offer =
            attach::<jf_offer>(offer.cast()).ok_or_else(|| Error::fault("the host offers nothing"))?;
        let manifest = Value::parse(P::MANIFEST)
            .map_err(|error| Error::fault(format!("the plugin's manifest: {error}")))?;
        let services = Services::look_up(&offer, &manifest)?;
        let core = Core::new(&offer, services)?;
        let facets = P::facets().into_iter().map(|facet| {
            let state = (facet.state)();
            (facet, state)
        });
        let instance =
            Instance::<P> { host: Host::new(core), plugin: RefCell::new(None), facets: facets.collect() };
        let config = json(config, "the plugin's configuration")?;
        Core::enter(&instance.host, |lane| {
            match caught(|| P::create(lane, &config)) {
                Ok(plugin) => *instance.plugin.borrow_mut() = Some(plugin),
                Err(error) => {
                    // Nothing may be left behind.
                    instance.end(lane);
                    return Err(error);
                }
            }
            Ok(())
        })?;
        Ok(Box::new(instance))
    });
    match made {
        Ok(instance) => {
            *out = Box::into_raw(instance).cast();
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn destroy<P: Registered>(own: *mut jf_self) {
    // Where `start` failed nobody called `stop`.
    stop::<P>(own);
    let _ = caught(|| {
        drop(Box::from_raw(own.cast::<Instance<P>>()));
        Ok(())
    });
}

unsafe extern "C" fn facet<P: Registered>(own: *mut jf_self, id: *const c_char) -> *const c_void {
    if id.is_null() {
        return std::ptr::null();
    }
    let id = CStr::from_ptr(id);
    let instance = Instance::<P>::behind(own);
    if let Some((facet, _)) = instance.facets.iter().find(|(facet, _)| facet.id == id.to_bytes_with_nul()) {
        return facet.table;
    }
    let raw = Instance::<P>::slot(own, |_, _, plugin| Ok(plugin.raw_table(id.to_str()?)));
    raw.ok().flatten().map_or(std::ptr::null(), |table| table.0)
}

unsafe extern "C" fn start<P: Registered>(own: *mut jf_self, why: *mut jf_fault) -> i32 {
    match Instance::<P>::slot(own, |lane, _, plugin| plugin.start(lane)) {
        Ok(()) => JF_OK,
        Err(error) => error.write(why),
    }
}

unsafe extern "C" fn drain<P: Registered>(own: *mut jf_self, deadline_ns: u64) {
    let drained = Instance::<P>::slot(own, |lane, _, plugin| {
        plugin.drain(lane, deadline_ns);
        Ok(())
    });
    Instance::<P>::behind(own).tell("drain", drained);
}

unsafe extern "C" fn stop<P: Registered>(own: *mut jf_self) {
    let instance = Instance::<P>::behind(own);
    if instance.host.core.is_stopped() {
        return;
    }
    let stopped = Core::enter(&instance.host, |lane| {
        instance.end(lane);
        Ok(())
    });
    instance.tell("stop", stopped);
}

/// The name and JSON of a configured server, for `open` and `attach` of the facets.
pub(crate) unsafe fn named(name: jf_view, config: jf_view) -> Result<(String, Value), Error> {
    let name = text(name).unwrap_or_default().to_owned();
    let config = json(config, "the server's configuration")?;
    Ok((name, config))
}
