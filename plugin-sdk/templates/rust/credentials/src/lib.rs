// SPDX-License-Identifier: Apache-2.0
//! A source of credentials: one header field, whose value comes from an environment variable.
#![forbid(unsafe_code)]

use jackfield::credentials::{Ask, CredentialSource, Supply};
use jackfield::guard::Configured;
use jackfield::json::Value;
use jackfield::{Answer, Error, Lane, Plugin, Status};

/// One instance: every event loop has its own, so that nothing needs a lock.
pub struct HeaderSource;

/// One server.
pub struct Field {
    name: String,
    value: String,
}

impl Plugin for HeaderSource {
    fn create(_lane: &Lane, _config: &Value) -> Result<HeaderSource, Error> {
        Ok(HeaderSource)
    }
}

impl CredentialSource for HeaderSource {
    type Server = Field;

    fn attach(&self, _lane: &Lane, server: Configured<'_>) -> Result<Field, Error> {
        let text = |name: &str, usual| server.config[name].as_str().unwrap_or(usual);
        let variable = text("variable", "");
        let secret = std::env::var(variable).ok().filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| {
            Error::invalid(format!("the environment variable {variable} is not set, or empty"))
        })?;
        // RFC 9110 section 5.5
        if secret.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err(Error::invalid(format!("{variable} has a character that no header may have")));
        }
        let value = text("prefix", "Bearer ").to_owned() + &secret;
        Ok(Field { name: text("header", "authorization").to_owned(), value })
    }

    /// The same for everybody and every endpoint of the server: nothing is asked, the host may keep it.
    fn supply(&self, _lane: &Lane, field: &mut Field, demand: &mut Ask<'_>) -> Result<Answer<Supply>, Error> {
        if demand.is_refused() {
            let text = "the server refuses the credentials: is the variable right?";
            return Err(Error::new(Status::Denied, text));
        }
        Ok(Supply::header(&*field.name, &*field.value).into())
    }
}

jackfield::plugin! {
    plugin: HeaderSource,
    facets: [credentials],
    manifest: include_str!("../manifest.json"),
}
