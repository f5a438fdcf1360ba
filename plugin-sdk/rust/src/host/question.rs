// SPDX-License-Identifier: Apache-2.0
// Question: what the host asks, to be answered at once or later.

use super::{settle, Answer, Core, Lane, Op, Outcome, Pending};
use crate::panic::caught;
use crate::plugin::{Instance, Plugin};
use crate::sys::*;
use crate::Error;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// Something that the gateway asks: what it is about, and the way to answer it later. Borrowed until the
/// method returns; what is needed later is copied before.
pub struct Question<'a, V, T> {
    view: V,
    core: &'a Arc<Core>,
    handle: jf_ref,
    op: Option<Arc<Op>>,
    must_be_now: bool,
    kind: PhantomData<fn() -> T>,
}

impl<V, T: Outcome> Question<'_, V, T> {
    /// Answers later: the [`Pending`] goes to a timer, a callback or a thread, the answer is what the method
    /// returns. Should the method return something else all the same, that counts, and the [`Pending`] does
    /// nothing any more. `jf.ops/1`.
    pub fn later(&mut self) -> Result<(Pending<T>, Answer<T>), Error> {
        if self.must_be_now {
            return Err(Error::fault("it said that it always answers at once"));
        }
        take(self.core, self.handle, &mut self.op)
    }

    pub(crate) fn refuse_later(&mut self) {
        self.must_be_now = true;
    }
}

impl<V, T> Deref for Question<'_, V, T> {
    type Target = V;
    fn deref(&self) -> &V {
        &self.view
    }
}

impl<V: std::fmt::Debug, T> std::fmt::Debug for Question<'_, V, T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view.fmt(out)
    }
}

/// Takes an operation for later, once.
pub(crate) fn take<T: Outcome>(
    core: &Arc<Core>,
    handle: jf_ref,
    taken: &mut Option<Arc<Op>>,
) -> Result<(Pending<T>, Answer<T>), Error> {
    if taken.is_some() {
        return Err(Error::fault("a request was taken for later twice"));
    }
    match core.services.ops {
        Some(jf_ops_1 { finish: Some(_), state: Some(_), .. }) => {}
        _ => {
            return Err(Error::unsupported(
                "answering later needs jf.ops/1: name it in the manifest's `requires`",
            ))
        }
    }
    let op = Op::new(handle, core);
    *taken = Some(Arc::clone(&op));
    Ok((Pending { op, kind: PhantomData }, Answer(None)))
}

/// Runs the author's method with a question and settles what it did: `None` where it is answered later.
///
/// # Safety
///
/// `own` is what the host passed to a \[lane\] slot of an instance of `P`.
pub(crate) unsafe fn ask<'a, P: Plugin, V: 'a, T: Outcome>(
    own: *mut jf_self,
    handle: jf_ref,
    view: V,
    method: impl FnOnce(&Lane, &Instance<P>, &P, &mut Question<'a, V, T>) -> Result<Answer<T>, Error>,
) -> Option<Result<T, Error>> {
    let mut op = None;
    // Lives longer than the slot, to whose arguments the question belongs.
    let core: &'a Arc<Core> = &Instance::<P>::behind(own).host.core;
    let answered = Instance::<P>::slot(own, |lane, instance, plugin| {
        let mut question = Question { view, core, handle, op: None, must_be_now: false, kind: PhantomData };
        let answered = caught(|| method(lane, instance, plugin, &mut question));
        op = question.op.take();
        answered
    });
    settle(answered, op)
}
