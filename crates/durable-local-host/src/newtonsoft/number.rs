//! Numbers as Json.NET writes them.

/// Writes a number literal anew: whole numbers stay, others go through a double.
pub(super) fn normalize(literal: &str) -> Option<String> {
    if !literal.contains(['.', 'e', 'E']) {
        let digits = literal.strip_prefix('-').unwrap_or(literal);
        return match digits {
            "" => None,
            "0" => Some("0".to_owned()),
            _ => Some(literal.to_owned()),
        };
    }
    let value: f64 = literal.parse().ok()?;
    if value.is_infinite() {
        // Json.NET writes what is no JSON number as a text.
        return Some(
            if value > 0.0 {
                "\"Infinity\""
            } else {
                "\"-Infinity\""
            }
            .to_owned(),
        );
    }
    Some(double(value))
}

/// A double in .NET's shortest form, with `.0` when it would look whole.
fn double(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !(-5..15).contains(&exponent) {
        let point = if digits.len() > 1 { "." } else { "" };
        let (first, rest) = digits.split_at(1);
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}E{mark}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or_default());
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exponent + 1).unwrap_or_default();
    if digits.len() <= whole {
        return format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len()));
    }
    let (whole, fraction) = digits.split_at(whole);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn as_recorded() {
        for (literal, written) in [
            ("1.0", "1.0"),
            ("1e5", "100000.0"),
            ("1.10", "1.1"),
            ("2.50", "2.5"),
            ("1e+300", "1E+300"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            ("-0.0", "-0.0"),
            ("-0", "0"),
            ("0.0001", "0.0001"),
            ("0.000001", "1E-06"),
            ("1.5e17", "1.5E+17"),
            ("0.1", "0.1"),
            ("-12.75", "-12.75"),
            ("1e400", "\"Infinity\""),
        ] {
            assert_eq!(normalize(literal).as_deref(), Some(written), "{literal}");
        }
    }
}
