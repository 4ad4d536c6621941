//! Going through a body.

use std::collections::HashSet;

use quote::ToTokens;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprForLoop, ExprMethodCall, ExprPath, Item, Local, Macro, PatType, Path, Stmt,
    Token, UseTree,
};

use super::category::Category;
use super::{hashes, paths};
use crate::errors::Errors;

pub(super) struct Visitor<'a> {
    allowed: &'a [Category],
    errors: &'a mut Errors,
    /// Names that the body itself gives a meaning.
    own: HashSet<String>,
    /// Variables that are hash maps or sets.
    hashes: HashSet<String>,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(allowed: &'a [Category], errors: &'a mut Errors) -> Self {
        Self {
            allowed,
            errors,
            own: HashSet::new(),
            hashes: HashSet::new(),
        }
    }

    pub(super) fn argument(&mut self, argument: &PatType) {
        if let Some((name, _)) = hashes::binding(&argument.pat)
            && hashes::is_hash_type(&argument.ty)
        {
            self.hashes.insert(name);
        }
    }

    fn report(&mut self, place: impl ToTokens, what: &str, category: Category) {
        if !self.allowed.contains(&category) {
            let message = format!(
                "{what} {}. If it does no harm here, say so: `#[orchestrator(allow({}))]`",
                category.advice(),
                category.name()
            );
            self.errors.push(place, message);
        }
    }

    fn path(&mut self, path: &Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        let Some(first) = names.first() else { return };
        if matches!(&**first, "crate" | "self" | "super" | "Self") || self.own.contains(first) {
            return;
        }
        if let Some(category) = paths::category(&names) {
            let shown = names.join("::");
            self.report(path, &format!("`{shown}`"), category);
        }
    }

    fn iteration(&mut self, over: &Expr) {
        if hashes::variable(over).is_some_and(|name| self.hashes.contains(&name)) {
            self.report(over, "this", Category::HashIteration);
        }
    }

    /// Names that items of the body itself have.
    fn items(&mut self, block: &Block) {
        for statement in &block.stmts {
            let Stmt::Item(item) = statement else {
                continue;
            };
            match item {
                Item::Struct(item) => self.own.insert(item.ident.to_string()),
                Item::Enum(item) => self.own.insert(item.ident.to_string()),
                Item::Type(item) => self.own.insert(item.ident.to_string()),
                Item::Fn(item) => self.own.insert(item.sig.ident.to_string()),
                Item::Mod(item) => self.own.insert(item.ident.to_string()),
                Item::Use(item) => {
                    if let UseTree::Path(path) = &item.tree
                        && !paths::is_known_crate(&path.ident.to_string())
                    {
                        self.imports(&path.tree);
                    }
                    false
                }
                _ => false,
            };
        }
    }

    fn imports(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.imports(&path.tree),
            UseTree::Name(name) => {
                self.own.insert(name.ident.to_string());
            }
            UseTree::Rename(rename) => {
                self.own.insert(rename.rename.to_string());
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.imports(tree)),
            UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        self.items(block);
        visit::visit_block(self, block);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        visit::visit_local(self, local);
        if let Some((name, ty)) = hashes::binding(&local.pat) {
            let made = || {
                let init = local.init.as_ref();
                init.is_some_and(|init| hashes::makes_hash(&init.expr))
            };
            if ty.map_or_else(made, hashes::is_hash_type) {
                self.hashes.insert(name);
            } else {
                self.hashes.remove(&name);
            }
        }
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.path(&path.path);
        visit::visit_expr_path(self, path);
    }

    fn visit_expr_for_loop(&mut self, looped: &'ast ExprForLoop) {
        self.iteration(&looped.expr);
        visit::visit_expr_for_loop(self, looped);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let method = call.method.to_string();
        if hashes::iterates(&method) {
            self.iteration(&call.receiver);
        }
        let locked = |receiver: &Expr| matches!(receiver, Expr::MethodCall(inner) if inner.method == "lock" && inner.args.is_empty());
        let takes = matches!(&*method, "unwrap" | "expect" | "unwrap_or_else");
        if method == "blocking_lock" || (takes && locked(&call.receiver)) {
            self.report(&call.receiver, "`lock`", Category::Lock);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let Some(name) = called
            .path
            .segments
            .last()
            .map(|last| last.ident.to_string())
        else {
            return;
        };
        match &*name {
            "select" => {
                let begins_biased = called
                    .tokens
                    .clone()
                    .into_iter()
                    .next()
                    .is_some_and(|first| first.to_string() == "biased");
                if !begins_biased {
                    self.report(&called.path, "`select!`", Category::Select);
                }
            }
            "print" | "println" | "eprint" | "eprintln" | "dbg" => {
                self.report(&called.path, &format!("`{name}!`"), Category::Print);
            }
            _ => {}
        }
        // most macros take expressions between commas
        let expressions = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(expressions) = expressions.parse2(called.tokens.clone()) {
            for expression in &expressions {
                // what is parsed here lives no longer than this call
                Visitor {
                    allowed: self.allowed,
                    errors: self.errors,
                    own: self.own.clone(),
                    hashes: self.hashes.clone(),
                }
                .visit_expr(expression);
            }
        }
    }
}
