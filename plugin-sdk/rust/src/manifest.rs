// SPDX-License-Identifier: Apache-2.0
// The manifest's ELF note, byte for byte what JF_MANIFEST of base.h makes.

use crate::sys::{JF_NOTE_OWNER, JF_NOTE_TYPE};

/// Most bytes of a manifest.
pub const MANIFEST_LIMIT: usize = 64 * 1024;

/// A note of `N` bytes: the manifest and a NUL.
#[doc(hidden)]
#[repr(C, align(4))]
pub struct Note<const N: usize> {
    name_size: u32,
    desc_size: u32,
    kind: u32,
    name: [u8; 12],
    desc: [u8; N],
}

impl<const N: usize> Note<N> {
    /// The note of `json`, which is one byte shorter than `N`.
    pub const fn new(json: &str) -> Note<N> {
        let bytes = json.as_bytes();
        assert!(bytes.len() + 1 == N && N <= MANIFEST_LIMIT, "a manifest has at most 64 KiB");
        let mut name = [0; 12];
        let mut at = 0;
        while at < JF_NOTE_OWNER.len() {
            name[at] = JF_NOTE_OWNER[at];
            at += 1;
        }
        let mut desc = [0; N];
        at = 0;
        while at < bytes.len() {
            assert!(bytes[at] != 0, "a manifest has no NUL");
            desc[at] = bytes[at];
            at += 1;
        }
        Note { name_size: JF_NOTE_OWNER.len() as u32, desc_size: N as u32, kind: JF_NOTE_TYPE, name, desc }
    }
}

/// Stops the compiler where a manifest does not go with the plugin, as far as that can be seen without
/// reading JSON.
#[doc(hidden)]
pub const fn check(json: &str, facets: &[&str]) {
    let mut at = 0;
    while at < facets.len() {
        assert!(contains(json, facets[at]), "the manifest's `facets` lack one that the plugin registers");
        at += 1;
    }
    assert!(contains(json, "\"threads\""), "the manifest has no `threads`: per-loop or serial");
    assert!(
        !contains(json, "\"concurrent\""),
        "plugins of this crate run on a lane: `threads` is per-loop or serial"
    );
}

const fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let mut start = 0;
    while start + part.len() <= text.len() {
        let mut at = 0;
        while at < part.len() && text[start + at] == part[at] {
            at += 1;
        }
        if at == part.len() {
            return true;
        }
        start += 1;
    }
    false
}

/// Registers a plugin: its manifest as an ELF note, its facets, and `jf_entry_1`, the one function that a
/// plugin exports. Once per library, at the top level.
///
/// ```ignore
/// jackfield::plugin! {
///     plugin: Words,
///     facets: [toolset],
///     manifest: include_str!("../manifest.json"),
/// }
/// ```
///
/// `facets` holds `toolset` ([`Toolset`](crate::toolset::Toolset)), `routing`
/// ([`Routing`](crate::routing::Routing)), `listener` ([`Listener`](crate::transport::Listener)),
/// `connector` ([`Connector`](crate::transport::Connector)), `auth`
/// ([`AuthProvider`](crate::auth::AuthProvider)), `policy` ([`Policy`](crate::policy::Policy)), `filter`
/// ([`Filter`](crate::filter::Filter)), `credentials`
/// ([`CredentialSource`](crate::credentials::CredentialSource)) and `store`
/// ([`Store`](crate::store::Store)). The manifest is a constant string of JSON; it
/// must name the same facets, and in `requires` and `optional` every service that the plugin uses.
#[macro_export]
macro_rules! plugin {
    (plugin: $plugin:ty, facets: [$($facet:ident),* $(,)?], manifest: $manifest:expr $(,)?) => {
        impl $crate::internal::Registered for $plugin {
            const MANIFEST: &'static str = $manifest;
            fn facets() -> ::std::vec::Vec<$crate::internal::Facet> {
                ::std::vec![$($crate::internal::$facet::<$plugin>()),*]
            }
        }

        const _: () = $crate::internal::check(
            <$plugin as $crate::internal::Registered>::MANIFEST,
            &[$(::std::concat!("\"jf.", ::std::stringify!($facet), "/1\"")),*],
        );

        #[cfg(panic = "abort")]
        ::std::compile_error!("a panic must not end the gateway: leave `panic` at \"unwind\" in Cargo.toml");

        #[used]
        #[link_section = ".note.jackfield"]
        static JF_MANIFEST_NOTE: $crate::internal::Note<
            { <$plugin as $crate::internal::Registered>::MANIFEST.len() + 1 },
        > = $crate::internal::Note::new(<$plugin as $crate::internal::Registered>::MANIFEST);

        /// The plugin's one exported function; the host calls it.
        ///
        /// # Safety
        ///
        /// The host's arguments.
        #[no_mangle]
        pub unsafe extern "C" fn jf_entry_1(
            offer: *const $crate::sys::jf_offer,
            why: *mut $crate::sys::jf_fault,
        ) -> *const $crate::sys::jf_plugin {
            $crate::internal::entry::<$plugin>(offer, why)
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_laid_out_as_in_c() {
        const JSON: &str = "{\"id\":1}";
        static NOTE: Note<{ JSON.len() + 1 }> = Note::new(JSON);
        assert_eq!(std::mem::size_of_val(&NOTE), 36);
        assert_eq!(std::mem::align_of_val(&NOTE), 4);
        // SAFETY: 33 of 36 bytes are members, the rest is not looked at.
        let bytes = unsafe { std::slice::from_raw_parts((&NOTE as *const Note<9>).cast::<u8>(), 33) };
        assert_eq!(&bytes[..12], [10, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(&bytes[12..], b"Jackfield\0\0\0{\"id\":1}\0");
    }
}
