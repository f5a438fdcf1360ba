// SPDX-License-Identifier: Apache-2.0
// Panics end at the border: each slot and callback runs inside `caught`.

use crate::Error;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// How many `caught` are on this thread's stack.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the panic that is under way began.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; a panic becomes a fault that says where and why. What the panic left half done stays as it
/// is: authors' values are dropped or used on as Rust's own rules allow, never read while broken in a way
/// that is unsafe.
pub(crate) fn caught<R>(body: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.with(|depth| depth.set(depth.get() - 1));
        }
    }
    let outcome = {
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        let _leave = Leave;
        catch_unwind(AssertUnwindSafe(body))
    };
    outcome.unwrap_or_else(|payload| Err(Error::fault(describe(payload))))
}

fn describe(payload: Box<dyn Any + Send>) -> String {
    let place = PLACE.with(|place| place.borrow_mut().take());
    let said = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        // A payload of the author's own may panic when it is dropped.
        std::mem::forget(payload);
        "a panic without a text".to_owned()
    };
    match place {
        Some(place) => format!("panicked at {place}: {said}"),
        None => format!("panicked: {said}"),
    }
}

/// Makes this library's panics tell their place to `caught` instead of stderr. Panics elsewhere (threads of
/// the author's own) are shown as ever. A shared object of Rust has its own standard library, so nobody else
/// is affected.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if DEPTH.with(Cell::get) == 0 {
                return usual(info);
            }
            let place = info.location().map(ToString::to_string);
            PLACE.with(|slot| *slot.borrow_mut() = place);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_fault_with_its_place() {
        install_hook();
        let error = caught(|| -> Result<(), Error> { panic!("boom {}", 1) }).unwrap_err();
        assert!(
            error.text().starts_with("panicked at src/panic.rs:") && error.text().ends_with(": boom 1"),
            "{error}"
        );
        assert!(!error.is_public());
        struct Odd;
        impl Drop for Odd {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let error = caught(|| -> Result<(), Error> { std::panic::panic_any(Odd) }).unwrap_err();
        assert!(error.text().ends_with("a panic without a text"), "{error}");
        assert_eq!(caught(|| Ok(7)), Ok(7));
    }
}
