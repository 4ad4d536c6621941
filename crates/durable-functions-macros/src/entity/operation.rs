//! One method of an entity.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::{Attribute, FnArg, ImplItemFn, LitStr, Pat, ReturnType, Type};

use crate::errors::Errors;
use crate::signature::Kind;
use crate::types;

/// Names of methods that what calls and signals an entity has already.
const TAKEN: [&str; 3] = ["signal", "at", "after"];

/// An operation.
pub(crate) struct Operation {
    /// The method.
    pub(crate) ident: Ident,
    /// The name of the operation.
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    /// Whether it may change the state.
    pub(crate) changes: bool,
    pub(crate) is_async: bool,
    /// The types of all arguments.
    pub(crate) arguments: Vec<Type>,
    /// Which of them is the input, and a name for it.
    pub(crate) payload: Option<(usize, Ident)>,
    pub(crate) output: Type,
}

/// What `#[operation(..)]` says.
#[derive(Default)]
struct Marks {
    name: Option<LitStr>,
    skip: bool,
}

impl Operation {
    /// Reads a method, and takes the attributes away that are for it. `None` for one that is no
    /// operation, an error if nothing can be generated.
    pub(crate) fn take(
        method: &mut ImplItemFn,
        owner: &Type,
        errors: &mut Errors,
    ) -> Result<Option<Self>, ()> {
        let marks = marks(method, errors)?;
        let Some(receiver) = method.sig.receiver().filter(|_| !marks.skip) else {
            return Ok(None);
        };
        let words = Kind::Entity.words();
        let mut usable = true;
        if receiver.reference.is_none() || receiver.colon_token.is_some() {
            errors.push(
                receiver,
                format!("{words} borrows the state: write `&self` or `&mut self`"),
            );
            usable = false;
        }
        let generics = &method.sig.generics;
        if !generics.params.is_empty() || generics.where_clause.is_some() {
            errors.push(
                generics,
                format!("{words} can't be generic: it is called by its name alone"),
            );
            usable = false;
        }
        if let Some(unsafety) = method.sig.unsafety {
            errors.push(
                unsafety,
                format!("{words} can't be `unsafe`: the Functions host calls it"),
            );
            usable = false;
        }
        if let Some(cfg) = method.attrs.iter().find(|it| it.path().is_ident("cfg")) {
            errors.push(
                cfg,
                "an operation is there or not for all: put `#[cfg(..)]` on the `impl`",
            );
            usable = false;
        }
        let ident = method.sig.ident.clone();
        let plain = ident.unraw().to_string();
        if TAKEN.contains(&&*plain) {
            errors.push(&ident, format!("callers have a method `{plain}` already: name this one otherwise, with `#[operation(name = \"{plain}\")]` if the operation is to keep the name"));
            usable = false;
        }
        let changes = receiver.mutability.is_some();
        let (arguments, payload) = if usable {
            arguments(method, owner, errors)?
        } else {
            return Err(());
        };
        let output = match &method.sig.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => owned(ty, owner),
        };
        if !types::check_output(&output, Kind::Entity, errors) {
            return Err(());
        }
        Ok(Some(Self {
            name: marks.name.map_or(plain, |name| name.value()),
            ident,
            docs: (method.attrs.iter())
                .filter(|attribute| attribute.path().is_ident("doc"))
                .cloned()
                .collect(),
            changes,
            is_async: method.sig.asyncness.is_some(),
            arguments,
            payload,
            output,
        }))
    }
}

fn marks(method: &mut ImplItemFn, errors: &mut Errors) -> Result<Marks, ()> {
    let mut marks = Marks::default();
    let mut result = Ok(());
    method.attrs.retain(|attribute| {
        if !attribute.path().is_ident("operation") {
            return true;
        }
        let read = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                marks.skip = true;
                Ok(())
            } else if meta.path.is_ident("name") {
                let name: LitStr = meta.value()?.parse()?;
                if name.value().is_empty() {
                    return Err(syn::Error::new_spanned(name, "an operation has a name"));
                }
                marks.name = Some(name);
                Ok(())
            } else {
                Err(meta.error("unknown argument; this attribute takes `name = \"..\"` or `skip`"))
            }
        });
        if let Err(error) = read {
            errors.add(error);
            result = Err(());
        }
        false
    });
    result.map(|()| marks)
}

type Arguments = (Vec<Type>, Option<(usize, Ident)>);

fn arguments(method: &ImplItemFn, owner: &Type, errors: &mut Errors) -> Result<Arguments, ()> {
    let mut types = Vec::new();
    let mut payload = None;
    let mut usable = true;
    for argument in &method.sig.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        let ty = owned(&argument.ty, owner);
        if !types::check_argument(&ty, Kind::Entity, errors) {
            usable = false;
        } else if types::is_payload(&ty) {
            let name = match &*argument.pat {
                Pat::Ident(pattern) => pattern.ident.clone(),
                _ => Ident::new("input", proc_macro2::Span::mixed_site()),
            };
            if payload.is_some() {
                errors.push(
                    argument,
                    "an operation takes one input: put several values into a struct or a tuple",
                );
                usable = false;
            }
            payload = Some((types.len(), name));
        }
        types.push(ty);
    }
    usable.then_some((types, payload)).ok_or(())
}

/// The type with the entity's in place of `Self`, which means something else where it is put.
fn owned(ty: &Type, owner: &Type) -> Type {
    let replaced = replace(ty.to_token_stream(), &owner.to_token_stream());
    syn::parse2(replaced).unwrap_or_else(|_| ty.clone())
}

fn replace(tokens: TokenStream, owner: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => owner.clone(),
            TokenTree::Group(group) => {
                let stream = replace(group.stream(), owner);
                let mut replaced = proc_macro2::Group::new(group.delimiter(), stream);
                replaced.set_span(group.span());
                TokenTree::Group(replaced).into_token_stream()
            }
            other => quote!(#other),
        })
        .collect()
}
