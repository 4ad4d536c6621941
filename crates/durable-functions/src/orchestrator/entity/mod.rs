//! Entities, as orchestrators use them.

mod call;
mod lock;
mod reference;
mod signal;

pub use call::EntityCall;
pub use lock::{EntityLock, LockGuard};
pub use reference::EntityRef;
pub use signal::EntitySignal;
