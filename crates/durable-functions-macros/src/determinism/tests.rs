use proc_macro2::TokenStream;

use super::*;
use crate::signature::Kind;

/// What is told of a body with an input.
fn messages(input: &str, body: &str, allowed: &[Category]) -> Vec<String> {
    let item = format!("async fn o(ctx: OrchestrationContext, {input}) {{ {body} }}");
    let item: TokenStream = item.parse().unwrap();
    let mut errors = Errors::default();
    let function = Function::parse(item, Kind::Orchestrator, &mut errors).unwrap();
    check(&function, allowed, &mut errors);
    errors.messages()
}

/// What would have to be allowed.
fn found_in(input: &str, body: &str) -> Vec<String> {
    let category = |message: String| {
        let (_, rest) = message.split_once("allow(").unwrap();
        rest.split_once(')').unwrap().0.to_owned()
    };
    let messages = messages(input, body, &[]);
    messages.into_iter().map(category).collect()
}

fn found(body: &str) -> Vec<String> {
    found_in("input: Input", body)
}

#[test]
fn paths_are_found_in_full_and_as_they_are_imported() {
    for (body, category) in [
        ("std::time::Instant::now();", "clock"),
        ("::std::time::SystemTime::now();", "clock"),
        ("let t = time::SystemTime::now();", "clock"),
        ("let t = Instant::now();", "clock"),
        ("let t = <Instant>::now();", "clock"),
        ("let t = x.unwrap_or_else(Utc::now);", "clock"),
        ("chrono::Local::now();", "clock"),
        ("tokio::time::Instant::now();", "clock"),
        ("uuid::Uuid::new_v4();", "random"),
        ("Uuid::now_v7();", "random"),
        ("let n: u8 = rand::random();", "random"),
        ("let x = fastrand::shuffle(&mut v);", "random"),
        ("x.map(|_| Uuid::new_v4()).collect();", "random"),
        ("let n = rand::random::<u8>();", "random"),
        ("thread_rng().gen_range(0..6);", "random"),
        ("rand::rng().random_range(0..6);", "random"),
        ("let rng = StdRng::from_os_rng();", "random"),
        ("tokio::time::sleep(d).await;", "sleep"),
        ("time::timeout(d, task).await;", "sleep"),
        ("std::thread::sleep(d);", "sleep"),
        ("thread::sleep(d);", "sleep"),
        ("fs::read(\"x\");", "io"),
        ("tokio::fs::read(\"x\").await;", "io"),
        ("let f = File::open(\"x\")?;", "io"),
        ("TcpStream::connect(a).await?;", "io"),
        ("reqwest::get(url).await?;", "io"),
        ("Command::new(\"ls\").spawn();", "io"),
        ("std::process::exit(1);", "io"),
        ("env::var(\"X\");", "io"),
        ("for x in std::env::args() {}", "io"),
        ("tokio::spawn(async {});", "spawn"),
        ("task::spawn_blocking(|| 1).await;", "spawn"),
        ("std::thread::spawn(|| 1);", "spawn"),
        ("let set = JoinSet::new();", "spawn"),
        ("let m = std::sync::Mutex::new(0);", "lock"),
        ("futures::executor::block_on(task);", "lock"),
        ("let n = STATE.lock().unwrap();", "lock"),
        ("let n = shared.lock().expect(\"x\");", "lock"),
        ("let n = crate::STATE.read().unwrap();", "lock"),
        ("runtime.block_on(task);", "lock"),
        ("receiver.blocking_recv();", "lock"),
        ("println!(\"x\");", "print"),
        ("std::eprintln!(\"x\");", "print"),
        ("let x = dbg!(x);", "print"),
        ("select! { a = b => {} }", "select"),
        ("tokio::select! { a = b => {} }", "select"),
        ("let x = futures::select! { a = b => a, };", "select"),
    ] {
        assert_eq!(found(body), [category], "{body}");
    }
}

#[test]
fn calls_by_a_name_that_is_usually_imported_are_found() {
    for (body, category) in [
        ("sleep(Duration::from_secs(1)).await;", "sleep"),
        ("timeout(d, ctx.call(a, 1)).await;", "sleep"),
        ("spawn(async move { 1 });", "spawn"),
        ("spawn(|| 1).join();", "spawn"),
        ("spawn_blocking(move || 1).await;", "spawn"),
        ("let n: u8 = random();", "random"),
        ("let n = random::<u8>();", "random"),
        ("block_on(task);", "lock"),
    ] {
        assert_eq!(found(body), [category], "{body}");
    }
    for body in [
        "fn sleep(x: u8) {} sleep(1);",
        "use crate::pauses::sleep; sleep(1).await;",
        "let random = || 1; random();",
        "sleep(&ctx, 1).await; timeout(ctx.clone(), 1).await; spawn(ctx, || 1);",
        "ctx.call(sleep, 1).await; random(6); spawn(worker); helpers::sleep(1);",
    ] {
        assert_eq!(found(body), [""; 0], "{body}");
    }
}

#[test]
fn everything_in_a_body_is_looked_at() {
    for body in [
        "if a { while let Some(x) = b { match c { _ if d => { Instant::now(); } _ => {} } } }",
        "let f = |x: u8| Instant::now();",
        "let f = async move { Instant::now() };",
        "let Some(x) = y else { Instant::now(); return; };",
        "fn helper() { Instant::now(); }",
        "struct S; impl S { fn helper(&self) { Instant::now(); } }",
        "mod m { fn helper() { Instant::now(); } }",
        "const X: Instant = Instant::now();",
        "ctx.call(a, Instant::now()).await;",
        "let x = Input { at: Instant::now() };",
        // in macros
        "let x = format!(\"{:?}\", Instant::now());",
        "let x = format!(\"{x:?}\", x = Instant::now());",
        "let x = vec![Instant::now(); 3];",
        "assert!(a < Instant::now(), \"late\");",
        "let x = join!(a, async { Instant::now() });",
        "let x = matches!(Instant::now(), x if x > y);",
        "let x = json!({ \"at\": Instant::now(), \"x\": [] });",
        "info!(at = %Instant::now(), \"now\");",
        "select_biased! { a = b => Instant::now(), }",
        "select_biased! { a = b.fuse() => { Instant::now(); } complete => {}, default => {} }",
        "tokio::select! { biased; Some(a) = b, if a < Instant::now() => { a } _ = d => e, else => f }",
    ] {
        assert_eq!(found(body), ["clock"], "{body}");
    }
}

#[test]
fn every_finding_is_told_in_the_order_of_the_body() {
    assert_eq!(
        found("println!(\"{}\", Utc::now()); tokio::spawn(async { rand::random::<u8>() });"),
        ["print", "clock", "spawn", "random"]
    );
    // in tokens of which nothing is known
    assert_eq!(
        found("m!({ \"a\": Utc::now(), \"b\": println!(\"{}\", env::var(\"X\")) => });"),
        ["clock", "print", "io"]
    );
}

#[test]
fn imports_of_the_body_are_followed() {
    for (body, expected) in [
        (
            "use std::time::Instant as Clock; Clock::now();",
            &["clock"][..],
        ),
        ("use std::time; time::Instant::now();", &["clock"]),
        (
            "use tokio::time::{self, sleep as pause}; pause(d).await; time::sleep(d).await;",
            &["sleep", "sleep"],
        ),
        (
            "use std::{env::{var, self}, fs as files}; files::read(x); var(x); env::var(x);",
            &["io", "io", "io"],
        ),
        (
            "use tokio::select as choose; choose! { a = b => a }",
            &["select"],
        ),
        ("use tokio::spawn; spawn(task);", &["spawn"]),
        // also from further below
        ("Clock::now(); use std::time::Instant as Clock;", &["clock"]),
        ("use crate::test::Instant; Instant::now();", &[]),
        ("use crate::files as fs; fs::read(x);", &[]),
        ("use super::select; select! { a = b => a }", &[]),
        // only in its block
        ("{ use crate::test::Instant; } Instant::now();", &["clock"]),
        // in a circle
        ("use a::b; use b::a; a::b::c(); b::a::c();", &[]),
        ("use a::a; a::a::c();", &[]),
    ] {
        assert_eq!(found(body), expected, "{body}");
    }
}

#[test]
fn what_is_not_meant_is_left_alone() {
    for body in [
        // the context and its tasks
        "ctx.now(); ctx.new_uuid(); ctx.rng(); ctx.sleep(d).await; ctx.spawn(x); ctx.lock(x).await;",
        // the same names, of the body's own
        "struct Instant; impl Instant { fn now() {} } Instant::now();",
        "mod fs { pub fn read() {} } fs::read();",
        "fn thread_rng() {} thread_rng();",
        "let thread_rng = || 1; thread_rng();",
        "macro_rules! println { () => {} } println!();",
        // the same names, of other things
        "let (fs, rand, env, time) = x; fs.read(); rand.random(); env.var(); time.now(); env;",
        "pool.spawn(x); pool.select(y); file.open(); map.get(z); x.read().unwrap(); y.write().await;",
        "crate::Instant::now(); self::fs::read(); my::Uuid::new_v4(); spawn(x);",
        "State::default(); clock::now(); Mutexes::new();",
        // of the same modules, and harmless
        "std::time::Duration::from_secs(1); tokio::time::Duration::from_millis(1); SystemTime::UNIX_EPOCH;",
        "std::net::Ipv4Addr::new(1, 2, 3, 4); std::env::consts::OS; env!(\"X\"); SocketAddr::from(x);",
        "Utc.timestamp_opt(1, 0); Uuid::nil(); Uuid::new_v5(a, b); Uuid::parse_str(x); StdRng::seed_from_u64(1);",
        "let x: Instant = y; fn f(x: Instant) -> Utc { x }",
        "let m = tokio::sync::Mutex::new(1); m.lock().await; reqwest::Url::parse(x);",
        "stringify!(Instant::now()); quote!(println!(1));",
        "format!(\"Instant::now()\");",
        // deterministic
        "tokio::select! { biased; a = b => a }",
        "futures::select_biased! { a = b => a, }",
        "select_biased! { a = b => a, complete => c }",
        "tokio::join!(a, b); futures::future::select(a, b).await;",
        // other functions of the app
        "#[activity] async fn inside() { Instant::now(); std::fs::read(x); }",
        "#[durable_functions::activity] fn inside() { Instant::now(); }",
    ] {
        assert_eq!(found(body), [""; 0], "{body}");
    }
}

#[test]
fn iterations_of_hash_maps_are_found() {
    for body in [
        "let map = HashMap::new(); for x in map {}",
        "let map: HashMap<u8, u8> = x; for x in &map {}",
        "let mut set = std::collections::HashSet::from([1]); for x in &mut set {}",
        "let map = HashMap::<u8, u8>::with_capacity(1); for x in map.iter() {}",
        "let map = x.collect::<HashMap<_, _>>(); for x in map.keys() {}",
        "let map = &HashMap::new(); let copy = map.clone(); for x in copy.values() {}",
        "let map: Arc<HashMap<u8, u8>> = x; map.iter().map(|x| x).collect::<Vec<_>>();",
        "let map = ctx.call_by_name::<HashMap<u8, u8>>(x, ()).await?; for x in map.into_keys() {}",
        "let map = serde_json::from_str::<HashMap<u8, u8>>(x)?; for x in map {}",
        "let (a, b): (u8, HashSet<u8>) = x; b.drain();",
        "use std::collections::HashMap as Map; let map = Map::new(); for x in map {}",
        "let map = HashMap::new(); let f = || map.iter().next();",
        "let map = HashMap::new(); let x = Vec::from_iter(map);",
        "let map = HashMap::new(); let x = format!(\"{:?}\", map.keys());",
        "let f = |map: HashMap<u8, u8>| map.into_values();",
        "for x in HashSet::from([1]) {}",
        // the order still shows
        "let map = HashMap::new(); map.values().take(3).sum::<u8>();",
        "let map = HashMap::new(); map.values().sum::<f64>();",
        "let map = HashMap::new(); map.keys().map(|x| ctx.call(a, x)).count();",
        "let map = HashMap::new(); let v: Vec<_> = map.keys().collect(); f(v); v.sort();",
        "let map = HashMap::new(); let v: Vec<_> = map.keys().map(|x| ctx.call(a, x)).collect(); v.sort();",
    ] {
        assert_eq!(found(body), ["hash_iteration"], "{body}");
    }
    for input in [
        "input: HashMap<u8, u8>",
        "mut input: std::collections::HashMap<u8, u8>",
        "(a, input): (u8, HashSet<String>)",
    ] {
        assert_eq!(
            found_in(input, "for x in input {}"),
            ["hash_iteration"],
            "{input}"
        );
    }
}

#[test]
fn hash_maps_may_be_used_where_the_order_does_not_show() {
    for body in [
        "let mut map = HashMap::new(); map.insert(1, 2); map.get(&1); map.contains_key(&1); map.len(); map[&1];",
        "let map = HashMap::new(); ctx.call(a, map).await;",
        "let map = HashMap::new(); map.values().sum::<u64>();",
        "let map = HashMap::new(); map.iter().filter(|x| x).map(|x| x).count();",
        "let map = HashMap::new(); map.keys().max(); map.values().any(|x| x);",
        "let map = HashMap::new(); map.into_iter().collect::<BTreeMap<_, _>>();",
        "let map = HashMap::new(); let sorted: BTreeMap<_, _> = map.into_iter().collect(); for x in sorted {}",
        "let map = HashMap::new(); let mut v: Vec<_> = map.keys().cloned().collect(); v.sort_unstable();",
        "let map = HashMap::new(); for x in map.keys().sorted() {}",
        // other types
        "let map: HashMap<u8, u8, FixedState> = x; for x in map {}",
        "let map: BTreeMap<u8, u8> = x; for x in map {}",
        "let maps: Vec<HashMap<u8, u8>> = x; for x in maps {}",
        "let map = HashMap::new(); let map: Vec<u8> = x; for x in map {}",
        "let map = HashMap::new(); if let Some(map) = x { for x in map {} }",
        "let map = HashMap::new(); match x { map => for x in map {} }",
        "let map = HashMap::new(); for map in x { for x in map {} }",
        "let map = HashMap::new(); let f = |map| for x in map {};",
        "struct HashMap; let map = HashMap::new(); for x in map {}",
        "use indexmap::IndexMap as HashMap; let map = HashMap::new(); for x in map {}",
        "use crate::HashMap; let map: HashMap<u8, u8> = x; for x in &map {}",
    ] {
        assert_eq!(found(body), [""; 0], "{body}");
    }
}

#[test]
fn what_is_allowed_is_not_told() {
    let body = "Utc::now(); println!(); for x in HashMap::new() {} Utc::now();";
    let allowed = [Category::Clock, Category::HashIteration];
    let told = messages("input: Input", body, &allowed);
    assert!(
        matches!(&*told, [message] if message.contains("allow(print)")),
        "{told:?}"
    );
    assert_eq!(messages("input: Input", body, &Category::ALL), [""; 0]);
}

#[test]
fn each_finding_says_what_it_is_what_it_breaks_and_what_to_use() {
    assert_eq!(
        messages("input: Input", "chrono::Utc::now();", &[]),
        [
            "`chrono::Utc::now` reads a clock, which shows another time at every replay: use `ctx.now()`. \
            If it does no harm here, say so: `#[orchestrator(allow(clock))]`"
        ]
    );
    for (body, words, advice) in [
        (
            "Uuid::new_v4();",
            "`Uuid::new_v4` gives another",
            "`ctx.new_uuid()`",
        ),
        (
            "rand::random::<u8>();",
            "`rand::random` gives",
            "`ctx.rng()`",
        ),
        (
            "use tokio::time as t; t::sleep(d);",
            "`t::sleep` waits",
            "`ctx.sleep(..)`",
        ),
        (
            "tokio::time::timeout(d, x);",
            "waits for a clock",
            "`.timeout(..)`",
        ),
        ("fs::read(x);", "`fs::read` reaches", "into an activity"),
        (
            "reqwest::get(x).await;",
            "reaches the world",
            "`ctx.call_http(..)`",
        ),
        ("std::env::var(x);", "reaches the world", "pass it as input"),
        ("tokio::spawn(x);", "runs beside", "`ctx.call(..)`"),
        ("Mutex::new(1);", "blocks, and", "`RefCell`"),
        ("m.lock().unwrap();", "`lock` blocks", "`RefCell`"),
        ("rx.blocking_recv();", "`blocking_recv` blocks", "`.await`"),
        (
            "tokio::select! { a = b => {} }",
            "`tokio::select!` picks",
            "`select_biased!`",
        ),
        ("m!(x => dbg!(1));", "`dbg!` prints", "`tracing`"),
        (
            "for x in HashSet::from([1]) {}",
            "this goes through",
            "`BTreeSet`",
        ),
    ] {
        let told = messages("input: Input", body, &[]);
        assert!(
            matches!(&*told, [message] if message.contains(words) && message.contains(advice)),
            "{body}: {told:?}"
        );
    }
}

#[test]
fn a_body_that_is_no_rust_is_left_to_the_compiler() {
    assert_eq!(found("Instant::now(); let x = ;"), [""; 0]);
}
