// SPDX-License-Identifier: Apache-2.0
//! SDK for plugins of the Jackfield MCP gateway: safe Rust over the C ABI, without dependencies.
//!
//! A plugin is a struct that implements [`Plugin`] and the trait of each facet that it has, and one call of
//! [`plugin!`]:
//!
//! ```
//! use jackfield::json::Value;
//! use jackfield::toolset::{Field, Server, Tool, ToolCall, ToolResult, Toolset};
//! use jackfield::{Answer, Error, Lane, Plugin};
//!
//! struct Greeter;
//!
//! impl Plugin for Greeter {
//!     fn create(_lane: &Lane, _config: &Value) -> Result<Self, Error> {
//!         Ok(Greeter)
//!     }
//! }
//!
//! impl Toolset for Greeter {
//!     type Server = ();
//!
//!     fn open(&self, _lane: &Lane, _server: Server<'_>) -> Result<(), Error> {
//!         Ok(())
//!     }
//!
//!     fn tools(&self, _server: &()) -> Vec<Tool> {
//!         vec![Tool::new("greet", "Greets somebody.").input(&[Field::text("name", "Whom to greet.")])]
//!     }
//!
//!     fn call(&self, _: &Lane, _: &(), call: &mut ToolCall<'_>) -> Result<Answer<ToolResult>, Error> {
//!         match call.name() {
//!             "greet" => Ok(ToolResult::text(format!("Hello, {}!", call.arguments().text("name")?)).into()),
//!             _ => Err(call.unknown()),
//!         }
//!     }
//! }
//!
//! jackfield::plugin! {
//!     plugin: Greeter,
//!     facets: [toolset],
//!     manifest: r#"{
//!         "id": "com.example.greeter", "version": "1.0.0", "abi": "1.0", "summary": "Greets people.",
//!         "facets": ["jf.toolset/1"], "threads": "per-loop"
//!     }"#,
//! }
//! # fn main() {}
//! ```
//!
//! - **Threads.** What may only happen on the instance's event loop needs a [`Lane`], which never leaves it;
//!   everything else is on [`Host`], for every thread.
//! - **Later.** A request that takes time becomes a [`Pending`]: an owned value, answered exactly once, from
//!   anywhere.
//! - **Panics** end at the border and become an error of the one call that panicked.
//! - **Stop.** When the gateway stops the plugin, timers, watches, calls and open requests end by themselves,
//!   and what still holds a [`Host`] can do no harm.
//!
//! The C ABI itself is in [`sys`]; the mock host for tests in `testing`, with the feature of that name.

#![warn(missing_docs)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")))]
compile_error!("the Jackfield plugin ABI is for 64-bit little-endian Linux");

pub mod auth;
mod clock;
pub mod credentials;
mod error;
mod ffi;
pub mod filter;
pub mod guard;
pub mod host;
pub mod json;
mod manifest;
mod panic;
mod plugin;
pub mod policy;
pub mod routing;
mod slab;
pub mod store;
pub mod sys;
#[cfg(feature = "testing")]
pub mod testing;
pub mod toolset;
pub mod transport;

pub use error::{Error, Status};
pub use host::{Answer, Host, Lane, Level, Pending, Timer};
pub use manifest::MANIFEST_LIMIT;
pub use plugin::{with_plugin, Plugin, RawTable};

/// What the macro [`plugin!`] needs; not for authors.
#[doc(hidden)]
pub mod internal {
    pub use crate::auth::facet as auth;
    pub use crate::credentials::facet as credentials;
    pub use crate::filter::facet as filter;
    pub use crate::manifest::{check, Note};
    pub use crate::plugin::{entry, Facet, Registered};
    pub use crate::policy::facet as policy;
    pub use crate::routing::facet as routing;
    pub use crate::store::facet as store;
    pub use crate::toolset::facet as toolset;
    pub use crate::transport::{connector, listener};
}
