//! Which variables are seen to be hash maps or sets.

use syn::{Expr, GenericArgument, Pat, PathArguments, Type};

/// Methods that go through a map or set.
const ITERATIONS: [&str; 11] = [
    "iter",
    "iter_mut",
    "keys",
    "values",
    "values_mut",
    "into_iter",
    "into_keys",
    "into_values",
    "drain",
    "union",
    "intersection",
];

pub(super) fn iterates(method: &str) -> bool {
    ITERATIONS.contains(&method)
}

fn is_hash(name: &syn::Ident) -> bool {
    name == "HashMap" || name == "HashSet"
}

pub(super) fn is_hash_type(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| is_hash(&last.ident)),
        Type::Reference(reference) => is_hash_type(&reference.elem),
        Type::Paren(inner) => is_hash_type(&inner.elem),
        Type::Group(inner) => is_hash_type(&inner.elem),
        _ => false,
    }
}

/// Whether an expression is seen to make one: `HashMap::new()`, `.collect::<HashSet<_>>()`.
pub(super) fn makes_hash(expression: &Expr) -> bool {
    match expression {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let mut segments = path.path.segments.iter().rev().skip(1);
                segments.next().is_some_and(|of| is_hash(&of.ident))
            }
            _ => false,
        },
        Expr::MethodCall(call) if call.method == "collect" => {
            let Some(arguments) = &call.turbofish else {
                return false;
            };
            arguments
                .args
                .iter()
                .any(|argument| matches!(argument, GenericArgument::Type(ty) if is_hash_type(ty)))
        }
        Expr::MethodCall(call) if call.method == "clone" => makes_hash(&call.receiver),
        Expr::Try(inner) => makes_hash(&inner.expr),
        Expr::Paren(inner) => makes_hash(&inner.expr),
        Expr::Path(path) => path.path.segments.iter().rev().any(|segment| {
            is_hash(&segment.ident) && !matches!(segment.arguments, PathArguments::None)
        }),
        _ => false,
    }
}

/// The name in `x`, `&x`, `(x)`.
pub(super) fn variable(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::Reference(reference) => variable(&reference.expr),
        Expr::Paren(inner) => variable(&inner.expr),
        Expr::Group(inner) => variable(&inner.expr),
        _ => None,
    }
}

/// The variable that a pattern makes, with the type that it says.
pub(super) fn binding(pattern: &Pat) -> Option<(String, Option<&Type>)> {
    match pattern {
        Pat::Ident(ident) => Some((ident.ident.to_string(), None)),
        Pat::Type(typed) => binding(&typed.pat).map(|(name, _)| (name, Some(&*typed.ty))),
        _ => None,
    }
}
