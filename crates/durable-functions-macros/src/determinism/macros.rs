//! What stands in the invocations of macros: tokens that may be expressions, branches, or anything.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::visit::Visit as _;
use syn::{Block, Expr, Macro, Pat, Result, Token};

use super::category::Category;
use super::{Checker, rules, scope};

/// Macros that make text or tokens of what they are given.
const QUOTING: [&str; 5] = [
    "stringify",
    "concat",
    "quote",
    "quote_spanned",
    "parse_quote",
];

/// Macros whose branches are `pattern = future => expression`.
const SELECTING: [&str; 2] = ["select", "select_biased"];

/// A branch of a `select!`.
struct Branch {
    /// The pattern and the future, unless it is `else`, `default` or `complete`.
    awaited: Option<(Pat, Expr)>,
    condition: Option<Expr>,
    body: Expr,
}

impl Checker<'_> {
    pub(super) fn find_macro(&mut self, mac: &Macro) {
        if let Some(rule) = self
            .scopes
            .resolve(&mac.path)
            .and_then(|full| rules::of_macro(&full))
            && !(rule.category == Category::Select && is_biased(&mac.tokens))
        {
            let what = format!("`{}!`", scope::segments(&mac.path).join("::"));
            self.find(&mac.path, &what, rule.category, rule.instead);
        }
        let Some(name) = scope::segments(&mac.path).pop() else {
            return;
        };
        if QUOTING.contains(&&*name) {
            return;
        }
        // what is parsed here is gone afterwards, and its addresses may be used again
        let excused = self.excused.len();
        self.contents(&name, &mac.tokens);
        self.excused.truncate(excused);
    }

    fn contents(&mut self, name: &str, tokens: &TokenStream) {
        if SELECTING.contains(&name)
            && let Ok(branches) = branches.parse2(tokens.clone())
        {
            return self.branches(&branches);
        }
        let expressions = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(expressions) = expressions.parse2(tokens.clone()) {
            for expression in &expressions {
                self.visit_expr(expression);
            }
        } else if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
            self.within(|checker| checker.statements(&statements));
        } else {
            self.tokens(tokens.clone());
        }
    }

    fn branches(&mut self, branches: &[Branch]) {
        for branch in branches {
            self.within(|checker| {
                if let Some((pat, future)) = &branch.awaited {
                    checker.visit_expr(future);
                    checker.scopes.bind(pat, None);
                }
                if let Some(condition) = &branch.condition {
                    checker.visit_expr(condition);
                }
                checker.visit_expr(&branch.body);
            });
        }
    }

    /// Looks for paths alone, in tokens of which nothing else is known.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = &*tokens;
        let mut is_member = false;
        while let Some((first, others)) = rest.split_first() {
            rest = others;
            match first {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(_) => {
                    let (path, length) = path_at(first, others);
                    rest = others.get(length..).unwrap_or_default();
                    if !is_member {
                        let place: TokenStream = std::iter::once(first)
                            .chain(others.iter().take(length))
                            .cloned()
                            .collect();
                        self.path_in_tokens(path, place, rest);
                    }
                }
                _ => {}
            }
            is_member = matches!(first, TokenTree::Punct(punct) if punct.as_char() == '.');
        }
    }

    fn path_in_tokens(&mut self, path: Vec<String>, place: TokenStream, rest: &[TokenTree]) {
        let mut what = path.join("::");
        let Some(full) = self.scopes.resolve_segments(path) else {
            return;
        };
        let rule = match rest {
            [TokenTree::Punct(bang), TokenTree::Group(group), ..] if bang.as_char() == '!' => {
                what.push('!');
                rules::of_macro(&full)
                    .filter(|rule| rule.category != Category::Select || !is_biased(&group.stream()))
            }
            _ => rules::of_function(&full),
        };
        if let Some(rule) = rule {
            self.find(place, &format!("`{what}`"), rule.category, rule.instead);
        }
    }
}

/// The path that begins with an identifier, and how many tokens more it has.
fn path_at(first: &TokenTree, rest: &[TokenTree]) -> (Vec<String>, usize) {
    let mut path = vec![first.to_string()];
    let mut length = 0;
    while let [
        TokenTree::Punct(a),
        TokenTree::Punct(b),
        TokenTree::Ident(ident),
        ..,
    ] = rest.get(length..).unwrap_or_default()
        && (a.as_char(), b.as_char()) == (':', ':')
    {
        path.push(ident.to_string());
        length += 3;
    }
    (path, length)
}

/// Whether a `select!` begins with `biased;`.
fn is_biased(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter();
    matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "biased")
        && matches!(tokens.next(), Some(TokenTree::Punct(end)) if end.as_char() == ';')
}

fn branches(input: ParseStream<'_>) -> Result<Vec<Branch>> {
    mod word {
        syn::custom_keyword!(biased);
        syn::custom_keyword!(complete);
        syn::custom_keyword!(default);
    }
    if input.peek(word::biased) && input.peek2(Token![;]) {
        input.parse::<word::biased>()?;
        input.parse::<Token![;]>()?;
    }
    let mut branches = Vec::new();
    while !input.is_empty() {
        let (mut awaited, mut condition) = (None, None);
        if input.peek(Token![else]) {
            input.parse::<Token![else]>()?;
        } else if input.peek2(Token![=>])
            && (input.peek(word::complete)
                || input.peek(word::default)
                || input.peek(Token![default]))
        {
            input.parse::<TokenTree>()?;
        } else {
            let pat = Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Token![=]>()?;
            awaited = Some((pat, input.parse()?));
            if input.peek(Token![,]) && input.peek2(Token![if]) {
                input.parse::<Token![,]>()?;
                input.parse::<Token![if]>()?;
                condition = Some(input.parse()?);
            }
        }
        input.parse::<Token![=>]>()?;
        branches.push(Branch {
            awaited,
            condition,
            body: body(input)?,
        });
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(branches)
}

/// A block ends a branch even if no comma follows.
fn body(input: ParseStream<'_>) -> Result<Expr> {
    let is_block = input
        .cursor()
        .group(Delimiter::Brace)
        .is_some_and(|(_, _, rest)| {
            rest.eof() || rest.punct().is_none_or(|(it, _)| it.as_char() == ',')
        });
    if is_block {
        let block: Block = input.parse()?;
        return Ok(Expr::Block(syn::ExprBlock {
            attrs: Vec::new(),
            label: None,
            block,
        }));
    }
    input.parse()
}
