// SPDX-License-Identifier: Apache-2.0
//! Facet `jf.routing/1`: picks one of a server's eligible endpoints. The manifest's `threads` is `per-loop`.

mod call;
mod slots;

pub use call::{Endpoint, Endpoints, Outcome, Pick};
#[doc(hidden)]
pub use slots::facet;

use crate::json::Value;
use crate::{Error, Lane, Plugin};

/// A server whose calls the plugin routes from now on, on this loop.
#[derive(Debug)]
pub struct Server<'a> {
    /// Its name in the gateway's configuration.
    pub name: &'a str,
    /// Its `routing` options, valid against `routing.config` of the manifest.
    pub config: &'a Value,
}

/// A plugin that is a routing strategy. All methods run on the lane; [`pick`](Routing::pick) should stay
/// under a microsecond. The gateway calls none of them from inside another one of the same server.
pub trait Routing: Plugin {
    /// What the plugin keeps for one server.
    type Server: Send + 'static;

    /// Whether [`export_state`](Routing::export_state) and [`import_state`](Routing::import_state) are
    /// written.
    const HAS_STATE: bool = false;

    /// Begins to serve one server's endpoints.
    fn attach(&self, lane: &Lane, server: Server<'_>) -> Result<Self::Server, Error>;

    /// Ends that; the value is dropped afterwards.
    fn detach(&self, _lane: &Lane, _server: &mut Self::Server) {}

    /// Chooses: the index of one of the `eligible` endpoints, at least one, in configured order; `None`
    /// refuses them all.
    fn pick(
        &self,
        lane: &Lane,
        server: &mut Self::Server,
        call: &Pick<'_>,
        eligible: Endpoints<'_>,
    ) -> Result<Option<usize>, Error>;

    /// Tells how a picked call ended.
    fn observe(&self, _lane: &Lane, _server: &mut Self::Server, _outcome: &Outcome) {}

    /// What was learnt, for a newer generation of the plugin: bytes of its own, versioned.
    fn export_state(&self, _server: &mut Self::Server) -> Result<Vec<u8>, Error> {
        Err(Error::unsupported("it has no state to hand over"))
    }

    /// Takes what an older generation exported. On an error nothing may have changed.
    fn import_state(&self, _server: &mut Self::Server, _state: &[u8]) -> Result<(), Error> {
        Err(Error::unsupported("it takes no state over"))
    }
}

#[cfg(test)]
mod tests;
