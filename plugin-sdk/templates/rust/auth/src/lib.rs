// SPDX-License-Identifier: Apache-2.0
//! A provider of identities: a list of people, each with a secret that the client shows as a bearer token.
#![forbid(unsafe_code)]

use jackfield::auth::{denied, same_secret, AuthProvider, Identification, Identify, Identity};
use jackfield::guard::Configured;
use jackfield::json::Value;
use jackfield::{Answer, Error, Lane, Plugin};

/// One instance: every event loop has its own, so that nothing needs a lock.
pub struct Members;

/// Somebody of the list.
pub struct Person {
    token: String,
    identity: Identity,
}

impl Plugin for Members {
    fn create(_lane: &Lane, _config: &Value) -> Result<Members, Error> {
        Ok(Members)
    }
}

impl AuthProvider for Members {
    /// One configured provider.
    type Provider = Vec<Person>;

    fn attach(&self, _lane: &Lane, provider: Configured<'_>) -> Result<Vec<Person>, Error> {
        provider.config["people"].as_array().unwrap_or(&[]).iter().map(person).collect()
    }

    /// What asks somebody else takes `request.later()`, and answers from a timer, a callback or a thread.
    fn identify(
        &self,
        _lane: &Lane,
        people: &mut Vec<Person>,
        request: &mut Identify<'_>,
    ) -> Result<Answer<Identification>, Error> {
        let token = match request.bearer()? {
            Some(token) => token.as_bytes(),
            // The next provider is asked.
            None => return Ok(Identification::absent().into()),
        };
        // All of them: the time says nothing about who is in it.
        let found = people.iter().filter(|one| same_secret(token, one.token.as_bytes())).last();
        found.map(|one| one.identity.clone().into()).ok_or_else(|| denied("nobody has this token"))
    }
}

fn person(entry: &Value) -> Result<Person, Error> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let (subject, token) = (text("subject"), text("token"));
    if token.len() < 16 {
        return Err(Error::invalid(format!("the token of {subject} is shorter than 16 bytes")));
    }
    let roles = entry["roles"].as_array().unwrap_or(&[]).iter().filter_map(Value::as_str).map(str::to_owned);
    Ok(Person { token, identity: Identity { roles: roles.collect(), ..Identity::new(subject) } })
}

jackfield::plugin! {
    plugin: Members,
    facets: [auth],
    manifest: include_str!("../manifest.json"),
}
