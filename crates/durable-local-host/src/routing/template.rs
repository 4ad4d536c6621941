//! Route templates.

use super::constraint::Constraint;

/// A route template, parsed: `orders/{id:int}/{*rest}`.
#[derive(Clone, Debug)]
pub(crate) struct RouteTemplate {
    segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Clone, Debug)]
enum Segment {
    /// Plain text.
    Literal(String),
    /// One parameter and nothing else.
    Parameter(Parameter),
    /// Text and parameters mixed, such as `{name}.{ext}`.
    Mixed(Vec<Part>),
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Parameter(Parameter),
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    constraints: Vec<Constraint>,
    default: Option<String>,
    optional: bool,
    catch_all: bool,
}

/// Route values by name, in the template's order; `None` for optional ones that are absent.
pub(crate) type RouteValues = Vec<(String, Option<String>)>;

impl RouteTemplate {
    /// Parses a template; the fault is told in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches("~/").trim_matches('/');
        let mut segments = Vec::new();
        if !text.is_empty() {
            let pieces = split_outside_braces(text)?;
            let last = pieces.len() - 1;
            for (number, piece) in pieces.iter().enumerate() {
                segments.push(parse_segment(piece, number == last)?);
            }
        }
        let template = Self { segments };
        let mut names: Vec<_> = template
            .parameters()
            .map(|parameter| parameter.name.to_lowercase())
            .collect();
        names.sort();
        if let Some(twice) = names.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(a),
            _ => None,
        }) {
            return Err(format!("the parameter `{twice}` is there twice"));
        }
        Ok(template)
    }

    /// Matches decoded path segments.
    pub(crate) fn matches(&self, path: &[&str]) -> Option<RouteValues> {
        let mut values = Vec::new();
        let mut rest = path;
        for segment in &self.segments {
            if let Segment::Parameter(parameter) = segment
                && parameter.catch_all
            {
                let value = if rest.is_empty() {
                    parameter.default.clone()
                } else {
                    Some(rest.join("/"))
                };
                values.push(parameter.accept(value)?);
                rest = &[];
                continue;
            }
            let given = match rest.split_first() {
                Some((first, tail)) => {
                    rest = tail;
                    Some(*first)
                }
                None => None,
            };
            segment.matches(given, &mut values)?;
        }
        rest.is_empty().then_some(values)
    }

    /// Rank of each segment, the more exact the smaller: literal, constrained, plain, catch-all.
    pub(super) fn precedence(&self) -> Vec<u8> {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 1,
                Segment::Mixed(_) => 2,
                Segment::Parameter(parameter) => {
                    let kind = if parameter.catch_all { 5 } else { 3 };
                    kind - u8::from(!parameter.constraints.is_empty())
                }
            })
            .collect()
    }

    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.segments.iter().flat_map(|segment| {
            let (single, mixed): (Option<&Parameter>, &[Part]) = match segment {
                Segment::Literal(_) => (None, &[]),
                Segment::Parameter(parameter) => (Some(parameter), &[]),
                Segment::Mixed(parts) => (None, parts),
            };
            let mixed = mixed.iter().filter_map(|part| match part {
                Part::Parameter(parameter) => Some(parameter),
                Part::Literal(_) => None,
            });
            single.into_iter().chain(mixed)
        })
    }
}

impl Parameter {
    fn parse(text: &str) -> Result<Self, String> {
        let stars = text.len() - text.trim_start_matches('*').len();
        let mut rest = text.get(stars..).unwrap_or_default();
        let mut optional = false;
        let mut default = None;
        // The default follows the first `=` outside of a constraint's parentheses.
        if let Some(at) = find_outside_parentheses(rest, '=') {
            default = rest.get(at + 1..).map(str::to_owned);
            rest = rest.get(..at).unwrap_or_default();
        } else if let Some(stem) = rest.strip_suffix('?') {
            optional = true;
            rest = stem;
        }
        let mut constraints = Vec::new();
        let name_end = find_outside_parentheses(rest, ':').unwrap_or(rest.len());
        let name = rest.get(..name_end).unwrap_or_default();
        let mut inline = rest.get(name_end..).unwrap_or_default();
        while let Some(tail) = inline.strip_prefix(':') {
            let end = find_outside_parentheses(tail, ':').unwrap_or(tail.len());
            constraints.push(Constraint::parse(tail.get(..end).unwrap_or_default())?);
            inline = tail.get(end..).unwrap_or_default();
        }
        if name.is_empty() || name.contains(['{', '}', '/', '*', '?']) {
            return Err(format!("`{{{text}}}` has no valid parameter name"));
        }
        Ok(Self {
            name: name.to_owned(),
            constraints,
            default,
            optional,
            catch_all: stars > 0,
        })
    }

    /// The route value, or `None` when the constraints refuse it.
    fn accept(&self, value: Option<String>) -> Option<(String, Option<String>)> {
        let accepted = match &value {
            Some(value) => self
                .constraints
                .iter()
                .all(|constraint| constraint.accepts(value)),
            None => self.optional || self.catch_all,
        };
        accepted.then(|| (self.name.clone(), value))
    }
}

impl Segment {
    fn matches(&self, given: Option<&str>, values: &mut RouteValues) -> Option<()> {
        match self {
            Self::Literal(text) => given?.to_lowercase().eq(&text.to_lowercase()).then_some(()),
            Self::Parameter(parameter) => {
                let value = match given {
                    Some("") => return None,
                    Some(text) => Some(text.to_owned()),
                    None => parameter.default.clone(),
                };
                values.push(parameter.accept(value)?);
                Some(())
            }
            Self::Mixed(parts) => match_parts(parts, given?, values),
        }
    }
}

/// Matches text and parameters mixed; as in ASP.NET, parameters take as much as they can, so the
/// literals are sought from the right.
fn match_parts(parts: &[Part], text: &str, values: &mut RouteValues) -> Option<()> {
    let mut rest = text;
    let mut found: RouteValues = Vec::new();
    let mut pending: Option<&Parameter> = None;
    for part in parts.iter().rev() {
        match part {
            Part::Parameter(parameter) => pending = Some(parameter),
            Part::Literal(literal) => {
                let at = match pending {
                    Some(_) => rest.rfind(literal.as_str())?,
                    None => rest
                        .len()
                        .checked_sub(literal.len())
                        .filter(|at| rest.get(*at..) == Some(literal))?,
                };
                if let Some(parameter) = pending.take() {
                    let value = rest
                        .get(at + literal.len()..)
                        .filter(|value| !value.is_empty())?;
                    found.push(parameter.accept(Some(value.to_owned()))?);
                }
                rest = rest.get(..at)?;
            }
        }
    }
    match pending {
        Some(parameter) => {
            found.push(parameter.accept(Some(rest.to_owned()).filter(|value| !value.is_empty()))?)
        }
        None if !rest.is_empty() => return None,
        None => {}
    }
    found.reverse();
    values.append(&mut found);
    Some(())
}

fn parse_segment(text: &str, last: bool) -> Result<Segment, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            // A doubled brace outside of a parameter is the brace itself.
            '{' | '}' if chars.next_if(|(_, next)| *next == c).is_some() => literal.push(c),
            '{' => {
                let tail = text.get(at + 1..).unwrap_or_default();
                let end = closing_brace(tail).ok_or_else(|| format!("`{text}` lacks a `}}`"))?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                let inner = tail.get(..end).unwrap_or_default();
                parts.push(Part::Parameter(Parameter::parse(
                    &inner.replace("{{", "{").replace("}}", "}"),
                )?));
                while chars.next_if(|(next, _)| *next <= at + 1 + end).is_some() {}
            }
            '}' => return Err(format!("`{text}` has a `}}` too many")),
            _ => literal.push(c),
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    if parts.len() > 1 {
        for pair in parts.windows(2) {
            if let [Part::Parameter(a), Part::Parameter(b)] = pair {
                return Err(format!(
                    "`{{{}}}{{{}}}`: text is needed between two parameters",
                    a.name, b.name
                ));
            }
        }
        let odd = parts.iter().any(|part| matches!(part, Part::Parameter(parameter) if parameter.catch_all || parameter.optional));
        if odd {
            return Err(format!(
                "`{text}`: catch-all and optional parameters need a segment of their own"
            ));
        }
        return Ok(Segment::Mixed(parts));
    }
    match parts.pop() {
        Some(Part::Parameter(parameter)) if parameter.catch_all && !last => Err(format!(
            "the catch-all parameter `{}` must come last",
            parameter.name
        )),
        Some(Part::Parameter(parameter)) => Ok(Segment::Parameter(parameter)),
        Some(Part::Literal(text)) => Ok(Segment::Literal(text)),
        None => Err("a route has an empty segment".to_owned()),
    }
}

/// Where the brace that closes a parameter is; braces of a regex are doubled.
fn closing_brace(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    let mut parentheses = 0usize;
    while let Some((at, c)) = chars.next() {
        match c {
            '(' => parentheses += 1,
            ')' => parentheses = parentheses.saturating_sub(1),
            '}' if chars
                .next_if(|(_, next)| *next == '}' && parentheses > 0)
                .is_some() => {}
            '}' if parentheses == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn find_outside_parentheses(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if c == wanted && depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn split_outside_braces(text: &str) -> Result<Vec<&str>, String> {
    let mut pieces = Vec::new();
    let (mut depth, mut start) = (0i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '/' if depth == 0 => {
                pieces.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    if depth == 0 {
        Ok(pieces)
    } else {
        Err(format!("the braces of `{text}` do not match"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(template: &str, path: &str) -> Option<Vec<(String, Option<String>)>> {
        let segments: Vec<_> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        RouteTemplate::parse(template).unwrap().matches(&segments)
    }

    fn value(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn literals_and_parameters() {
        assert_eq!(values("Orders/list", "orders/LIST"), Some(vec![]));
        assert_eq!(
            values("orders/{id}", "orders/7"),
            Some(vec![value("id", "7")])
        );
        assert_eq!(values("orders/{id}", "orders"), None);
        assert_eq!(values("orders/{id}", "orders/7/x"), None);
        assert_eq!(values("", ""), Some(vec![]));
        assert_eq!(values("orders/{id:int}", "orders/x"), None);
    }

    #[test]
    fn optional_default_and_catch_all() {
        assert_eq!(
            values("plain/{id?}", "plain"),
            Some(vec![("id".into(), None)])
        );
        assert_eq!(
            values("plain/{id:int?}", "plain/5"),
            Some(vec![value("id", "5")])
        );
        assert_eq!(
            values("plain/{id:int?}", "plain"),
            Some(vec![("id".into(), None)])
        );
        assert_eq!(values("p/{x=5}", "p"), Some(vec![value("x", "5")]));
        assert_eq!(values("p/{x:int=5}", "p/9"), Some(vec![value("x", "9")]));
        assert_eq!(
            values("f/{*path}", "f/a/b"),
            Some(vec![value("path", "a/b")])
        );
        assert_eq!(values("f/{**path}", "f"), Some(vec![("path".into(), None)]));
        assert_eq!(
            values("f/{*path=here}", "f"),
            Some(vec![value("path", "here")])
        );
    }

    #[test]
    fn constraints_may_hold_anything() {
        assert_eq!(
            values(r"z/{c:regex(^\d{{3}}[/:=?]$)}", "z/123:"),
            Some(vec![value("c", "123:")])
        );
        assert_eq!(
            values("z/{c:length(2):alpha}", "z/ab"),
            Some(vec![value("c", "ab")])
        );
        assert_eq!(values("z/{c:length(2):alpha}", "z/a1"), None);
    }

    #[test]
    fn text_and_parameters_mixed() {
        assert_eq!(
            values("{name}.{ext}", "a.b.c"),
            Some(vec![value("name", "a.b"), value("ext", "c")])
        );
        assert_eq!(values("v{n:int}-x", "v12-x"), Some(vec![value("n", "12")]));
        assert_eq!(values("v{n:int}-x", "vx-x"), None);
        assert_eq!(values("a{{b}}", "a{b}"), Some(vec![]));
    }

    #[test]
    fn faults_are_told() {
        for wrong in [
            "a//b", "{", "a/{}", "{a}{b}", "{*x}/y", "{a}/{A}", "x/{y", "a}b", "{x:nope}", "v{x?}",
        ] {
            assert!(RouteTemplate::parse(wrong).is_err(), "{wrong}");
        }
    }
}
