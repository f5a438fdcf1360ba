// SPDX-License-Identifier: Apache-2.0
//! The C ABI as it is: a mirror of every header in `include/jackfield`, for what the safe layers do not
//! cover.
//!
//! Names, members and order are those of the headers. Each structure's offsets and size are checked when this
//! crate is compiled, and against the SDK's golden layout (`abi/jf-1.json`) in its tests. A slot that a peer
//! does not fill in is `None`; read a peer's table through [`attach`], which copes with older and newer
//! peers.

#![allow(non_camel_case_types)]

/// Declares one structure of the ABI: `offset => member: type`, with the size that the header pins.
macro_rules! abi {
    (
        $(#[$meta:meta])*
        pub struct $name:ident: $size:literal {
            $($(#[$field_meta:meta])* $offset:literal => $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// Member names and offsets, in order.
            pub const LAYOUT: &'static [(&'static str, usize)] = &[$((stringify!($field), $offset)),*];
        }

        // SAFETY: plain integers, pointers and optional functions: all of them may be zero.
        unsafe impl crate::sys::Zeroed for $name {}

        const _: () = {
            assert!(std::mem::size_of::<$name>() == $size, concat!(stringify!($name), " changed size"));
            // The rule by which repr(C) places members; `offset_of` is younger than the oldest compiler
            // served.
            let mut at = 0;
            $(
                at = crate::sys::aligned(at, std::mem::align_of::<$type>());
                assert!(at == $offset, concat!(stringify!($name), ".", stringify!($field), " moved"));
                at += std::mem::size_of::<$type>();
            )*
            assert!(crate::sys::aligned(at, std::mem::align_of::<$name>()) == $size);
        };

        #[cfg(test)]
        impl crate::sys::tests::Measured for $name {
            const NAME: &'static str = stringify!($name);
            fn measured() -> Vec<(&'static str, usize, usize)> {
                let value = std::mem::MaybeUninit::<$name>::zeroed();
                let base = value.as_ptr();
                // SAFETY: only addresses are taken, within `value`.
                unsafe {
                    vec![$((
                        stringify!($field),
                        std::ptr::addr_of!((*base).$field) as usize - base as usize,
                        std::mem::size_of::<$type>(),
                    )),*]
                }
            }
        }
    };
}

use std::os::raw::c_void;

mod auth;
mod base;
mod callback;
mod calls;
mod clock;
mod config;
mod connector;
mod credentials;
mod event_loop;
mod filter;
mod http;
mod interpose;
mod listener;
mod log;
mod memory;
mod message;
mod ops;
mod policy;
mod principal;
mod routing;
mod seal;
mod signing;
mod state;
mod store;
mod toolset;

pub use auth::*;
pub use base::*;
pub use callback::*;
pub use calls::*;
pub use clock::*;
pub use config::*;
pub use connector::*;
pub use credentials::*;
pub use event_loop::*;
pub use filter::*;
pub use http::*;
pub use interpose::*;
pub use listener::*;
pub use log::*;
pub use memory::*;
pub use message::*;
pub use ops::*;
pub use policy::*;
pub use principal::*;
pub use routing::*;
pub use seal::*;
pub use signing::*;
pub use state::*;
pub use store::*;
pub use toolset::*;

/// `offset`, rounded up to a multiple of `alignment`.
const fn aligned(offset: usize, alignment: usize) -> usize {
    (offset + alignment - 1) / alignment * alignment
}

/// Structures of the ABI, of which all-zero bytes are a value: absent views, no slots.
///
/// # Safety
///
/// All-zero bytes must be a valid value of the type.
pub unsafe trait Zeroed: Copy {
    /// The all-zero value.
    fn zeroed() -> Self {
        // SAFETY: the trait's promise.
        unsafe { std::mem::zeroed() }
    }
}

/// Copies a peer's table or structure, which may be older (shorter) or newer (longer) than the one known
/// here, into a local one; what it lacks is zero. `None` where `table` is null or declares less than its own
/// head.
///
/// # Safety
///
/// `table` is null, or points to a structure of the ABI that begins with its size as `u32` and is that long.
pub unsafe fn attach<T: Zeroed>(table: *const c_void) -> Option<T> {
    if table.is_null() {
        return None;
    }
    let declared = *table.cast::<u32>() as usize;
    if declared < 8 {
        return None;
    }
    let mut local = T::zeroed();
    let size = declared.min(std::mem::size_of::<T>());
    std::ptr::copy_nonoverlapping(table.cast::<u8>(), (&mut local as *mut T).cast::<u8>(), size);
    Some(local)
}

#[cfg(test)]
mod tests;
