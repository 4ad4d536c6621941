//! What can be seen of types by their spelling alone; the rest is for the traits.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments, PathSegment, Type,
    TypeBareFn, TypeImplTrait, TypeReference,
};

use crate::errors::Errors;
use crate::signature::Kind;

/// The type without the invisible groups that `macro_rules!` puts around its fragments, and
/// without parentheses.
fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        other => other,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// Whether the type is spelt as a `Result`, such as `anyhow::Result<T>` or `AppResult<T>`.
pub(crate) fn is_spelt_result(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Result"))
}

/// Whether the type is spelt as the context of an orchestrator.
pub(crate) fn is_context(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "OrchestrationContext")
}

/// Whether an argument is spelt as none of the SDK's own.
pub(crate) fn is_payload(ty: &Type) -> bool {
    let own = [
        "State",
        "ActivityContext",
        "EntityContext",
        "DurableClient",
        "HttpRequest",
    ];
    !last_segment(ty).is_some_and(|segment| own.iter().any(|own| segment.ident == own))
}

/// Checks the type of an argument. Says whether something can be generated for it.
pub(crate) fn check_argument(ty: &Type, kind: Kind, errors: &mut Errors) -> bool {
    let ty = peel(ty);
    let words = kind.words();
    if let Some(advice) = advice(ty, kind) {
        errors.push(ty, advice);
        return false;
    }
    let mut search = Search::default();
    search.visit_type(ty);
    if matches!(ty, Type::Reference(_)) || search.borrows {
        errors.push(
            ty,
            format!(
                "{words} owns its arguments: take `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`"
            ),
        );
        return false;
    }
    if search.is_unnamed {
        errors.push(
            ty,
            format!("name the type of this argument: {words} is called by its name alone"),
        );
        return false;
    }
    true
}

/// Says of what belongs to another kind of function where it can be had.
fn advice(ty: &Type, kind: Kind) -> Option<&'static str> {
    let segment = last_segment(ty)?;
    // `State` alone is a likely name for a user's own type; that of the SDK has an argument
    let has_arguments = matches!(segment.arguments, PathArguments::AngleBracketed(_));
    match (&*segment.ident.to_string(), kind) {
        ("OrchestrationContext", Kind::Entity) => Some(
            "only an orchestrator has an `OrchestrationContext`: an operation starts orchestrations with its `EntityContext`",
        ),
        ("DurableClient", Kind::Entity) => Some(
            "an operation starts orchestrations and signals entities with an `EntityContext`, so that nothing is sent if it fails",
        ),
        ("EntityContext", Kind::Activity | Kind::Http | Kind::Orchestrator) => {
            Some("only an operation of an entity has an `EntityContext`")
        }
        ("OrchestrationContext", Kind::Activity | Kind::Http) => Some(
            "only an orchestrator has an `OrchestrationContext`: put `#[orchestrator]` on the function",
        ),
        ("HttpRequest", Kind::Activity | Kind::Entity | Kind::Orchestrator) => Some(
            "only an HTTP function has an `HttpRequest`: pass what is needed of it as the input",
        ),
        ("ActivityContext", Kind::Http | Kind::Entity | Kind::Orchestrator) => {
            Some("only an activity has an `ActivityContext`")
        }
        ("DurableClient", Kind::Orchestrator) => Some(
            "an orchestrator must depend on its input and history alone: do this in an activity",
        ),
        ("State", Kind::Orchestrator) if has_arguments => Some(
            "an orchestrator must depend on its input and history alone: do this in an activity",
        ),
        _ => None,
    }
}

/// Checks the return type. Says whether something can be generated for it.
pub(crate) fn check_output(output: &Type, kind: Kind, errors: &mut Errors) -> bool {
    let words = kind.words();
    let ty = peel(output);
    if matches!(ty, Type::Never(_)) {
        errors.push(
            ty,
            format!("{words} returns something: write `Result<()>`, or nothing"),
        );
        return false;
    }
    let mut search = Search::default();
    search.visit_type(ty);
    if search.is_unnamed {
        errors.push(
            ty,
            format!("name the type that {words} returns: `impl Trait` has no name"),
        );
        return false;
    }
    // text of HTTP functions is only written, so it may be borrowed from the program itself
    let is_read = kind != Kind::Http;
    if search.borrows || is_read && matches!(peel(success(ty)), Type::Reference(_)) {
        errors.push(
            ty,
            format!("{words} owns what it returns: write `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`"),
        );
        return false;
    }
    true
}

/// The `T` of a `Result<T>`; any other type itself.
fn success(ty: &Type) -> &Type {
    let arguments = last_segment(ty)
        .filter(|_| is_spelt_result(ty))
        .map(|segment| &segment.arguments);
    let Some(PathArguments::AngleBracketed(arguments)) = arguments else {
        return ty;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) => ty,
        _ => ty,
    }
}

/// What stands anywhere in a type.
#[derive(Default)]
struct Search {
    /// `impl Trait`
    is_unnamed: bool,
    /// `&T` or `'_`, for less than the life of the program
    borrows: bool,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
        self.is_unnamed = true;
    }

    fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
        self.borrows |= ty.lifetime.is_none();
        visit::visit_type_reference(self, ty);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.borrows |= lifetime.ident == "_";
    }

    // in these, references are no borrows
    fn visit_type_bare_fn(&mut self, _: &'ast TypeBareFn) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

/// The place of a type for tokens that are generated: its name. All that is generated for a type
/// is put there, because the compiler points at it when something is wrong with the type, and says
/// what it finds several times at one place only once.
pub(crate) fn place(ty: &Type) -> Span {
    let first = || ty.to_token_stream().into_iter().next();
    let span = match last_segment(ty) {
        Some(segment) => segment.ident.span(),
        None => first().map_or_else(Span::call_site, |token| token.span()),
    };
    generated_at(span)
}

/// A span at a place in the user's code, for generated tokens: they are still known as generated,
/// so that no lint takes them for the user's.
pub(crate) fn generated_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> Type {
        syn::parse_str(text).unwrap()
    }

    #[test]
    fn results_are_told_by_their_spelling() {
        for text in [
            "Result<()>",
            "anyhow::Result<u8>",
            "AppResult",
            "(Result<u8>)",
        ] {
            assert!(is_spelt_result(&ty(text)), "{text}");
        }
        for text in ["()", "Option<Result<u8>>", "Results", "[Result<u8>; 2]"] {
            assert!(!is_spelt_result(&ty(text)), "{text}");
        }
    }

    #[test]
    fn fragments_of_macros_are_seen_through() {
        let group = |text| {
            Type::Group(syn::TypeGroup {
                group_token: syn::token::Group::default(),
                elem: Box::new(ty(text)),
            })
        };
        assert!(is_spelt_result(&group("Result<u8>")));
        assert!(is_context(&group(
            "durable_functions::OrchestrationContext"
        )));
        assert!(!check_argument(
            &group("&str"),
            Kind::Activity,
            &mut Errors::default()
        ));
    }

    #[test]
    fn arguments() {
        let check = |text, kind| {
            let mut errors = Errors::default();
            let usable = check_argument(&ty(text), kind, &mut errors);
            let messages = errors.messages();
            assert_eq!(usable, messages.is_empty(), "{text}");
            messages.concat()
        };
        for text in [
            "String",
            "State<&'static str>",
            "Cow<'static, str>",
            "State<fn(&str) -> &str>",
            "State<Box<dyn Fn(&str) -> bool + Send + Sync>>",
            "(u32, [u8; 4])",
            "State",
        ] {
            assert_eq!(check(text, Kind::Activity), "", "{text}");
        }
        for (text, kind, words) in [
            (
                "&str",
                Kind::Activity,
                "an activity owns its arguments: take `String`",
            ),
            ("&'static str", Kind::Activity, "owns its arguments"),
            (
                "Option<&str>",
                Kind::Http,
                "an HTTP function owns its arguments",
            ),
            ("Cow<'_, str>", Kind::Activity, "owns its arguments"),
            ("(u32, &[u8])", Kind::Orchestrator, "owns its arguments"),
            (
                "impl Into<String>",
                Kind::Activity,
                "name the type of this argument",
            ),
            (
                "Vec<impl Into<String>>",
                Kind::Activity,
                "name the type of this argument",
            ),
            (
                "OrchestrationContext",
                Kind::Activity,
                "put `#[orchestrator]`",
            ),
            (
                "durable_functions::HttpRequest",
                Kind::Activity,
                "pass what is needed of it",
            ),
            (
                "HttpRequest",
                Kind::Orchestrator,
                "pass what is needed of it",
            ),
            ("ActivityContext", Kind::Http, "only an activity"),
            (
                "DurableClient",
                Kind::Orchestrator,
                "do this in an activity",
            ),
            ("State<Db>", Kind::Orchestrator, "do this in an activity"),
        ] {
            let message = check(text, kind);
            assert!(message.contains(words), "{text}: {message}");
        }
        assert_eq!(check("State", Kind::Orchestrator), "");
    }

    #[test]
    fn outputs() {
        let check = |text, kind| {
            let mut errors = Errors::default();
            let usable = check_output(&ty(text), kind, &mut errors);
            let messages = errors.messages();
            assert_eq!(usable, messages.is_empty(), "{text}");
            messages.concat()
        };
        for text in ["()", "Result<u32, &'static str>", "Cow<'static, str>"] {
            assert_eq!(check(text, Kind::Activity), "", "{text}");
        }
        assert_eq!(check("Result<&'static str>", Kind::Http), "");
        for (text, kind, words) in [
            ("!", Kind::Orchestrator, "an orchestrator returns something"),
            (
                "impl Serialize",
                Kind::Activity,
                "name the type that an activity returns",
            ),
            (
                "Result<impl Serialize>",
                Kind::Activity,
                "name the type that",
            ),
            ("&'static str", Kind::Activity, "write `String` for `&str`"),
            (
                "Result<&'static str>",
                Kind::Orchestrator,
                "write `String` for `&str`",
            ),
            ("&str", Kind::Http, "write `String` for `&str`"),
        ] {
            let message = check(text, kind);
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
