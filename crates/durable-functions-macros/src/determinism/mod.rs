//! What can be seen in an orchestrator's body to break replay.
//!
//! Only the body's own code is seen, not that of the functions it calls, and types only where they
//! are spelt out. What is in doubt is let through: the engine compares every replay with the
//! history anyway.

mod category;
mod hashes;
mod paths;
mod visitor;

use proc_macro2::TokenStream;
use syn::Block;
use syn::visit::Visit as _;

pub(crate) use category::Category;

use crate::errors::Errors;
use crate::signature::Function;
use visitor::Visitor;

/// Adds an error for everything in the body that breaks replay, apart from what is allowed. A body
/// that is no Rust is for the compiler to complain about.
pub(crate) fn check(function: &Function, allowed: &[Category], errors: &mut Errors) {
    let body = TokenStream::from(proc_macro2::TokenTree::Group(function.body.clone()));
    let Ok(block) = syn::parse2::<Block>(body) else {
        return;
    };
    let mut visitor = Visitor::new(allowed, errors);
    for argument in &function.arguments {
        visitor.argument(argument);
    }
    visitor.visit_block(&block);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Kind;

    fn messages(body: &str, allowed: &[Category]) -> Vec<String> {
        let mut errors = Errors::default();
        let item = format!(
            "async fn o(ctx: OrchestrationContext, input: HashMap<String, u32>) {{ {body} }}"
        );
        let function =
            Function::parse(item.parse().unwrap(), Kind::Orchestrator, &mut errors).unwrap();
        check(&function, allowed, &mut errors);
        errors.messages()
    }

    #[test]
    fn sees_what_breaks_replay() {
        for (body, advice, category) in [
            ("let t = Instant::now();", "ctx.now()", Category::Clock),
            (
                "let t = std::time::SystemTime::now();",
                "ctx.now()",
                Category::Clock,
            ),
            ("let t = chrono::Utc::now();", "ctx.now()", Category::Clock),
            (
                "let id = Uuid::new_v4();",
                "ctx.new_uuid()",
                Category::Random,
            ),
            (
                "let ids: Vec<_> = x.map(|_| Uuid::now_v7()).collect();",
                "ctx.new_uuid()",
                Category::Random,
            ),
            (
                "let n: u32 = rand::random();",
                "ctx.rng()",
                Category::Random,
            ),
            ("let r = thread_rng();", "ctx.rng()", Category::Random),
            (
                "tokio::time::sleep(d).await;",
                "ctx.sleep(..)",
                Category::Sleep,
            ),
            (
                "time::timeout(d, f).await;",
                "ctx.sleep(..)",
                Category::Sleep,
            ),
            ("thread::sleep(d);", "ctx.sleep(..)", Category::Sleep),
            (
                "let text = std::fs::read_to_string(p);",
                "activity",
                Category::Io,
            ),
            (
                "let text = tokio::fs::read(p).await;",
                "activity",
                Category::Io,
            ),
            (
                "let key = std::env::var(\"KEY\");",
                "activity",
                Category::Io,
            ),
            (
                "let s = TcpStream::connect(a).await;",
                "activity",
                Category::Io,
            ),
            (
                "let r = reqwest::get(url).await;",
                "call_http",
                Category::Io,
            ),
            ("tokio::spawn(async {});", "ctx.call(..)", Category::Spawn),
            (
                "std::thread::spawn(|| {});",
                "ctx.call(..)",
                Category::Spawn,
            ),
            ("let m = Mutex::new(1);", "RefCell", Category::Lock),
            ("let g = shared.lock().unwrap();", "RefCell", Category::Lock),
            (
                "tokio::select! { a = b => {} }",
                "select_biased!",
                Category::Select,
            ),
            (
                "select! { a = b => {} }",
                "select_biased!",
                Category::Select,
            ),
            ("println!(\"x\");", "tracing", Category::Print),
            (
                "for (k, v) in &input {}",
                "BTreeMap",
                Category::HashIteration,
            ),
            (
                "for k in input.keys() {}",
                "BTreeMap",
                Category::HashIteration,
            ),
            (
                "let s = HashSet::from([1]); for x in s {}",
                "BTreeMap",
                Category::HashIteration,
            ),
            (
                "let m = x.collect::<HashMap<_, _>>(); m.values().max();",
                "BTreeMap",
                Category::HashIteration,
            ),
            ("info!(\"{}\", Utc::now());", "ctx.now()", Category::Clock),
            (
                "async { if true { Utc::now(); } };",
                "ctx.now()",
                Category::Clock,
            ),
            (
                "use std::time::Instant; let t = Instant::now();",
                "ctx.now()",
                Category::Clock,
            ),
        ] {
            let found = messages(body, &[]);
            assert!(
                matches!(&*found, [message] if message.contains(advice)
                    && message.contains(&format!("allow({})", category.name()))),
                "{body}: {found:?}"
            );
            assert_eq!(messages(body, &[category]), [""; 0], "{body}");
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for body in [
            "let now = ctx.now(); let id = ctx.new_uuid(); ctx.sleep(d).await;",
            "let n = input.get(\"x\"); let c = input.len(); input.contains_key(\"y\");",
            "let input = BTreeMap::from(pairs); for x in input.keys() {}",
            "let fs = 1; let env = fs + 1; pool.spawn(env);",
            "struct Instant; impl Instant { fn now() -> Self { Self } } let t = Instant::now();",
            "use crate::clock::Instant; let t = Instant::now();",
            "let t = crate::time::Utc::now();",
            "tokio::select! { biased; a = b => {} }",
            "select_biased! { a = b => {}, }",
            "let guard = ctx.lock([a]).await?;",
            "let d = std::time::Duration::from_secs(1); let t = Instant::from(d);",
            "tracing::info!(\"x {}\", 1);",
            "let id = Uuid::new_v5(&ns, name);",
            "let id = Uuid::parse_str(text)?;",
        ] {
            assert_eq!(messages(body, &[]), [""; 0], "{body}");
        }
    }

    #[test]
    fn tells_everything_at_once() {
        assert_eq!(
            messages("Utc::now(); rand::random(); Utc::now();", &[]).len(),
            3
        );
    }

    #[test]
    fn a_body_that_is_no_rust_is_left_to_the_compiler() {
        assert_eq!(messages("let = ; Utc::now()", &[]), [""; 0]);
    }
}
