//! What can be seen in an orchestrator's body to break replay.
//!
//! A macro sees tokens: it knows names, not what they mean. So it looks for the paths of known
//! functions and macros, as they are written in full or usually imported; `use` items and
//! definitions of the body are followed, those outside of it can't be seen. What it finds by
//! mistake is allowed with `#[orchestrator(allow(..))]`.

mod category;
mod hash;
mod macros;
mod rules;
mod scope;
#[cfg(test)]
mod tests;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, Block, Expr, ExprCall, ExprClosure, ExprForLoop, ExprIf, ExprLet,
    ExprMethodCall, ExprPath, ExprWhile, ImplItemFn, ItemFn, Local, Macro, Pat, Path, Signature,
    Stmt, TraitItemFn, Type,
};

pub(crate) use self::category::Category;
use self::scope::Scopes;
use crate::errors::Errors;
use crate::signature::Function;

/// Looks for what breaks replay in the body of an orchestrator.
///
/// A body that is no Rust is left to the compiler.
pub(crate) fn check(function: &Function, allowed: &[Category], errors: &mut Errors) {
    let body = TokenStream::from(TokenTree::Group(function.body.clone()));
    let Ok(body) = syn::parse2::<Block>(body) else {
        return;
    };
    let context = function
        .arguments
        .first()
        .and_then(|argument| match &*argument.pat {
            Pat::Ident(pattern) => Some(pattern.ident.to_string()),
            _ => None,
        });
    let mut checker = Checker {
        context,
        scopes: Scopes::default(),
        allowed,
        excused: Vec::new(),
        errors,
    };
    checker.within(|checker| {
        for argument in &function.arguments {
            checker.scopes.bind(&argument.pat, Some(&argument.ty));
        }
        checker.visit_block(&body);
    });
}

struct Checker<'a> {
    /// The name of the context.
    context: Option<String>,
    scopes: Scopes,
    allowed: &'a [Category],
    /// Iterations whose order does not matter, by their addresses.
    excused: Vec<*const ExprMethodCall>,
    errors: &'a mut Errors,
}

impl Checker<'_> {
    fn within(&mut self, look: impl FnOnce(&mut Self)) {
        self.scopes.enter();
        look(self);
        self.scopes.leave();
    }

    fn find(&mut self, place: impl ToTokens, what: &str, category: Category, instead: &str) {
        if !self.allowed.contains(&category) {
            let message = format!(
                "{what} {}: {instead}. If it does no harm here, say so: `#[orchestrator(allow({}))]`",
                category.breaks(),
                category.name()
            );
            self.errors.push(place, message);
        }
    }

    fn find_path(&mut self, path: &Path) {
        if let Some(rule) = self
            .scopes
            .resolve(path)
            .and_then(|full| rules::of_function(&full))
        {
            let what = format!("`{}`", scope::segments(path).join("::"));
            self.find(path, &what, rule.category, rule.instead);
        }
    }

    fn find_order(&mut self, place: impl ToTokens) {
        self.find(place, "this", Category::HashIteration, rules::ORDER_ADVICE);
    }

    fn excuse(&mut self, call: Option<&ExprMethodCall>) {
        self.excused.extend(call.map(std::ptr::from_ref));
    }

    /// A function has nothing of the variables around it, but it may be called here.
    fn function(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        if attributes.iter().any(is_function_of_the_app) {
            return;
        }
        self.within(|checker| {
            for argument in &signature.inputs {
                if let syn::FnArg::Typed(argument) = argument {
                    checker.scopes.bind(&argument.pat, Some(&argument.ty));
                }
            }
            checker.visit_block(body);
        });
    }

    /// A call of a function that is imported outside of the body, as `sleep(..)` is. Who passes the
    /// context calls a function of their own.
    fn find_imported(&mut self, call: &ExprCall) {
        let Expr::Path(function) = &*call.func else {
            return;
        };
        if function.path.segments.len() != 1
            || self.scopes.resolve(&function.path) != Some(scope::segments(&function.path))
            || call.args.iter().any(|argument| self.is_context(argument))
        {
            return;
        }
        let name = scope::segments(&function.path).concat();
        if let Some(rule) = rules::of_imported(&name, call.args.first()) {
            let what = format!("`{name}`");
            self.find(&function.path, &what, rule.category, rule.instead);
        }
    }

    /// Whether an expression is the context, or a clone of it.
    fn is_context(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(path) => self
                .context
                .as_ref()
                .is_some_and(|context| path.path.is_ident(context)),
            Expr::Reference(reference) => self.is_context(&reference.expr),
            Expr::MethodCall(call) => call.method == "clone" && self.is_context(&call.receiver),
            _ => false,
        }
    }

    /// A method that is known by its name, or by what it is called on.
    fn find_method(&mut self, call: &ExprMethodCall) {
        if rules::BLOCKING_METHODS
            .iter()
            .any(|name| call.method == name)
        {
            let what = format!("`{}`", call.method);
            self.find(&call.method, &what, Category::Lock, rules::BLOCKING_ADVICE);
        }
        // what is locked and can be poisoned is a lock of the standard library
        if ["unwrap", "expect", "unwrap_or_else"]
            .iter()
            .any(|name| call.method == name)
            && let Expr::MethodCall(lock) = &*call.receiver
            && lock.args.is_empty()
            && (lock.method == "lock"
                || (lock.method == "read" || lock.method == "write") && is_static(&lock.receiver))
        {
            let what = format!("`{}`", lock.method);
            self.find(&lock.method, &what, Category::Lock, rules::LOCK_ADVICE);
        }
        if hash::is_iteration(call, &self.scopes)
            && !self.excused.contains(&std::ptr::from_ref(call))
        {
            self.find_order(call);
        }
    }
}

/// Activities and the like that are defined in a body are called over the host.
fn is_function_of_the_app(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| {
        ["activity", "orchestrator", "http_trigger"]
            .iter()
            .any(|name| segment.ident == name)
    })
}

/// Whether an expression is spelt as a static.
fn is_static(expr: &Expr) -> bool {
    let Expr::Path(path) = expr else {
        return false;
    };
    path.path.segments.last().is_some_and(|segment| {
        let name = segment.ident.unraw().to_string();
        !name.chars().any(char::is_lowercase)
    })
}

impl<'ast> Visit<'ast> for Checker<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        self.within(|checker| checker.statements(&block.stmts));
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let mut hash = None;
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            hash = hash::of_expr(&init.expr, &self.scopes);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        match &local.pat {
            Pat::Ident(pattern) if pattern.subpat.is_none() => {
                self.scopes.bind_variable(pattern, hash);
            }
            pat => self.scopes.bind(pat, None),
        }
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        match &path.qself {
            None => self.find_path(&path.path),
            // `<Instant>::now`
            Some(qself) => {
                if let (Type::Path(ty), 0) = (&*qself.ty, qself.position) {
                    let mut full = ty.path.clone();
                    full.segments.extend(path.path.segments.iter().cloned());
                    self.find_path(&full);
                }
            }
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        self.find_imported(call);
        if let (Expr::Path(function), Some(argument)) = (&*call.func, call.args.first())
            && hash::iterates(&function.path)
            && hash::of_expr(argument, &self.scopes).is_some()
        {
            self.find_order(argument);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let ended = hash::ended_by(call, self.context.as_deref(), &self.scopes);
        self.excuse(ended);
        self.find_method(call);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_for_loop(&mut self, expr: &'ast ExprForLoop) {
        // `for x in map.clone()` too; calls of its own methods are found where they are
        if hash::of_expr(&expr.expr, &self.scopes).is_some() {
            self.find_order(&expr.expr);
        }
        self.visit_expr(&expr.expr);
        self.within(|checker| {
            checker.scopes.bind(&expr.pat, None);
            checker.visit_block(&expr.body);
        });
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.within(|checker| {
            for pat in &closure.inputs {
                checker.scopes.bind(pat, None);
            }
            checker.visit_expr(&closure.body);
        });
    }

    fn visit_expr_let(&mut self, expr: &'ast ExprLet) {
        self.visit_expr(&expr.expr);
        self.scopes.bind(&expr.pat, None);
    }

    fn visit_expr_if(&mut self, expr: &'ast ExprIf) {
        self.within(|checker| {
            checker.visit_expr(&expr.cond);
            checker.visit_block(&expr.then_branch);
        });
        if let Some((_, otherwise)) = &expr.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, expr: &'ast ExprWhile) {
        self.within(|checker| {
            checker.visit_expr(&expr.cond);
            checker.visit_block(&expr.body);
        });
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        self.within(|checker| {
            checker.scopes.bind(&arm.pat, None);
            if let Some((_, guard)) = &arm.guard {
                checker.visit_expr(guard);
            }
            checker.visit_expr(&arm.body);
        });
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.attrs, &item.sig, body);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let Some((_, items)) = &module.content else {
            return;
        };
        self.within(|checker| {
            for item in items {
                checker.scopes.add_item(item);
            }
            for item in items {
                checker.visit_item(item);
            }
        });
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.find_macro(mac);
    }

    // attributes are not run
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

impl Checker<'_> {
    fn statements(&mut self, statements: &[Stmt]) {
        self.scopes.add_items(statements);
        for (index, statement) in statements.iter().enumerate() {
            if let Stmt::Local(local) = statement {
                let next = statements.get(index + 1);
                let call = hash::collected(local, next, self.context.as_deref(), &self.scopes);
                self.excuse(call);
            }
            self.visit_stmt(statement);
        }
    }
}
