// SPDX-License-Identifier: Apache-2.0
//! Offers the service jf.seal/1: text that clients keep for the gateway, and can neither read nor make. Here the
//! text stays in the gateway's memory, and the client gets a ticket for it. With a key of yours (in an HSM, a
//! cloud's key service) put encryption in the vault's place: then sealed text outlives the gateway.
#![deny(unsafe_code)]

mod service;
mod vault;

use jackfield::json::Value;
use jackfield::{Error, Lane, Plugin, RawTable};
use std::sync::Arc;
use vault::Vault;

/// One instance: the gateway makes one for each event loop.
pub struct Sealer {
    /// Its share: with the last instance the vault goes.
    _vault: Arc<Vault>,
}

impl Plugin for Sealer {
    fn create(_lane: &Lane, config: &Value) -> Result<Sealer, Error> {
        let most = config["most"].as_u64().unwrap_or(65536) as usize;
        Ok(Sealer { _vault: Vault::shared(most) })
    }

    /// The services that the manifest provides.
    fn raw_table(&self, id: &str) -> Option<RawTable> {
        (id == "jf.seal/1").then(service::table)
    }
}

jackfield::plugin! {
    plugin: Sealer,
    facets: [],
    manifest: include_str!("../manifest.json"),
}
