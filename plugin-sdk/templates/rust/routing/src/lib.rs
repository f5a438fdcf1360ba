// SPDX-License-Identifier: Apache-2.0
//! A routing strategy: the first replica that works gets the calls; one that fails is passed over for a while.
#![forbid(unsafe_code)]

use jackfield::json::Value;
use jackfield::routing::{Endpoints, Outcome, Pick, Routing, Server};
use jackfield::{Error, Lane, Plugin};
use std::collections::HashMap;

/// One instance: every event loop has its own, so that nothing needs a lock.
pub struct Failover;

/// One server that uses the strategy.
pub struct Route {
    skip: u64,
    /// Calls that still pass an endpoint over.
    pauses: HashMap<u64, u64>,
}

impl Plugin for Failover {
    fn create(_lane: &Lane, _config: &Value) -> Result<Failover, Error> {
        Ok(Failover)
    }
}

impl Routing for Failover {
    type Server = Route;

    fn attach(&self, _lane: &Lane, server: Server<'_>) -> Result<Route, Error> {
        Ok(Route { skip: server.config["skip"].as_u64().unwrap_or(20), pauses: HashMap::new() })
    }

    /// On the path of every call: without failures, the usual case, there is nothing to look up.
    fn pick(
        &self,
        _lane: &Lane,
        route: &mut Route,
        _call: &Pick<'_>,
        eligible: Endpoints<'_>,
    ) -> Result<Option<usize>, Error> {
        if route.pauses.is_empty() {
            return Ok(Some(0));
        }
        for index in 0..eligible.len() {
            let endpoint = eligible.get(index).id;
            match route.pauses.get_mut(&endpoint) {
                None => return Ok(Some(index)),
                Some(left) if *left > 1 => *left -= 1,
                // The next call tries it again.
                Some(_) => drop(route.pauses.remove(&endpoint)),
            }
        }
        // All of them pause: no reason to prefer another.
        Ok(Some(0))
    }

    fn observe(&self, _lane: &Lane, route: &mut Route, outcome: &Outcome) {
        if outcome.failure.is_none() {
            route.pauses.remove(&outcome.endpoint);
        } else {
            route.pauses.insert(outcome.endpoint, route.skip);
        }
    }
}

jackfield::plugin! {
    plugin: Failover,
    facets: [routing],
    manifest: include_str!("../manifest.json"),
}
