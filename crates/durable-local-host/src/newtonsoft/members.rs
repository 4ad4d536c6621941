//! Members of an object while it is put together.

use std::collections::HashMap;

/// Up to so many members are searched one by one: that is faster, and the usual object has few.
const FEW: usize = 16;

/// Members in order; each name is there once, and the last value given wins.
#[derive(Debug)]
pub(crate) struct Members<T> {
    list: Vec<(String, T)>,
    /// Where the names are, once they are more than a few.
    places: HashMap<String, usize>,
    ignores_case: bool,
}

impl<T> Members<T> {
    /// None yet; names that differ in case are two.
    pub(crate) fn new() -> Self {
        Self {
            list: Vec::new(),
            places: HashMap::new(),
            ignores_case: false,
        }
    }

    /// None yet; names that differ in the case of ASCII letters are one.
    pub(crate) fn ignoring_case() -> Self {
        Self {
            ignores_case: true,
            ..Self::new()
        }
    }

    /// Sets a value, in the place of one of that name if there is one.
    pub(crate) fn set(&mut self, name: String, value: T) {
        if let Some(place) = self.place(&name) {
            if let Some((_, known)) = self.list.get_mut(place) {
                *known = value;
            }
            return;
        }
        if self.list.len() >= FEW {
            self.places.insert(self.key(&name), self.list.len());
        }
        self.list.push((name, value));
    }

    /// The members in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, T)> {
        self.list.iter()
    }

    /// The members in order.
    pub(crate) fn into_list(self) -> Vec<(String, T)> {
        self.list
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if self.list.len() < FEW {
            let ignores_case = self.ignores_case;
            let is_it = |(known, _): &(String, T)| {
                known == name || ignores_case && known.eq_ignore_ascii_case(name)
            };
            return self.list.iter().position(is_it);
        }
        if self.places.is_empty() {
            let names = self.list.iter().enumerate();
            self.places = names
                .map(|(place, (name, _))| (self.key(name), place))
                .collect();
        }
        self.places.get(&self.key(name)).copied()
    }

    fn key(&self, name: &str) -> String {
        if self.ignores_case {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a search one by one would come to.
    fn plain(names: &[String], same: impl Fn(&str, &str) -> bool) -> Vec<(String, usize)> {
        let mut list: Vec<(String, usize)> = Vec::new();
        for (value, name) in names.iter().enumerate() {
            match list.iter_mut().find(|(known, _)| same(known, name)) {
                Some((_, known)) => *known = value,
                None => list.push((name.clone(), value)),
            }
        }
        list
    }

    fn of(mut members: Members<usize>, names: &[String]) -> Vec<(String, usize)> {
        for (value, name) in names.iter().enumerate() {
            members.set(name.clone(), value);
        }
        members.into_list()
    }

    #[test]
    fn the_last_value_wins_however_many_there_are() {
        for count in [FEW - 1, FEW, FEW + 1, 4 * FEW] {
            let names: Vec<String> = (0..count)
                .chain(0..count)
                .enumerate()
                .map(|(at, name)| {
                    if at % 3 == 0 {
                        format!("n{name}")
                    } else {
                        format!("N{name}")
                    }
                })
                .collect();
            assert_eq!(
                of(Members::new(), &names),
                plain(&names, |one, other| one == other)
            );
            assert_eq!(
                of(Members::ignoring_case(), &names),
                plain(&names, str::eq_ignore_ascii_case)
            );
        }
    }
}
