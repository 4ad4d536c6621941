//! Reads and writes that failed, in words that help.

use std::io;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// A read or a write that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// SQLite said no.
    #[error("{message}{}", advice(*.code))]
    Sqlite {
        /// What kind of fault it is, where SQLite tells.
        code: Option<ErrorCode>,
        /// What SQLite says.
        message: String,
    },
    /// What was read makes no sense.
    #[error("{0}")]
    Unreadable(String),
    /// The system has no thread for it.
    #[error("a thread can't be started: {0}")]
    Thread(Arc<io::Error>),
    /// The host itself has failed at it.
    #[error("the host itself failed: {0}")]
    Panic(String),
    /// The thread is gone: the host is stopping, or the thread has met a fault of its own.
    #[error("the thread that writes has ended. Start the host again: what was written is taken up")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite {
            code: error.sqlite_error_code(),
            message: error.to_string(),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Thread(Arc::new(error))
    }
}

/// What to do about a fault.
fn advice(code: Option<ErrorCode>) -> &'static str {
    match code {
        Some(ErrorCode::DiskFull) => {
            ". Free some space on the disk: what waits goes on by itself, nothing is lost"
        }
        Some(ErrorCode::SystemIoFailure) => {
            ". The disk or its file system refuses the data: look for its messages in the system's log, and whether it is full or over a quota"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            ". Make the folder and its files writable for the user that runs the host, or choose another folder with --state DIR"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ". The file is damaged: stop the host, put a copy of the folder back or choose another one with --state DIR; `sqlite3 FILE .recover` saves what can still be read"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ". Another program holds the file: close it there"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn advice_follows_the_fault() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA query_only = ON").unwrap();
        let error = StoreError::from(
            connection
                .execute_batch("CREATE TABLE t (x)")
                .expect_err("it is read-only"),
        );
        assert!(
            error
                .to_string()
                .contains("Make the folder and its files writable"),
            "{error}"
        );
        assert_eq!(
            StoreError::from(rusqlite::Error::InvalidQuery).to_string(),
            rusqlite::Error::InvalidQuery.to_string()
        );
    }
}
