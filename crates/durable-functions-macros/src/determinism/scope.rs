//! What names mean at a place in a body, as far as the body tells.

use std::iter;

use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Item, ItemUse, Pat, PatIdent, Path, Stmt, Type, UseTree};

use super::hash::{self, Hash};

/// The names of a block, a closure, an arm and so on.
#[derive(Debug, Default)]
struct Scope {
    /// Variables; some are known to be hash maps or sets.
    variables: Vec<(String, Option<Hash>)>,
    /// Items and imports.
    names: Vec<(String, Meaning)>,
}

#[derive(Clone, Debug)]
enum Meaning {
    /// Defined in the body.
    Own,
    /// Imported in the body, from this path.
    Import(Vec<String>),
}

/// The scopes around a place, from the outermost.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<Scope>);

/// The segments of a path, without their arguments.
pub(super) fn segments(path: &Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.unraw().to_string())
        .collect()
}

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.0.push(Scope::default());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    fn inner(&mut self) -> Option<&mut Scope> {
        self.0.last_mut()
    }

    /// The full path of what a path means, as far as imports of the body tell; nothing if it means
    /// something that the body itself defines.
    pub(super) fn resolve(&self, path: &Path) -> Option<Vec<String>> {
        let path_segments = segments(path);
        if path.leading_colon.is_some() {
            return Some(path_segments);
        }
        self.resolve_segments(path_segments)
    }

    pub(super) fn resolve_segments(&self, mut path: Vec<String>) -> Option<Vec<String>> {
        if let [name] = &*path
            && self.variable(name).is_some()
        {
            return None;
        }
        // imports may lead to imports, and in code that is wrong in a circle
        for _ in 0..8 {
            match self.meaning(path.first()?) {
                Some(Meaning::Own) => return None,
                Some(Meaning::Import(full)) => {
                    let is_itself = full.first() == path.first();
                    path.splice(..1, full.iter().cloned());
                    if is_itself {
                        break;
                    }
                }
                None => break,
            }
        }
        Some(path)
    }

    fn meaning(&self, name: &str) -> Option<&Meaning> {
        let names = self
            .0
            .iter()
            .rev()
            .flat_map(|scope| scope.names.iter().rev());
        names
            .into_iter()
            .find_map(|(known, meaning)| (known == name).then_some(meaning))
    }

    /// Whether there is a variable of this name, and whether that is known to be a hash map or set.
    pub(super) fn variable(&self, name: &str) -> Option<Option<Hash>> {
        let mut variables = self
            .0
            .iter()
            .rev()
            .flat_map(|scope| scope.variables.iter().rev());
        variables.find_map(|(known, hash)| (known == name).then_some(*hash))
    }

    /// Adds the variables of a pattern, whose type is known or not.
    pub(super) fn bind(&mut self, pat: &Pat, ty: Option<&Type>) {
        match (pat, ty) {
            (Pat::Type(typed), _) => self.bind(&typed.pat, Some(&typed.ty)),
            (Pat::Paren(paren), _) => self.bind(&paren.pat, ty),
            (Pat::Ident(ident), Some(ty)) if ident.subpat.is_none() => {
                let hash = hash::of_type(ty, self);
                self.bind_variable(ident, hash);
            }
            (Pat::Tuple(pats), Some(Type::Tuple(types)))
                if pats.elems.len() == types.elems.len() =>
            {
                for (pat, ty) in iter::zip(&pats.elems, &types.elems) {
                    self.bind(pat, Some(ty));
                }
            }
            _ => {
                let mut names = Names::default();
                names.visit_pat(pat);
                for ident in names.0 {
                    self.bind_variable(ident, None);
                }
            }
        }
    }

    /// Adds a variable.
    pub(super) fn bind_variable(&mut self, pattern: &PatIdent, hash: Option<Hash>) {
        let name = pattern.ident.unraw().to_string();
        if let Some(scope) = self.inner() {
            scope.variables.push((name, hash));
        }
    }

    /// Adds the items of a block; they are known in all of it.
    pub(super) fn add_items(&mut self, statements: &[Stmt]) {
        for statement in statements {
            if let Stmt::Item(item) = statement {
                self.add_item(item);
            }
        }
    }

    pub(super) fn add_item(&mut self, item: &Item) {
        let ident = match item {
            Item::Use(item) => return self.add_imports(item),
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Mod(item) => &item.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(ident) => ident,
                None => return,
            },
            _ => return,
        };
        let name = ident.unraw().to_string();
        if let Some(scope) = self.inner() {
            scope.names.push((name, Meaning::Own));
        }
    }

    fn add_imports(&mut self, item: &ItemUse) {
        let mut imports = Vec::new();
        collect_imports(&item.tree, &mut Vec::new(), &mut imports);
        if let Some(scope) = self.inner() {
            scope.names.extend(
                imports
                    .into_iter()
                    .map(|(name, path)| (name, Meaning::Import(path))),
            );
        }
    }
}

fn collect_imports(
    tree: &UseTree,
    prefix: &mut Vec<String>,
    imports: &mut Vec<(String, Vec<String>)>,
) {
    let with = |prefix: &[String], name: &syn::Ident| {
        let mut path = prefix.to_vec();
        // `use a::b::{self}` is `use a::b`
        if name != "self" || prefix.is_empty() {
            path.push(name.unraw().to_string());
        }
        path
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.unraw().to_string());
            collect_imports(&path.tree, prefix, imports);
            prefix.pop();
        }
        UseTree::Name(name) => {
            let path = with(prefix, &name.ident);
            if let Some(last) = path.last().cloned() {
                imports.push((last, path));
            }
        }
        UseTree::Rename(rename) => {
            let path = with(prefix, &rename.ident);
            imports.push((rename.rename.unraw().to_string(), path));
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_imports(tree, prefix, imports);
            }
        }
        // which names these are can't be seen
        UseTree::Glob(_) => {}
    }
}

/// The variables of a pattern.
#[derive(Default)]
struct Names<'ast>(Vec<&'ast PatIdent>);

impl<'ast> Visit<'ast> for Names<'ast> {
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        self.0.push(pattern);
        visit::visit_pat_ident(self, pattern);
    }
}
