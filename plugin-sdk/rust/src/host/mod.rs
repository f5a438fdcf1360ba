// SPDX-License-Identifier: Apache-2.0
//! What the gateway offers: [`Host`] on every thread, [`Lane`] on the instance's own.
//!
//! A service is there when the manifest names it in `requires` or `optional` and the gateway has it. Calls
//! that need one that is not there fail with [`Status::Unsupported`](crate::Status) and say which one to
//! name.

mod calls;
mod core;
mod event_loop;
mod handle;
mod http;
mod lane;
mod memory;
mod ops;
mod question;
mod services;
mod state;
mod watch;

pub use self::calls::{Call, CallError, OpenCall};
pub use self::event_loop::Timer;
pub use self::handle::{Host, Level};
pub use self::http::{Mount, OpenRequest, Request, Response, ServedRequest};
pub use self::lane::Lane;
pub use self::memory::{Buffer, HostMemory};
#[doc(hidden)]
pub use self::ops::Encoded;
pub use self::ops::{Answer, CancelHook, Outcome, Pending};
pub use self::question::Question;
pub use self::state::{OpenState, State, StateWatch};
pub use self::watch::{Events, Watch};
pub use crate::ffi::Blob;

pub(crate) use self::core::Core;
pub(crate) use self::ops::{cancel, sealed, settle, Op, Settled};
pub(crate) use self::question::{ask, take};
pub(crate) use self::services::{slot, Services};
