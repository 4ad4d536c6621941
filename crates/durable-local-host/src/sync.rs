//! Locks that survive a panic of another holder.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks without the poison check: the guarded values here are whole between statements, so a
/// panic elsewhere leaves nothing half-done behind.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
