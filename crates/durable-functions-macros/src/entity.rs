//! The expansion of `#[entity]`.

mod expand;
mod operation;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{ImplItem, ItemImpl, Type};

use crate::errors::Errors;
use crate::names;
use crate::options::Options;
use operation::Operation;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = generate(arguments, item, &mut errors);
    errors.with(expansion.unwrap_or_default())
}

/// An `impl` block that the attribute stands on.
struct Entity {
    /// The type whose methods are the operations.
    ty: Type,
    name: String,
    binding: String,
    operations: Vec<Operation>,
}

fn generate(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> Option<TokenStream> {
    let options = Options::parse(arguments, &["name", "binding"], errors);
    let mut block: ItemImpl = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let is_block = item.to_string().contains("impl");
            if is_block {
                errors.add(error);
            } else {
                errors.push(item, "an entity is a type with its methods: put the attribute on `impl Counter { .. }`");
            }
            return None;
        }
    };
    if !check_block(&block, errors) {
        return Some(block.into_token_stream());
    }
    let ident = type_name(&block.self_ty)?;
    let name = match &options.name {
        Some(name) => {
            names::check_function(&name.value(), name.span(), errors);
            name.value()
        }
        None => snake_case(&ident.to_string()),
    };
    let operations = operations(&mut block, errors);
    let mut expansion = block.to_token_stream();
    let operations = operations?;
    if operations.is_empty() {
        errors.push(
            &block.self_ty,
            "an entity has operations: write a method with `&self` or `&mut self`",
        );
    }
    let entity = Entity {
        ty: (*block.self_ty).clone(),
        name,
        binding: options.binding("context"),
        operations,
    };
    expansion.extend(expand::implementation(&entity));
    Some(expansion)
}

fn check_block(block: &ItemImpl, errors: &mut Errors) -> bool {
    let mut usable = true;
    if let Some((_, path, _)) = &block.trait_ {
        errors.push(path, "the operations of an entity are methods of the type itself: write `impl Counter { .. }`");
        usable = false;
    }
    if !block.generics.params.is_empty() {
        errors.push(
            &block.generics,
            "an entity can't be generic: the host knows it by its name alone",
        );
        usable = false;
    }
    if type_name(&block.self_ty).is_none() {
        errors.push(
            &block.self_ty,
            "an entity is a type of your own, such as a struct with its state",
        );
        usable = false;
    }
    usable
}

fn type_name(ty: &Type) -> Option<&syn::Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last().map(|it| &it.ident),
        _ => None,
    }
}

/// The methods with a receiver. `None` if nothing can be generated for one of them.
fn operations(block: &mut ItemImpl, errors: &mut Errors) -> Option<Vec<Operation>> {
    let ty = (*block.self_ty).clone();
    let mut operations: Vec<Operation> = Vec::new();
    let mut usable = true;
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        match Operation::take(method, &ty, errors) {
            Ok(None) => {}
            Ok(Some(operation)) => {
                let same = |other: &Operation| other.name.eq_ignore_ascii_case(&operation.name);
                if operations.iter().any(same) {
                    errors.push(
                        &operation.ident,
                        format!("two operations are named `{}`; names compare without case: give one another with `#[operation(name = \"..\")]`", operation.name),
                    );
                    usable = false;
                }
                operations.push(operation);
            }
            Err(()) => usable = false,
        }
    }
    usable.then_some(operations)
}

/// `RateLimiter` becomes `rate_limiter`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let chars: Vec<char> = name.trim_start_matches("r#").chars().collect();
    for (index, c) in chars.iter().enumerate() {
        let after = index.checked_sub(1).and_then(|at| chars.get(at));
        let before = chars.get(index + 1);
        let begins = c.is_uppercase()
            && after.is_some_and(|after| {
                *after != '_'
                    && (!after.is_uppercase() || before.is_some_and(|it| it.is_lowercase()))
            });
        if begins {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(item: &str) -> Vec<String> {
        let mut errors = Errors::default();
        generate(TokenStream::new(), item.parse().unwrap(), &mut errors);
        errors.messages()
    }

    #[test]
    fn names() {
        for (name, snake) in [
            ("Counter", "counter"),
            ("RateLimiter", "rate_limiter"),
            ("HTTPCache", "http_cache"),
            ("A", "a"),
            ("Room2Go", "room2_go"),
            ("already_snake", "already_snake"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn takes_methods() {
        for item in [
            "impl C { fn get(&self) -> i64 { 0 } }",
            "impl C { async fn add(&mut self, ctx: EntityContext, n: i64) -> Result<i64> { Ok(n) } fn helper(n: i64) {} }",
            "impl a::C { fn set(&mut self, other: Self, rates: State<Rates>) {} }",
            "impl C { #[operation(name = \"signal\")] fn signal_all(&self) {} #[operation(skip)] fn own(&self, a: u8, b: u8) {} fn x(&self) {} }",
        ] {
            assert_eq!(errors(item), [""; 0], "{item}");
        }
    }

    #[test]
    fn says_what_to_write() {
        for (item, words) in [
            ("struct C;", "put the attribute on `impl Counter"),
            (
                "impl X for C { fn get(&self) {} }",
                "methods of the type itself",
            ),
            ("impl<T> C<T> { fn get(&self) {} }", "can't be generic"),
            (
                "impl C { fn new() -> Self { C } }",
                "an entity has operations",
            ),
            ("impl C { fn get(self) {} }", "write `&self` or `&mut self`"),
            ("impl C { fn get<T>(&self, x: T) {} }", "can't be generic"),
            (
                "impl C { fn get(&self, x: &str) {} }",
                "take `String` for `&str`",
            ),
            ("impl C { fn get(&self, a: u8, b: u8) {} }", "one input"),
            (
                "impl C { fn signal(&self) {} }",
                "`#[operation(name = \"signal\")]`",
            ),
            (
                "impl C { fn at(&self) {} }",
                "`#[operation(name = \"at\")]`",
            ),
            ("impl C { fn a(&self) {} fn A(&self) {} }", "two operations"),
            (
                "impl C { #[operation(nam = \"x\")] fn a(&self) {} }",
                "unknown argument",
            ),
            (
                "impl C { fn a(&self, c: DurableClient) {} }",
                "`EntityContext`",
            ),
            (
                "impl C { fn a(&self) -> &str { \"\" } }",
                "owns what it returns",
            ),
        ] {
            let errors = errors(item);
            assert!(
                matches!(&*errors, [message] if message.contains(words)),
                "{item}: {errors:?}"
            );
        }
    }
}
