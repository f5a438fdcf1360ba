// SPDX-License-Identifier: Apache-2.0
//! A filter: the end of one argument of a call stays, the rest becomes stars.
#![forbid(unsafe_code)]

use jackfield::filter::{Filter, Pass, Verdict};
use jackfield::guard::Configured;
use jackfield::json::Value;
use jackfield::{Answer, Error, Lane, Plugin};

/// One instance: every event loop has its own, so that nothing needs a lock.
pub struct Masks;

/// One configured filter.
pub struct Mask {
    /// A JSON Pointer to the argument.
    argument: String,
    keep: usize,
}

impl Plugin for Masks {
    fn create(_lane: &Lane, _config: &Value) -> Result<Masks, Error> {
        Ok(Masks)
    }
}

impl Filter for Masks {
    type Sieve = Mask;
    /// It never answers later: the gateway need not copy what it shows.
    const AT_ONCE: bool = true;

    fn attach(&self, _lane: &Lane, filter: Configured<'_>) -> Result<Mask, Error> {
        let name = filter.config["argument"].as_str().unwrap_or_default();
        let argument = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        Ok(Mask { argument, keep: filter.config["keep"].as_u64().unwrap_or(4) as usize })
    }

    fn request(
        &self,
        _lane: &Lane,
        mask: &mut Mask,
        passage: &mut Pass<'_>,
    ) -> Result<Answer<Verdict>, Error> {
        let part = passage.argument(&mask.argument);
        let verdict = match part.as_ref().and_then(|part| Some((part, part.value.as_str()?))) {
            Some((part, text)) => Verdict::pass().replace(part, covered(text, mask.keep)),
            // It goes on as it is.
            None => Verdict::pass(),
        };
        Ok(verdict.into())
    }
}

/// Stars for all but the last characters.
fn covered(text: &str, keep: usize) -> String {
    let stars = text.chars().count().saturating_sub(keep);
    "*".repeat(stars) + &text.chars().skip(stars).collect::<String>()
}

jackfield::plugin! {
    plugin: Masks,
    facets: [filter],
    manifest: include_str!("../manifest.json"),
}
