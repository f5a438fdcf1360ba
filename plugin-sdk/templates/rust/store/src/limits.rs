// SPDX-License-Identifier: Apache-2.0
//! Limits: token buckets and windows.

use jackfield::store::{Limit, LimitKind, Verdict};
use std::collections::HashMap;

/// What was taken from limits, by what names them.
#[derive(Default)]
pub struct Limits(HashMap<(Vec<u8>, LimitKind, u64), Taken>);

/// What was taken, in thousandths: of a bucket, flowing back; else of the window of that number.
#[derive(Clone, Copy, Default)]
struct Taken {
    amount: f64,
    before: f64,
    at: u64,
}

impl Limits {
    /// Takes from all of them, or from none.
    pub fn take(&mut self, limits: &[Limit<'_>], now: u64) -> Vec<Verdict> {
        let name = |limit: &Limit<'_>| (limit.key.to_vec(), limit.kind, limit.period_ms);
        let mut states = Vec::new();
        let mut verdicts = Vec::new();
        for limit in limits {
            let mut state = self.0.get(&name(limit)).copied().unwrap_or_default();
            let room = most(limit) as f64 - used(limit, &mut state, now);
            let fits = limit.cost == 0 || limit.cost as f64 <= room;
            let retry_ms = if fits { 0 } else { wait(limit, limit.cost as f64 - room, now) };
            states.push(state);
            verdicts.push(Verdict { fits, retry_ms, left: room.max(0.0) as u64 });
        }
        if verdicts.iter().all(|verdict| verdict.fits) {
            for ((limit, mut state), verdict) in limits.iter().zip(states).zip(&mut verdicts) {
                state.amount += limit.cost as f64;
                verdict.left = verdict.left.saturating_sub(limit.cost);
                self.0.insert(name(limit), state);
            }
        }
        verdicts
    }
}

fn most(limit: &Limit<'_>) -> u64 {
    if limit.kind == LimitKind::Bucket {
        limit.burst
    } else {
        limit.rate
    }
}

/// Brings what was taken up to now, and says how much that is.
fn used(limit: &Limit<'_>, state: &mut Taken, now: u64) -> f64 {
    let period = limit.period_ms as f64;
    if limit.kind == LimitKind::Bucket {
        let back = (now - state.at) as f64 * limit.rate as f64 / period;
        *state = Taken { amount: (state.amount - back).max(0.0), before: 0.0, at: now };
        return state.amount;
    }
    let window = now / limit.period_ms;
    if window != state.at {
        let before = if window == state.at + 1 { state.amount } else { 0.0 };
        *state = Taken { amount: 0.0, before, at: window };
    }
    let rest = (limit.period_ms - now % limit.period_ms) as f64;
    let share = if limit.kind == LimitKind::Sliding { rest / period } else { 0.0 };
    state.amount + state.before * share
}

/// When what it lacks is there, not too early.
fn wait(limit: &Limit<'_>, lacks: f64, now: u64) -> u32 {
    if limit.cost > most(limit) {
        return u32::MAX;
    }
    let rest = (limit.period_ms - now % limit.period_ms) as f64;
    let wait = match limit.kind {
        LimitKind::Bucket => lacks * limit.period_ms as f64 / limit.rate as f64 + 1.0,
        LimitKind::Sliding => rest + limit.period_ms as f64,
        LimitKind::Fixed => rest,
    };
    wait.min(f64::from(u32::MAX - 1)) as u32
}
