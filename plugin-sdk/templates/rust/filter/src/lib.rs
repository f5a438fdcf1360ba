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
        let argument = filter.config["argument"].as_str().unwrap_or_default().to_owned();
        Ok(Mask { argument, keep: filter.config["keep"].as_u64().unwrap_or(4) as usize })
    }

    fn request(
        &self,
        _lane: &Lane,
        mask: &mut Mask,
        passage: &mut Pass<'_>,
    ) -> Result<Answer<Verdict>, Error> {
        let mut verdict = Verdict::pass();
        // Of repeated members servers take the first or the last: all of them are masked.
        for part in passage.every_argument(&mask.argument)? {
            if let Some(text) = part.value.as_str() {
                verdict = verdict.replace(&part, covered(text, mask.keep));
            }
        }
        // Without a change it goes on as it is.
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
