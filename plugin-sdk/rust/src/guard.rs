// SPDX-License-Identifier: Apache-2.0
//! What providers, policies, filters and sources of credentials share: [`Principal`], who asks, and
//! [`Configured`], the entry of the configuration that they serve.

use crate::ffi::{json, text};
use crate::json::Value;
use crate::plugin::{named, Instance, Plugin};
use crate::slab::Slab;
use crate::sys::*;
use crate::{Error, Lane};
use std::cell::RefCell;
use std::marker::PhantomData;

/// An entry of the configuration, while it is attached.
#[derive(Debug)]
pub struct Configured<'a> {
    /// As the configuration calls it; for a source of credentials, the server.
    pub name: &'a str,
    /// Its options, valid against the manifest's schema.
    pub config: &'a Value,
}

/// On whose behalf something happens; borrowed.
#[derive(Clone, Copy)]
pub struct Principal<'a> {
    raw: jf_principal,
    kept: PhantomData<&'a ()>,
}

impl<'a> Principal<'a> {
    /// # Safety
    ///
    /// `raw` is null or the host's, which holds for `'a`, as does what it points to.
    pub(crate) unsafe fn new(raw: *const jf_principal) -> Principal<'a> {
        Principal { raw: attach(raw.cast()).unwrap_or_else(jf_principal::zeroed), kept: PhantomData }
    }

    /// Whether anybody is known.
    pub fn is_known(&self) -> bool {
        self.raw.id != 0
    }

    /// Stands for tenant, issuer and subject in this process; 0: nobody is known.
    pub fn id(&self) -> u64 {
        self.raw.id
    }

    /// Tenant, issuer and subject in one text that no others have; empty: nobody.
    pub fn key(&self) -> &'a str {
        word(self.raw.key)
    }

    /// Who it is, as the provider names it; empty: nobody.
    pub fn subject(&self) -> &'a str {
        word(self.raw.subject)
    }

    /// Whom it belongs to; empty: no tenants, or none of them.
    pub fn tenant(&self) -> &'a str {
        word(self.raw.tenant)
    }

    /// Who vouches for it; empty: the gateway's own configuration.
    pub fn issuer(&self) -> &'a str {
        word(self.raw.issuer)
    }

    /// The provider's name in the configuration.
    pub fn provider(&self) -> &'a str {
        word(self.raw.provider)
    }

    /// Names what it showed, without being it; may be empty.
    pub fn credential(&self) -> &'a str {
        word(self.raw.credential)
    }

    /// What else is known: an object.
    pub fn attributes(&self) -> Result<Value, Error> {
        // SAFETY: borrowed for `'a`, as is all below.
        unsafe { json(self.raw.attributes, "attributes") }
    }

    /// Its roles.
    pub fn roles(&self) -> impl Iterator<Item = &'a str> {
        // SAFETY: as above.
        unsafe { words(self.raw.roles, self.raw.role_count) }
    }

    /// What was granted to its credentials.
    pub fn scopes(&self) -> impl Iterator<Item = &'a str> {
        // SAFETY: as above.
        unsafe { words(self.raw.scopes, self.raw.scope_count) }
    }

    /// Whether it has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|it| it == role)
    }

    /// Whether this scope was granted to its credentials.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|it| it == scope)
    }

    /// When its credentials end, milliseconds of Unix time; `None`: not known to end.
    pub fn expires_ms(&self) -> Option<u64> {
        (self.raw.expires_ms > 0).then_some(self.raw.expires_ms)
    }
}

impl std::fmt::Debug for Principal<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Principal({:#x})", self.raw.id)
    }
}

/// A text that is there, of a structure that the caller keeps to its lifetime.
pub(crate) fn word<'a>(view: jf_view) -> &'a str {
    // SAFETY: only for views that the host lends for as long as the structure around them.
    unsafe { text(view) }.unwrap_or_default()
}

unsafe fn words<'a>(first: *const jf_view, count: u64) -> impl Iterator<Item = &'a str> {
    let all: &'a [jf_view] =
        if first.is_null() { &[] } else { std::slice::from_raw_parts(first, count as usize) };
    all.iter().map(|view| word(*view))
}

/// The names and values of `count` pairs.
///
/// # Safety
///
/// `first` is null or points to so many pairs that hold for `'a`, as do their views.
pub(crate) unsafe fn pairs<'a>(
    first: *const jf_pair,
    count: u64,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let all: &'a [jf_pair] =
        if first.is_null() { &[] } else { std::slice::from_raw_parts(first, count as usize) };
    all.iter().map(|pair| (word(pair.name), unsafe { crate::ffi::bytes(pair.value) }.unwrap_or_default()))
}

// ---- Slots that are alike ----

pub(crate) type Attached<T> = Slab<RefCell<T>>;

/// The slot `attach`: `make` makes what is kept, and says under which handle.
///
/// # Safety
///
/// The host's arguments.
pub(crate) unsafe fn attach_entry<P: Plugin>(
    own: *mut jf_self,
    name: jf_view,
    config: jf_view,
    handle: *mut jf_ref,
    why: *mut jf_fault,
    make: impl FnOnce(&Lane, &Instance<P>, &P, Configured<'_>) -> Result<jf_ref, Error>,
) -> i32 {
    let attached = Instance::<P>::slot(own, |lane, instance, plugin| {
        let (name, config) = named(name, config)?;
        make(lane, instance, plugin, Configured { name: &name, config: &config })
    });
    match attached {
        Ok(attached) => {
            *handle = attached;
            JF_OK
        }
        Err(error) => error.write(why),
    }
}

/// What facets have in common whose entries are attached and kept behind handles: `facet`, and the slots `attach_one` and
/// `detach_one`.
macro_rules! attached {
    ($facet:ident, $entry:ident, $table:ident, $id:ident) => {
        type Entries<P> = crate::guard::Attached<<P as $facet>::$entry>;

        /// The facet, for the macro.
        #[doc(hidden)]
        pub fn facet<P: $facet>() -> Facet {
            Facet {
                id: $id,
                table: (Table::<P>::REFERENCE as *const $table).cast(),
                state: || Box::new(Entries::<P>::new()),
            }
        }

        unsafe extern "C" fn attach_one<P: $facet>(
            own: *mut jf_self,
            name: jf_view,
            config: jf_view,
            handle: *mut jf_ref,
            why: *mut jf_fault,
        ) -> i32 {
            crate::guard::attach_entry::<P>(
                own,
                name,
                config,
                handle,
                why,
                |lane, instance, plugin, configured| {
                    let entry = plugin.attach(lane, configured)?;
                    Ok(instance.state::<Entries<P>>()?.insert(std::cell::RefCell::new(entry)))
                },
            )
        }

        unsafe extern "C" fn detach_one<P: $facet>(own: *mut jf_self, handle: jf_ref) {
            let detached = Instance::<P>::slot(own, |lane, instance, plugin| {
                if let Some(entry) = instance.state::<Entries<P>>()?.remove(handle) {
                    if let Ok(mut entry) = entry.try_borrow_mut() {
                        plugin.detach(lane, &mut entry);
                    }
                }
                Ok(())
            });
            Instance::<P>::behind(own).tell("detach", detached);
        }
    };
}
pub(crate) use attached;

/// Runs a method with what is kept behind a handle.
pub(crate) fn with_entry<T, R>(
    all: &Attached<T>,
    handle: jf_ref,
    body: impl FnOnce(&mut T) -> Result<R, Error>,
) -> Result<R, Error> {
    let entry = all.get(handle)?;
    let mut entry = entry
        .try_borrow_mut()
        .map_err(|_| Error::fault("called from inside a call of the same entry of the configuration"))?;
    body(&mut entry)
}

/// The slot `cancel` of every facet. \[any\]
///
/// # Safety
///
/// The host's arguments.
pub(crate) unsafe extern "C" fn cancel_question<P: Plugin>(own: *mut jf_self, op: jf_ref) {
    let _ = crate::panic::caught(|| {
        crate::host::cancel(&Instance::<P>::behind(own).host, op);
        Ok(())
    });
}
