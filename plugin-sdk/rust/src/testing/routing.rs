// SPDX-License-Identifier: Apache-2.0
// Driving a routing strategy.

use super::{Mock, Refused};
use crate::ffi::{bytes, view, Blob, ABSENT};
use crate::sys::*;
use std::time::Duration;

impl Mock {
    fn routing(&self) -> jf_routing_1 {
        // SAFETY: the plugin's table, null or as long as it says.
        unsafe { attach(self.facet("jf.routing/1")) }.expect("the plugin has the facet jf.routing/1")
    }

    /// Begins to serve one server: its handle.
    pub fn attach_server(&mut self, name: &str, config: &str) -> Result<u64, Refused> {
        let attach = self.routing().attach.expect("a strategy attaches");
        let mut handle = 0;
        // SAFETY: the mock's thread is the lane; so in all methods below.
        fault(|why| unsafe {
            attach(self.instance(), view(name.as_bytes()), view(config.as_bytes()), &mut handle, why)
        })
        .map(|_| handle)
    }

    /// Ends that.
    pub fn detach_server(&mut self, handle: u64) {
        let detach = self.routing().detach.expect("a strategy detaches");
        unsafe { detach(self.instance(), handle) }
    }

    /// Offers endpoints of these ids for a call of `name`: the index of the chosen one, `None` where all are
    /// refused.
    pub fn pick(&mut self, handle: u64, name: &str, endpoints: &[u64]) -> Result<Option<usize>, Refused> {
        let pick = self.routing().pick.expect("a strategy picks");
        let endpoints: Vec<jf_endpoint> = endpoints
            .iter()
            .map(|id| jf_endpoint {
                size: std::mem::size_of::<jf_endpoint>() as u32,
                flags: 0,
                id: *id,
                weight: 1,
                in_flight: 0,
                latency_ns: 0,
                name: view(b"endpoint"),
                ready: 1000,
                ..jf_endpoint::zeroed()
            })
            .collect();
        let pointers: Vec<*const jf_endpoint> =
            endpoints.iter().map(|endpoint| endpoint as *const _).collect();
        let call = jf_pick {
            size: std::mem::size_of::<jf_pick>() as u32,
            attempt: 0,
            deadline_ns: 0,
            method: view(b"tools/call"),
            name: view(name.as_bytes()),
            params: view(b"{}"),
            principal: ABSENT,
            session: ABSENT,
            total: pointers.len() as u32,
            all: pointers.as_ptr(),
            ..jf_pick::zeroed()
        };
        let mut chosen = u32::MAX;
        let count = pointers.len() as u64;
        let status = fault(|why| unsafe {
            pick(self.instance(), handle, &call, pointers.as_ptr(), count, &mut chosen, why)
        })?;
        Ok((status == JF_OK).then_some(chosen as usize))
    }

    /// Tells how a call on the endpoint of this id ended: 0, or the ABI's number of what ended it.
    pub fn observe(&mut self, handle: u64, endpoint: u64, status: i32, latency: Duration) {
        let size = std::mem::size_of::<jf_outcome>() as u32;
        let latency_ns = latency.as_nanos() as u64;
        let outcome = jf_outcome { size, status, endpoint, latency_ns, ..jf_outcome::zeroed() };
        if let Some(observe) = self.routing().observe {
            unsafe { observe(self.instance(), handle, &outcome) }
        }
    }

    /// What was learnt.
    pub fn export_state(&mut self, handle: u64) -> Result<Vec<u8>, Refused> {
        let export = self.routing().export_state.expect("the strategy exports its state");
        let mut out = crate::ffi::no_blob();
        fault(|why| unsafe { export(self.instance(), handle, &mut out, why) })?;
        // SAFETY: given to us.
        Ok(unsafe { Blob::take(out) }.to_vec())
    }

    /// Hands over what an older generation learnt.
    pub fn import_state(&mut self, handle: u64, state: &[u8]) -> Result<(), Refused> {
        let import = self.routing().import_state.expect("the strategy imports its state");
        fault(|why| unsafe { import(self.instance(), handle, view(state), why) }).map(drop)
    }
}

/// Calls a slot with a fault; statuses below 0 are errors.
pub(super) fn fault(call: impl FnOnce(*mut jf_fault) -> i32) -> Result<i32, Refused> {
    let mut why = crate::error::empty_fault();
    let status = call(&mut why);
    if status >= 0 {
        return Ok(status);
    }
    let text = jf_view { ptr: why.text.as_ptr(), len: u64::from(why.text_len) };
    // SAFETY: within the fault's text.
    let text = unsafe { bytes(text) }.unwrap_or_default();
    Err(Refused { status, text: String::from_utf8_lossy(text).into_owned() })
}
