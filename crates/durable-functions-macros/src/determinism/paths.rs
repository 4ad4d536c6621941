//! Functions that break replay, by their paths.

use super::category::Category;

/// The ends of paths, as `Instant::now` is one of `std::time::Instant::now`.
const ENDS: &[(&[&str], Category)] = {
    use Category::{Clock, Io, Lock, Random, Sleep, Spawn};
    &[
        (&["Instant", "now"], Clock),
        (&["SystemTime", "now"], Clock),
        (&["Utc", "now"], Clock),
        (&["Local", "now"], Clock),
        (&["OffsetDateTime", "now_utc"], Clock),
        (&["OffsetDateTime", "now_local"], Clock),
        (&["Zoned", "now"], Clock),
        (&["Timestamp", "now"], Clock),
        (&["Uuid", "new_v4"], Random),
        (&["Uuid", "now_v1"], Random),
        (&["Uuid", "now_v6"], Random),
        (&["Uuid", "now_v7"], Random),
        (&["thread_rng"], Random),
        (&["time", "sleep"], Sleep),
        (&["time", "sleep_until"], Sleep),
        (&["time", "timeout"], Sleep),
        (&["time", "timeout_at"], Sleep),
        (&["time", "interval"], Sleep),
        (&["thread", "sleep"], Sleep),
        (&["thread", "spawn"], Spawn),
        (&["task", "spawn"], Spawn),
        (&["task", "spawn_blocking"], Spawn),
        (&["task", "spawn_local"], Spawn),
        (&["JoinSet", "new"], Spawn),
        (&["env", "var"], Io),
        (&["env", "var_os"], Io),
        (&["env", "vars"], Io),
        (&["env", "args"], Io),
        (&["env", "current_dir"], Io),
        (&["File", "open"], Io),
        (&["File", "create"], Io),
        (&["OpenOptions", "new"], Io),
        (&["Command", "new"], Io),
        (&["TcpStream", "connect"], Io),
        (&["TcpListener", "bind"], Io),
        (&["UdpSocket", "bind"], Io),
        (&["Mutex", "new"], Lock),
        (&["RwLock", "new"], Lock),
        (&["Condvar", "new"], Lock),
    ]
};

/// The beginnings of paths: everything in these crates and modules.
const BEGINNINGS: &[(&[&str], Category)] = {
    use Category::{Io, Random, Sleep, Spawn};
    &[
        (&["rand"], Random),
        (&["fastrand"], Random),
        (&["getrandom"], Random),
        (&["tokio", "time"], Sleep),
        (&["tokio", "spawn"], Spawn),
        (&["tokio", "task"], Spawn),
        (&["tokio", "fs"], Io),
        (&["tokio", "net"], Io),
        (&["tokio", "process"], Io),
        (&["tokio", "signal"], Io),
        (&["std", "fs"], Io),
        (&["std", "env"], Io),
        (&["std", "process"], Io),
        (&["fs"], Io),
        (&["reqwest"], Io),
        (&["ureq"], Io),
    ]
};

/// Parts of those that harm nobody.
const HARMLESS: &[&[&str]] = &[
    &["tokio", "time", "Duration"],
    &["reqwest", "Method"],
    &["reqwest", "StatusCode"],
    &["reqwest", "Url"],
];

/// What is wrong with a function of this path.
pub(super) fn category(path: &[String]) -> Option<Category> {
    let begins =
        |with: &[&str]| path.len() >= with.len() && path.iter().zip(with).all(|(a, b)| a == b);
    if HARMLESS.iter().any(|harmless| begins(harmless)) {
        return None;
    }
    let ends = |with: &[&str]| {
        path.len() >= with.len()
            && path
                .iter()
                .rev()
                .zip(with.iter().rev())
                .all(|(a, b)| a == b)
    };
    let end = ENDS.iter().find(|(end, _)| ends(end));
    // a name alone may be anybody's
    let beginning = || {
        let long_enough = path.len() > 1;
        BEGINNINGS
            .iter()
            .find(|(beginning, _)| long_enough && begins(beginning))
    };
    end.or_else(beginning).map(|(_, category)| *category)
}

/// Whether a name comes from a crate whose functions are known here.
pub(super) fn is_known_crate(name: &str) -> bool {
    matches!(
        name,
        "std"
            | "core"
            | "tokio"
            | "chrono"
            | "uuid"
            | "rand"
            | "time"
            | "jiff"
            | "futures"
            | "reqwest"
    )
}
