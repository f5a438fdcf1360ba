// SPDX-License-Identifier: Apache-2.0
//! Where sealed texts are kept: one vault in the process, of which every instance has a share.

use crate::service::{random, wipe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Bytes that are wiped when they go.
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(bytes: &[u8]) -> Secret {
        Secret(bytes.to_vec())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

struct Place {
    ticket: String,
    plain: Secret,
    bound: Secret,
}

pub struct Vault(Mutex<Places>);

struct Places {
    all: Vec<Option<Place>>,
    next: usize,
}

/// Global, since a ticket comes back to whichever event loop its client is on.
static KNOWN: Mutex<Option<Weak<Vault>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    /// The one of this process; `most` texts are kept, as the first instance says.
    pub fn shared(most: usize) -> Arc<Vault> {
        let mut known = lock(&KNOWN);
        if let Some(vault) = known.as_ref().and_then(Weak::upgrade) {
            return vault;
        }
        let all = std::iter::repeat_with(|| None).take(most).collect();
        let vault = Arc::new(Vault(Mutex::new(Places { all, next: 0 })));
        *known = Some(Arc::downgrade(&vault));
        vault
    }

    pub fn known() -> Option<Arc<Vault>> {
        lock(&KNOWN).as_ref().and_then(Weak::upgrade)
    }

    /// Keeps a text and gives its ticket: 32 hexadecimal digits that nobody can guess, and the place.
    pub fn put(&self, plain: &[u8], bound: &[u8]) -> Option<String> {
        let secret: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let (plain, bound) = (Secret::new(plain), Secret::new(bound));
        let mut places = lock(&self.0);
        let number = places.next;
        let ticket = format!("{secret}{number:08x}");
        places.next = (number + 1) % places.all.len();
        places.all[number] = Some(Place { ticket: ticket.clone(), plain, bound });
        Some(ticket)
    }

    /// A copy of the text; `None`: there is none for this ticket.
    pub fn get(&self, ticket: &[u8], bound: &[u8]) -> Option<Secret> {
        let number = std::str::from_utf8(ticket.get(32..40)?).ok()?;
        let number = usize::from_str_radix(number, 16).ok()?;
        let places = lock(&self.0);
        let place = places.all.get(number)?.as_ref()?;
        let is_it = is_equal(place.ticket.as_bytes(), ticket) && place.bound.bytes() == bound;
        is_it.then(|| Secret::new(place.plain.bytes()))
    }
}

/// Takes the same time wherever the difference is.
fn is_equal(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && difference == 0
}
