// SPDX-License-Identifier: Apache-2.0
//! A policy: tools are called in office hours only, but by those who are on call.
#![forbid(unsafe_code)]

use jackfield::guard::{Configured, Principal};
use jackfield::json::Value;
use jackfield::policy::{Class, Decide, Policy, PolicyHandle, Ruling};
use jackfield::{Answer, Error, Lane, Plugin};

/// One instance: every event loop has its own, so that nothing needs a lock.
pub struct OfficeHours;

/// One configured policy.
pub struct Hours {
    from: i64,
    to: i64,
    zone_minutes: i64,
    on_call: String,
}

impl Plugin for OfficeHours {
    fn create(_lane: &Lane, _config: &Value) -> Result<OfficeHours, Error> {
        Ok(OfficeHours)
    }
}

impl Policy for OfficeHours {
    type Rules = Hours;
    const CLASSIFIES: bool = true;

    /// The handle is for policies whose decisions change, to say so.
    fn attach(&self, _lane: &Lane, policy: Configured<'_>, _handle: PolicyHandle) -> Result<Hours, Error> {
        let number = |name: &str, usual| policy.config[name].as_i64().unwrap_or(usual);
        let (from, to, zone_minutes) = (number("from", 8), number("to", 18), number("zone_minutes", 0));
        // What the schema cannot say.
        if from >= to {
            return Err(Error::invalid(format!("from ({from}) must be before to ({to})")));
        }
        let on_call = policy.config["on_call"].as_str().unwrap_or("on-call").to_owned();
        Ok(Hours { from, to, zone_minutes, on_call })
    }

    fn decide(
        &self,
        _lane: &Lane,
        hours: &mut Hours,
        access: &mut Decide<'_>,
    ) -> Result<Answer<Ruling>, Error> {
        let ruling = if access.is_listing() {
            // Lists are the same at any hour.
            Ruling::allow()
        } else if access.principal().has_role(&hours.on_call) {
            Ruling::allow().rule("on_call")
        } else if hours.are_open(access.now_ms()) {
            Ruling::allow().rule("open")
        } else {
            let (from, to) = (hours.from, hours.to);
            let text = format!("Calls pass on weekdays from {from} to {to} h; try again then.");
            Ruling::deny().rule("closed").text(text)
        };
        Ok(ruling.into())
    }

    /// Lists hide nothing from anybody: all principals are of one class.
    fn classify(&self, _lane: &Lane, _hours: &mut Hours, _principal: Principal<'_>) -> Class {
        Class::named("all")
    }
}

impl Hours {
    /// Whether the office is open. 1970-01-01 was a Thursday: day 0 of Unix time is day 3 from Monday.
    fn are_open(&self, now_ms: u64) -> bool {
        let minutes = (now_ms / 60_000) as i64 + self.zone_minutes;
        (minutes / 1440 + 3) % 7 < 5 && (self.from..self.to).contains(&(minutes / 60 % 24))
    }
}

jackfield::plugin! {
    plugin: OfficeHours,
    facets: [policy],
    manifest: include_str!("../manifest.json"),
}
