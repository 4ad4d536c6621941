//! Panics of user code, caught with message and place.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use durable_functions_protocol::failure::Failure;

/// The error type of a failure that was a panic.
pub(crate) const PANIC: &str = "Panic";

struct Place {
    location: String,
    backtrace: Option<String>,
}

thread_local! {
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if CATCHING.get() == 0 {
                previous(info);
                return;
            }
            let backtrace = Backtrace::capture();
            let place = Place {
                location: info.location().map(ToString::to_string).unwrap_or_default(),
                backtrace: (backtrace.status() == BacktraceStatus::Captured)
                    .then(|| backtrace.to_string()),
            };
            PLACE.with_borrow_mut(|slot| *slot = Some(place));
        }));
    });
}

/// Runs user code; a panic becomes a failure that carries message and place instead of being
/// printed. The stack is there when `RUST_BACKTRACE` asks for it.
pub(crate) fn catch<T>(user_code: impl FnOnce() -> T) -> Result<T, Failure> {
    install_hook();
    CATCHING.set(CATCHING.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(user_code));
    CATCHING.set(CATCHING.get() - 1);
    result.map_err(|payload| failure(&*payload, PLACE.take()))
}

fn failure(payload: &(dyn Any + Send), place: Option<Place>) -> Failure {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic whose payload is no text".into());
    let mut failure = match &place {
        Some(place) if !place.location.is_empty() => {
            Failure::new(PANIC, format!("{message} (at {})", place.location))
        }
        _ => Failure::new(PANIC, message),
    };
    failure.stack_trace = place.and_then(|place| place.backtrace);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_message_and_place() {
        let failure = catch(|| panic!("no stock of {}", "tea")).unwrap_err();
        assert_eq!(failure.error_type, PANIC);
        assert!(
            failure.message.starts_with("no stock of tea (at "),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("panic.rs:"), "{}", failure.message);
    }

    #[test]
    fn a_payload_may_be_anything() {
        let failure = catch(|| std::panic::panic_any(7)).unwrap_err();
        assert!(
            failure
                .message
                .starts_with("a panic whose payload is no text")
        );
    }

    #[test]
    fn no_panic_no_failure() {
        assert_eq!(catch(|| 1), Ok(1));
    }
}
