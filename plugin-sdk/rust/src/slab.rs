// SPDX-License-Identifier: Apache-2.0
// The handles that a plugin gives to the host: place and generation, so that a stale one is noticed.

use crate::plugin::FacetState;
use crate::sys::jf_ref;
use crate::Error;
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// Values by handle, confined to the lane.
pub(crate) struct Slab<T>(RefCell<Vec<Place<T>>>);

struct Place<T> {
    generation: u32,
    value: Option<Rc<T>>,
}

// SAFETY: all clones of the `Rc`s live in the slab or on the lane's stack, and one thread at a time is the
// lane (`Core::enter`), so that everything travels together.
unsafe impl<T: Send> Send for Slab<T> {}

impl<T> Slab<T> {
    pub(crate) fn new() -> Slab<T> {
        Slab(RefCell::new(Vec::new()))
    }

    pub(crate) fn insert(&self, value: T) -> jf_ref {
        let value = Some(Rc::new(value));
        let mut places = self.0.borrow_mut();
        let at = match places.iter().position(|place| place.value.is_none()) {
            Some(at) => at,
            None => {
                places.push(Place { generation: 0, value: None });
                places.len() - 1
            }
        };
        places[at].generation = places[at].generation.wrapping_add(1);
        places[at].value = value;
        u64::from(places[at].generation) << 32 | (at as u64 + 1)
    }

    pub(crate) fn get(&self, handle: jf_ref) -> Result<Rc<T>, Error> {
        let places = self.0.borrow();
        let place = (handle as u32 as usize).checked_sub(1).and_then(|at| places.get(at));
        place
            .filter(|place| u64::from(place.generation) == handle >> 32)
            .and_then(|place| place.value.clone())
            .ok_or_else(|| Error::new(crate::Status::Stale, "the handle is stale"))
    }

    pub(crate) fn remove(&self, handle: jf_ref) -> Option<Rc<T>> {
        self.get(handle).ok()?;
        self.0.borrow_mut()[handle as u32 as usize - 1].value.take()
    }
}

impl<T: Send + 'static> FacetState for Slab<T> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn clear(&self) {
        // Dropped outside the borrow: it is the author's code.
        let values: Vec<_> = self.0.borrow_mut().iter_mut().map(|place| place.value.take()).collect();
        drop(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_handles_are_noticed() {
        let slab = Slab::new();
        let (a, b) = (slab.insert("a"), slab.insert("b"));
        assert_eq!(*slab.get(b).unwrap(), "b");
        assert_eq!(slab.remove(a).as_deref(), Some(&"a"));
        assert!(slab.get(a).is_err() && slab.remove(a).is_none());
        let c = slab.insert("c");
        assert_ne!(a, c);
        assert_eq!(c as u32, a as u32);
        assert!(slab.get(a).is_err() && slab.get(0).is_err() && slab.get(u64::MAX).is_err());
        slab.clear();
        assert!(slab.get(c).is_err());
    }
}
