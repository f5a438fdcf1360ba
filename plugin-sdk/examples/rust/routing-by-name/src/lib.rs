// SPDX-License-Identifier: Apache-2.0
//! A routing strategy: calls of one name go to one endpoint, unless that one fails again and again.
#![forbid(unsafe_code)]

mod strategy;

use jackfield::json::Value;
use jackfield::routing::{Endpoints, Outcome, Pick, Routing, Server};
use jackfield::{Error, Lane, Plugin};
use strategy::ByName;

/// One instance: the gateway makes one for each event loop.
pub struct Strategy;

impl Plugin for Strategy {
    fn create(_lane: &Lane, _config: &Value) -> Result<Strategy, Error> {
        Ok(Strategy)
    }
}

impl Routing for Strategy {
    type Server = ByName;

    const HAS_STATE: bool = true;

    fn attach(&self, _lane: &Lane, server: Server<'_>) -> Result<ByName, Error> {
        let seed = match server.config.get("seed") {
            None => Some(0),
            Some(seed) => seed.as_u64().and_then(|seed| u32::try_from(seed).ok()),
        };
        let seed =
            seed.ok_or_else(|| Error::invalid("by-name: seed must be an integer from 0 to 4294967295"))?;
        Ok(ByName::new(seed))
    }

    fn pick(
        &self,
        _lane: &Lane,
        server: &mut ByName,
        call: &Pick<'_>,
        eligible: Endpoints<'_>,
    ) -> Result<Option<usize>, Error> {
        Ok(Some(server.pick(call.name(), eligible.len(), |index| eligible.get(index).id)))
    }

    fn observe(&self, _lane: &Lane, server: &mut ByName, outcome: &Outcome) {
        server.observe(outcome.endpoint, outcome.failure.is_none());
    }

    fn export_state(&self, server: &mut ByName) -> Result<Vec<u8>, Error> {
        Ok(server.export().into_bytes())
    }

    fn import_state(&self, server: &mut ByName, state: &[u8]) -> Result<(), Error> {
        server
            .import(state)
            .ok_or_else(|| Error::invalid("by-name: the handed-over state is damaged; begin without it"))
    }
}

jackfield::plugin! {
    plugin: Strategy,
    facets: [routing],
    manifest: include_str!("../manifest.json"),
}
