// SPDX-License-Identifier: Apache-2.0
//! The strategy itself, which knows nothing of gateways.

use std::collections::BTreeMap;

/// FNV-1a, 64 bits (draft-eastlake-fnv).
const OFFSET: u64 = 14_695_981_039_346_656_037;
const PRIME: u64 = 1_099_511_628_211;

/// So many failures in a row, and an endpoint is skipped.
const TRIP: u32 = 3;

/// One attached server.
pub struct ByName {
    seed: u32,
    /// Failures since the last success, by endpoint; only those above 0.
    failures: BTreeMap<u64, u32>,
}

impl ByName {
    pub fn new(seed: u32) -> ByName {
        ByName { seed, failures: BTreeMap::new() }
    }

    /// The place of `name` among `count` endpoints, at least one, or the next one that works. Where none
    /// does, the first choice is as good as another.
    pub fn pick(&self, name: &[u8], count: usize, id: impl Fn(usize) -> u64) -> usize {
        let basis = OFFSET ^ u64::from(self.seed);
        let hash = name.iter().fold(basis, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
        let first = (hash % count as u64) as usize;
        if self.failures.is_empty() {
            return first;
        }
        let works = |index: &usize| self.failures.get(&id(*index)).map_or(true, |failures| *failures < TRIP);
        (first..count).chain(0..first).find(works).unwrap_or(first)
    }

    pub fn observe(&mut self, endpoint: u64, is_success: bool) {
        if is_success {
            self.failures.remove(&endpoint);
        } else {
            let failures = self.failures.entry(endpoint).or_insert(0);
            *failures = failures.saturating_add(1);
        }
    }

    /// The version, then "ENDPOINT COUNT" in ascending order.
    pub fn export(&self) -> String {
        let lines = self.failures.iter().map(|(endpoint, failures)| format!("{endpoint} {failures}\n"));
        format!("1\n{}", lines.collect::<String>())
    }

    /// Takes what `export` wrote, to the letter; `None` for everything else, which changes nothing.
    pub fn import(&mut self, state: &[u8]) -> Option<()> {
        let lines = std::str::from_utf8(state).ok()?.strip_prefix("1\n")?;
        let mut failures = BTreeMap::new();
        for line in lines.split_inclusive('\n') {
            let (endpoint, count) = line.strip_suffix('\n')?.split_once(' ')?;
            let (endpoint, count) = (number(endpoint)?, u32::try_from(number(count)?).ok()?);
            if failures.keys().next_back().map_or(false, |last| *last >= endpoint) {
                return None;
            }
            failures.insert(endpoint, count);
        }
        self.failures = failures;
        Some(())
    }
}

/// A decimal number above 0, without a sign or leading zeros.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}
