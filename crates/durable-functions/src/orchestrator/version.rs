//! Comparing versions of instances.

use std::cmp::Ordering;

/// Compares two versions as the .NET SDK does: as numbers between dots if both are that (two to
/// four of them), as text without regard to case otherwise. No version comes before any.
///
/// ```
/// use durable_functions::compare_versions;
/// use std::cmp::Ordering;
///
/// assert_eq!(compare_versions("1.10", "1.9"), Ordering::Greater);
/// assert_eq!(compare_versions("beta", "Alpha"), Ordering::Greater);
/// assert_eq!(compare_versions("", "0.1"), Ordering::Less);
/// ```
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim(), right.trim());
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => match (numbers(left), numbers(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.to_uppercase().cmp(&right.to_uppercase()),
        },
    }
}

/// The parts of a .NET `Version`; missing ones count as less than 0.
fn numbers(version: &str) -> Option<[i64; 4]> {
    let mut numbers = [-1; 4];
    let mut count = 0;
    for part in version.split('.') {
        let digits = part.trim();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *numbers.get_mut(count)? = i64::from(digits.parse::<i32>().ok()?);
        count += 1;
    }
    (count >= 2).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_as_such() {
        for (less, more) in [
            ("1.0", "2.0"),
            ("1.9", "1.10"),
            ("1.0", "1.0.0"),
            ("1.0.0.9", "1.0.1"),
            ("", "0.0"),
            ("1", "a"),
            ("9", "x.y"),
            // one number alone is no version for .NET, so these are texts
            ("10", "9"),
        ] {
            assert_eq!(
                compare_versions(less, more),
                Ordering::Less,
                "{less} {more}"
            );
            assert_eq!(
                compare_versions(more, less),
                Ordering::Greater,
                "{less} {more}"
            );
        }
        assert_eq!(compare_versions("V1-Beta", "v1-beta"), Ordering::Equal);
        assert_eq!(compare_versions(" 1.0 ", "1.0"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn any_text_can_be_compared(left in ".{0,12}", right in ".{0,12}") {
            prop_assert_eq!(
                compare_versions(&left, &right),
                compare_versions(&right, &left).reverse()
            );
        }
    }
}
