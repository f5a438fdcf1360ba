// SPDX-License-Identifier: Apache-2.0
// The tables of the host's services, looked up once per instance.

use crate::json::Value;
use crate::sys::*;
use crate::Error;
use std::ffi::CString;

macro_rules! services {
    ($($field:ident: $table:ty = $id:ident,)*) => {
        /// Tables of the services that the manifest names and the host has.
        pub(crate) struct Services {
            $(pub(crate) $field: Option<$table>,)*
        }

        impl Services {
            fn none() -> Services {
                Services { $($field: None,)* }
            }

            /// # Safety
            ///
            /// `table` is what the host answered for `id`.
            unsafe fn put(&mut self, id: &[u8], table: *const std::os::raw::c_void) {
                match id {
                    $($id => self.$field = attach(table),)*
                    _ => {}
                }
            }
        }
    };
}

services! {
    event_loop: jf_loop_1 = JF_LOOP_1,
    log: jf_log_1 = JF_LOG_1,
    clock: jf_clock_1 = JF_CLOCK_1,
    memory: jf_memory_1 = JF_MEMORY_1,
    ops: jf_ops_1 = JF_OPS_1,
    config: jf_config_1 = JF_CONFIG_1,
    calls: jf_calls_1 = JF_CALLS_1,
    toolsets: jf_toolsets_1 = JF_TOOLSETS_1,
    inbound: jf_inbound_1 = JF_INBOUND_1,
    channels: jf_channels_1 = JF_CHANNELS_1,
    http: jf_http_1 = JF_HTTP_1,
    seal: jf_seal_1 = JF_SEAL_1,
    identity: jf_identity_1 = JF_IDENTITY_1,
    policies: jf_policies_1 = JF_POLICIES_1,
    connected: jf_connected_1 = JF_CONNECTED_1,
    watches: jf_watches_1 = JF_WATCHES_1,
    state: jf_state_1 = JF_STATE_1,
}

impl Services {
    /// Looks up what the manifest names, and nothing else.
    ///
    /// # Safety
    ///
    /// `offer` is the host's, inside `create`.
    pub(crate) unsafe fn look_up(offer: &jf_offer, manifest: &Value) -> Result<Services, Error> {
        let mut services = Services::none();
        let look_up = offer.service.ok_or_else(|| Error::unsupported("the host looks no services up"))?;
        for (list, is_required) in [("requires", true), ("optional", false)] {
            for id in manifest[list].as_array().unwrap_or(&[]).iter().filter_map(Value::as_str) {
                let name =
                    CString::new(id).map_err(|_| Error::fault("the manifest names a service with a NUL"))?;
                let table = look_up(offer.host, name.as_ptr());
                if table.is_null() && is_required {
                    return Err(Error::unsupported(format!(
                        "it needs the service {id}, which the host does not offer"
                    )));
                }
                services.put(name.as_bytes_with_nul(), table);
            }
        }
        Ok(services)
    }
}

/// A slot of a service, or an error that says what to do.
macro_rules! slot {
    ($services:expr, $service:ident, $slot:ident, $id:literal) => {
        match $services.$service {
            Some(table) => match table.$slot {
                Some(slot) => Ok((table.context, slot)),
                None => Err(crate::Error::unsupported(concat!(
                    "this host's ",
                    $id,
                    " has no ",
                    stringify!($slot)
                ))),
            },
            None => Err(crate::Error::unsupported(concat!(
                "the service ",
                $id,
                " is not there: name it in the manifest's `requires`"
            ))),
        }
    };
}
pub(crate) use slot;
