//! What can be seen to be a hash map or set, and to be iterated in its order.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    AngleBracketedGenericArguments, Expr, ExprMethodCall, GenericArgument, Local, Pat, Path,
    PathArguments, Stmt, Type,
};

use super::rules::is_end_of;
use super::scope::Scopes;

/// A collection whose order is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Map,
    Set,
}

const TYPES: [(&str, &str, Hash); 8] = [
    ("std::collections", "HashMap", Hash::Map),
    ("std::collections", "HashSet", Hash::Set),
    ("std::collections::hash_map", "HashMap", Hash::Map),
    ("std::collections::hash_set", "HashSet", Hash::Set),
    ("hashbrown", "HashMap", Hash::Map),
    ("hashbrown", "HashSet", Hash::Set),
    ("ahash", "AHashMap", Hash::Map),
    ("ahash", "AHashSet", Hash::Set),
];

const CONSTRUCTORS: [&str; 5] = ["new", "with_capacity", "from", "from_iter", "default"];

const ITERATIONS: [&str; 13] = [
    "iter",
    "iter_mut",
    "into_iter",
    "keys",
    "into_keys",
    "values",
    "values_mut",
    "into_values",
    "drain",
    "union",
    "intersection",
    "difference",
    "symmetric_difference",
];

/// What an iterator can go through and still be the same in another order.
const ADAPTERS: [&str; 12] = [
    "map",
    "filter",
    "filter_map",
    "flat_map",
    "flatten",
    "cloned",
    "copied",
    "chain",
    "inspect",
    "by_ref",
    "into_iter",
    "collect",
];

/// What gives the same whatever the order.
const CONSUMERS: [&str; 12] = [
    "sum",
    "product",
    "count",
    "min",
    "max",
    "all",
    "any",
    "sorted",
    "sorted_by",
    "sorted_by_key",
    "sorted_unstable",
    "sorted_unstable_by",
];

/// Collections into which things can go in any order.
const UNORDERED: [&str; 7] = [
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "HashMap",
    "HashSet",
    "AHashMap",
    "AHashSet",
];

/// The hash map or set that a type is.
pub(super) fn of_type(ty: &Type, scopes: &Scopes) -> Option<Hash> {
    match ty {
        Type::Group(group) => of_type(&group.elem, scopes),
        Type::Paren(paren) => of_type(&paren.elem, scopes),
        Type::Reference(reference) => of_type(&reference.elem, scopes),
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last()?;
            if ["Rc", "Arc", "Box"]
                .iter()
                .any(|pointer| last.ident == pointer)
            {
                return of_type(only_type(&last.arguments)?, scopes);
            }
            of_path(&path.path, scopes)
        }
        _ => None,
    }
}

/// One with a hasher of its own is left alone: that may be one without random keys.
fn of_path(path: &Path, scopes: &Scopes) -> Option<Hash> {
    let full = scopes.resolve(path)?;
    let hash = of_name(&full)?;
    let arguments = match &path.segments.last()?.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.len(),
        _ => 0,
    };
    let own = match hash {
        Hash::Map => 2,
        Hash::Set => 1,
    };
    (arguments <= own).then_some(hash)
}

fn of_name(full: &[String]) -> Option<Hash> {
    TYPES
        .iter()
        .find_map(|(module, item, hash)| is_end_of(full, module, item).then_some(*hash))
}

fn only_type(arguments: &PathArguments) -> Option<&Type> {
    match arguments {
        PathArguments::AngleBracketed(arguments) => only_type_of(arguments),
        _ => None,
    }
}

fn only_type_of(arguments: &AngleBracketedGenericArguments) -> Option<&Type> {
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

/// The expression without what does not change what it is here.
fn peel(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => peel(&group.expr),
        Expr::Paren(paren) => peel(&paren.expr),
        Expr::Reference(reference) => peel(&reference.expr),
        Expr::Try(expr) => peel(&expr.expr),
        Expr::Await(expr) => peel(&expr.base),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) => peel(&unary.expr),
        other => other,
    }
}

/// The hash map or set that an expression is.
pub(super) fn of_expr(expr: &Expr, scopes: &Scopes) -> Option<Hash> {
    match peel(expr) {
        Expr::Path(path) if path.qself.is_none() => {
            let name = path.path.get_ident()?;
            scopes.variable(&syn::ext::IdentExt::unraw(name).to_string())?
        }
        Expr::MethodCall(call) => match (&*call.method.to_string(), &call.turbofish) {
            // `collect::<HashMap<..>>()`, `call_by_name::<HashMap<..>>(..)`
            (_, Some(arguments)) => of_type(only_type_of(arguments)?, scopes),
            ("clone" | "to_owned" | "unwrap" | "expect" | "borrow" | "as_ref", None) => {
                of_expr(&call.receiver, scopes)
            }
            _ => None,
        },
        Expr::Call(call) => {
            let Expr::Path(path) = peel(&call.func) else {
                return None;
            };
            let last = path.path.segments.last()?;
            if let Some(ty) = only_type(&last.arguments) {
                return of_type(ty, scopes);
            }
            if !CONSTRUCTORS.iter().any(|name| last.ident == name) {
                return None;
            }
            let mut ty = path.path.clone();
            ty.segments.pop();
            ty.segments.pop_punct();
            if ty.segments.is_empty() {
                return None;
            }
            of_path(&ty, scopes)
        }
        _ => None,
    }
}

/// Whether a call begins an iteration in the order of a hash map or set.
pub(super) fn is_iteration(call: &ExprMethodCall, scopes: &Scopes) -> bool {
    ITERATIONS.iter().any(|name| call.method == name) && of_expr(&call.receiver, scopes).is_some()
}

/// Whether a function goes through what it is given, and the order shows in what it gives.
pub(super) fn iterates(function: &Path) -> bool {
    let mut segments = function.segments.iter().rev();
    let name = segments.next().map(|segment| segment.ident.to_string());
    let ty = segments.next().map(|segment| segment.ident.to_string());
    match name.as_deref() {
        Some("into_iter") => ty.as_deref() == Some("IntoIterator"),
        Some("from_iter") => ty.is_some_and(|ty| !UNORDERED.contains(&&*ty)),
        _ => false,
    }
}

/// The iteration that a chain of calls begins with, if what comes out does not depend on the
/// order up to here. What uses the context does.
fn unordered_start<'a>(
    mut expr: &'a Expr,
    context: Option<&str>,
    scopes: &Scopes,
) -> Option<&'a ExprMethodCall> {
    loop {
        let Expr::MethodCall(call) = peel(expr) else {
            return None;
        };
        if is_iteration(call, scopes) {
            return Some(call);
        }
        if !ADAPTERS.iter().any(|name| call.method == name) || uses(call, context) {
            return None;
        }
        expr = &call.receiver;
    }
}

fn uses(call: &ExprMethodCall, context: Option<&str>) -> bool {
    let Some(context) = context else {
        return false;
    };
    call.args
        .iter()
        .any(|argument| mentions(argument.to_token_stream(), context))
}

fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// The iteration that a call ends without regard to its order: `map.values().sum()`.
pub(super) fn ended_by<'a>(
    call: &'a ExprMethodCall,
    context: Option<&str>,
    scopes: &Scopes,
) -> Option<&'a ExprMethodCall> {
    let target = call.turbofish.as_ref().and_then(only_type_of);
    let is_unordered = if call.method == "collect" {
        target.is_some_and(is_unordered)
    } else {
        // a sum of floating-point numbers depends on their order
        CONSUMERS.iter().any(|name| call.method == name)
            && !target.is_some_and(|ty| ["f32", "f64"].contains(&&*name_of(ty)))
    };
    (is_unordered && !uses(call, context))
        .then(|| unordered_start(&call.receiver, context, scopes))
        .flatten()
}

fn name_of(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn is_unordered(ty: &Type) -> bool {
    UNORDERED.contains(&&*name_of(ty))
}

/// The iteration of a `let` whose order does not matter: its type has no order or another one, or
/// the next statement sorts it.
pub(super) fn collected<'a>(
    local: &'a Local,
    next: Option<&Stmt>,
    context: Option<&str>,
    scopes: &Scopes,
) -> Option<&'a ExprMethodCall> {
    let init = &*local.init.as_ref()?.expr;
    let (pat, ty) = match &local.pat {
        Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
        pat => (pat, None),
    };
    let is_harmless = ty.is_some_and(is_unordered) || is_sorted(pat, next);
    is_harmless
        .then(|| unordered_start(init, context, scopes))
        .flatten()
}

fn is_sorted(pat: &Pat, next: Option<&Stmt>) -> bool {
    let (Pat::Ident(variable), Some(Stmt::Expr(Expr::MethodCall(call), _))) = (pat, next) else {
        return false;
    };
    let Expr::Path(receiver) = &*call.receiver else {
        return false;
    };
    receiver.path.is_ident(&variable.ident) && call.method.to_string().starts_with("sort")
}
