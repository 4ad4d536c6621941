//! The functions and macros that break replay, by their paths.

use syn::Expr;

use super::category::Category::{self, Clock, Io, Lock, Print, Random, Select, Sleep, Spawn};

/// Functions or macros of a module.
pub(super) struct Rule {
    module: &'static str,
    /// What is to be seen of a path at least. The module before it, or its end, may be there.
    items: &'static [&'static str],
    pub(super) category: Category,
    /// What to use.
    pub(super) instead: &'static str,
}

const NOW: &str = "use `ctx.now()`";
const RNG: &str = "use `ctx.rng()`";
const UUID: &str = "use `ctx.new_uuid()`";
const SLEEP: &str = "use `ctx.sleep(..)`";
const TIMEOUT: &str =
    "use `.timeout(..)` of an event, or `ctx.either(task, ctx.sleep(..))` for other tasks";
const ACTIVITY: &str = "move it into an activity";
const HTTP: &str = "use `ctx.call_http(..)`, or move it into an activity";
const SETTINGS: &str =
    "read it where the orchestration is started and pass it as input, or read it in an activity";
const TOGETHER: &str = "call activities with `ctx.call(..)`; calls that are not awaited yet run at the same time, and `ctx.all(..)` awaits them";
const CELL: &str = "an orchestrator has one thread, so a `Cell` or `RefCell` does; state that is shared belongs in activities";
const AWAIT: &str = "`.await` what the context gives, and move everything else into an activity";
const TRACING: &str = "use `tracing`, which is silent then";
const RACE: &str = "use `ctx.either(..)`, `ctx.race(..)` or `select_biased!` of futures, or begin that of tokio with `biased;`";

const fn rule(
    module: &'static str,
    items: &'static [&'static str],
    category: Category,
    instead: &'static str,
) -> Rule {
    Rule {
        module,
        items,
        category,
        instead,
    }
}

const FUNCTIONS: &[Rule] = &[
    rule(
        "std::time",
        &["Instant::now", "SystemTime::now"],
        Clock,
        NOW,
    ),
    rule("tokio::time", &["Instant::now"], Clock, NOW),
    rule("chrono", &["Utc::now", "Local::now"], Clock, NOW),
    rule("chrono::offset", &["Utc::now", "Local::now"], Clock, NOW),
    rule("chrono::prelude", &["Utc::now", "Local::now"], Clock, NOW),
    rule(
        "time",
        &[
            "OffsetDateTime::now_utc",
            "OffsetDateTime::now_local",
            "UtcDateTime::now",
        ],
        Clock,
        NOW,
    ),
    rule("jiff", &["Timestamp::now", "Zoned::now"], Clock, NOW),
    rule(
        "uuid",
        &[
            "Uuid::new_v4",
            "Uuid::now_v1",
            "Uuid::now_v6",
            "Uuid::now_v7",
        ],
        Random,
        UUID,
    ),
    rule("ulid", &["Ulid::new"], Random, UUID),
    rule("", &["fastrand::Rng::new"], Random, RNG),
    rule("rand", &["thread_rng"], Random, RNG),
    rule(
        "rand::rngs",
        &["OsRng", "SysRng", "ThreadRng::default"],
        Random,
        RNG,
    ),
    rule(
        "rand::rngs",
        &[
            "StdRng::from_entropy",
            "StdRng::from_os_rng",
            "SmallRng::from_entropy",
            "SmallRng::from_os_rng",
        ],
        Random,
        RNG,
    ),
    rule("std::hash", &["RandomState::new"], Random, RNG),
    rule(
        "std::collections::hash_map",
        &["RandomState::new"],
        Random,
        RNG,
    ),
    rule(
        "tokio",
        &[
            "time::sleep",
            "time::sleep_until",
            "time::interval",
            "time::interval_at",
        ],
        Sleep,
        SLEEP,
    ),
    rule(
        "tokio",
        &["time::timeout", "time::timeout_at"],
        Sleep,
        TIMEOUT,
    ),
    rule(
        "std",
        &["thread::sleep", "thread::sleep_until", "thread::sleep_ms"],
        Sleep,
        SLEEP,
    ),
    rule("async_std", &["task::sleep"], Sleep, SLEEP),
    rule(
        "",
        &["smol::Timer::after", "futures_timer::Delay::new"],
        Sleep,
        SLEEP,
    ),
    rule("gloo_timers::future", &["TimeoutFuture::new"], Sleep, SLEEP),
    rule(
        "std",
        &[
            "fs::canonicalize",
            "fs::copy",
            "fs::create_dir",
            "fs::create_dir_all",
            "fs::exists",
            "fs::hard_link",
            "fs::metadata",
            "fs::read",
            "fs::read_dir",
            "fs::read_link",
            "fs::read_to_string",
            "fs::remove_dir",
            "fs::remove_dir_all",
            "fs::remove_file",
            "fs::rename",
            "fs::set_permissions",
            "fs::symlink_metadata",
            "fs::write",
            "io::stdin",
            "io::stdout",
            "io::stderr",
            "process::abort",
            "process::exit",
            "process::Command::new",
        ],
        Io,
        ACTIVITY,
    ),
    rule(
        "tokio",
        &[
            "io::stdin",
            "io::stdout",
            "io::stderr",
            "process::Command::new",
            "signal::ctrl_c",
        ],
        Io,
        ACTIVITY,
    ),
    rule("std::process", &["Command::new"], Io, ACTIVITY),
    rule("tokio::process", &["Command::new"], Io, ACTIVITY),
    rule(
        "std::fs",
        &[
            "File::create",
            "File::create_new",
            "File::open",
            "File::options",
            "OpenOptions::new",
        ],
        Io,
        ACTIVITY,
    ),
    rule(
        "tokio::fs",
        &[
            "File::create",
            "File::create_new",
            "File::open",
            "File::options",
            "OpenOptions::new",
        ],
        Io,
        ACTIVITY,
    ),
    rule(
        "std::net",
        &[
            "TcpStream::connect",
            "TcpStream::connect_timeout",
            "TcpListener::bind",
            "UdpSocket::bind",
        ],
        Io,
        ACTIVITY,
    ),
    rule(
        "tokio::net",
        &[
            "TcpStream::connect",
            "TcpListener::bind",
            "UdpSocket::bind",
            "UnixStream::connect",
        ],
        Io,
        ACTIVITY,
    ),
    rule(
        "std::os::unix::net",
        &["UnixStream::connect", "UnixListener::bind"],
        Io,
        ACTIVITY,
    ),
    rule(
        "",
        &[
            "reqwest::Client::new",
            "reqwest::Client::builder",
            "reqwest::ClientBuilder::new",
            "reqwest::blocking::get",
            "reqwest::blocking::Client::new",
            "reqwest::blocking::Client::builder",
            "ureq::Agent::new_with_defaults",
        ],
        Io,
        HTTP,
    ),
    rule(
        "std",
        &[
            "env::args",
            "env::args_os",
            "env::current_dir",
            "env::current_exe",
            "env::home_dir",
            "env::remove_var",
            "env::set_current_dir",
            "env::set_var",
            "env::temp_dir",
            "env::var",
            "env::var_os",
            "env::vars",
            "env::vars_os",
            "process::id",
            "thread::available_parallelism",
        ],
        Io,
        SETTINGS,
    ),
    rule("", &["dotenvy::var", "num_cpus::get"], Io, SETTINGS),
    rule(
        "std",
        &["thread::spawn", "thread::scope", "thread::Builder::new"],
        Spawn,
        TOGETHER,
    ),
    rule(
        "tokio",
        &[
            "task::spawn",
            "task::spawn_blocking",
            "task::spawn_local",
            "task::block_in_place",
            "runtime::Runtime::new",
            "runtime::Handle::current",
            "runtime::Handle::try_current",
            "runtime::Builder::new_current_thread",
            "runtime::Builder::new_multi_thread",
        ],
        Spawn,
        TOGETHER,
    ),
    rule(
        "tokio::task",
        &["JoinSet::new", "LocalSet::new"],
        Spawn,
        TOGETHER,
    ),
    rule(
        "tokio::runtime",
        &["Runtime::new", "Handle::current"],
        Spawn,
        TOGETHER,
    ),
    rule(
        "async_std",
        &["task::spawn", "task::spawn_blocking"],
        Spawn,
        TOGETHER,
    ),
    rule(
        "",
        &[
            "tokio::spawn",
            "smol::spawn",
            "actix_web::rt::spawn",
            "actix_rt::spawn",
            "rayon::join",
            "rayon::scope",
            "rayon::spawn",
        ],
        Spawn,
        TOGETHER,
    ),
    rule(
        "std::sync",
        &["Mutex::new", "RwLock::new", "Condvar::new", "Barrier::new"],
        Lock,
        CELL,
    ),
    rule(
        "parking_lot",
        &[
            "Mutex::new",
            "RwLock::new",
            "Condvar::new",
            "ReentrantMutex::new",
        ],
        Lock,
        CELL,
    ),
    rule(
        "",
        &[
            "futures::executor::block_on",
            "futures_executor::block_on",
            "async_std::task::block_on",
            "smol::block_on",
            "pollster::block_on",
        ],
        Lock,
        AWAIT,
    ),
    rule("futures", &["executor::block_on"], Lock, AWAIT),
    rule(
        "std",
        &["thread::park", "thread::park_timeout"],
        Lock,
        AWAIT,
    ),
];

/// Modules all of whose functions break replay; those of their types need not.
const MODULES: &[Rule] = &[
    rule("rand", &[], Random, RNG),
    rule("fastrand", &[], Random, RNG),
    rule("getrandom", &[], Random, RNG),
    rule("tokio::time", &[], Sleep, SLEEP),
    rule("tokio::task", &[], Spawn, TOGETHER),
    rule("tokio::fs", &[], Io, ACTIVITY),
    rule("tokio::net", &[], Io, ACTIVITY),
    rule("tokio::signal", &[], Io, ACTIVITY),
    rule("std::fs", &[], Io, ACTIVITY),
    rule("std::process", &[], Io, ACTIVITY),
    rule("std::env", &[], Io, SETTINGS),
    rule("reqwest", &[], Io, HTTP),
    rule("ureq", &[], Io, HTTP),
];

const MACROS: &[Rule] = &[
    rule(
        "std",
        &["print", "println", "eprint", "eprintln", "dbg"],
        Print,
        TRACING,
    ),
    rule("tokio", &["select"], Select, RACE),
    rule("futures", &["select"], Select, RACE),
    rule("futures_util", &["select"], Select, RACE),
    rule("crossbeam", &["select"], Select, RACE),
    rule("crossbeam_channel", &["select"], Select, RACE),
    rule("nanoid", &["nanoid"], Random, UUID),
];

/// Methods that block whatever they belong to.
pub(super) const BLOCKING_METHODS: &[&str] = &[
    "block_on",
    "blocking_lock",
    "blocking_read",
    "blocking_recv",
    "blocking_send",
    "blocking_write",
];

pub(super) const LOCK_ADVICE: &str = CELL;
pub(super) const BLOCKING_ADVICE: &str = AWAIT;
pub(super) const ORDER_ADVICE: &str =
    "use a `BTreeMap`, `BTreeSet` or `IndexMap`, or sort what you collect before it is used";

/// The rule about a function.
pub(super) fn of_function(path: &[String]) -> Option<&'static Rule> {
    let by_name = FUNCTIONS.iter().find(|rule| rule.is_about(path));
    let by_module = || MODULES.iter().find(|rule| rule.is_around(path));
    by_name.or_else(by_module)
}

/// The rule about a call of a function by its name alone, which is usually that of a known module.
pub(super) fn of_imported(name: &str, argument: Option<&Expr>) -> Option<&'static Rule> {
    let module = match (name, argument) {
        ("sleep" | "sleep_until" | "timeout" | "timeout_at", Some(_)) => &["tokio", "time"][..],
        ("spawn_blocking", Some(Expr::Closure(_))) => &["tokio", "task"],
        ("spawn", Some(Expr::Closure(_) | Expr::Async(_))) => &["tokio"],
        ("block_on", Some(_)) => &["futures", "executor"],
        ("random", None) => &["rand"],
        _ => return None,
    };
    let path: Vec<String> = module
        .iter()
        .copied()
        .chain([name])
        .map(String::from)
        .collect();
    of_function(&path)
}

/// The rule about a macro.
pub(super) fn of_macro(path: &[String]) -> Option<&'static Rule> {
    MACROS.iter().find(|rule| rule.is_about(path))
}

impl Rule {
    /// Whether a path is that of a function right in the module.
    fn is_around(&self, path: &[String]) -> bool {
        let Some((function, module)) = path.split_last() else {
            return false;
        };
        function.starts_with(char::is_lowercase) && module.iter().eq(self.module.split("::"))
    }

    fn is_about(&self, path: &[String]) -> bool {
        self.items
            .iter()
            .any(|item| is_end_of(path, self.module, item))
    }
}

/// Whether a path means the item of a module: is the last part of its full path, and has at least
/// the item in it.
pub(super) fn is_end_of(path: &[String], module: &str, item: &str) -> bool {
    let mut rest = path.iter().rev();
    for expected in item.rsplit("::") {
        if rest.next().is_none_or(|segment| segment != expected) {
            return false;
        }
    }
    let mut module = module.rsplit("::");
    rest.all(|segment| match module.next() {
        Some("std") => ["std", "core", "alloc"].contains(&&**segment),
        Some(expected) => segment == expected,
        None => false,
    })
}
