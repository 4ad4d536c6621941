//! NCRONTAB expressions: the syntax of the real host's timer triggers.
//!
//! Six fields (second, minute, hour, day, month, day of week), or five without the second. A
//! field is a list of `*`, values, names and ranges, each with a step if it likes. There is no
//! `?`, `L`, `W` or `#`, and Sunday is 0 only. A day has to fit both day fields. This is what
//! the library behind the real host accepts (NCrontab, as the WebJobs timer extension uses it).

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

/// What a field may hold.
struct Field {
    title: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    field("second", 0, 59, &[]),
    field("minute", 0, 59, &[]),
    field("hour", 0, 23, &[]),
    field("day", 1, 31, &[]),
    field("month", 1, 12, &MONTHS),
    field("day of week", 0, 6, &DAYS),
];

const fn field(
    title: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
) -> Field {
    Field {
        title,
        least,
        most,
        names,
    }
}

/// The expression with all six fields and nothing in them but `*` and lists of numbers, which
/// every cron library understands in the same way.
///
/// # Errors
///
/// What can't be read, and in which field.
pub(super) fn normalize(expression: &str) -> Result<String, String> {
    let texts: Vec<&str> = expression.split_ascii_whitespace().collect();
    let skipped = match texts.len() {
        6 => 0,
        5 => 1,
        count => {
            return Err(format!(
                "six fields are expected (second minute hour day month day-of-week), or five without the second; there are {count}"
            ));
        }
    };
    let mut out = String::from(if skipped == 1 { "0" } else { "" });
    for (field, text) in FIELDS.iter().skip(skipped).zip(texts) {
        if !out.is_empty() {
            out.push(' ');
        }
        let values = field
            .read(text)
            .map_err(|fault| format!("{} `{text}`: {fault}", field.title))?;
        field.write(values, &mut out);
    }
    Ok(out)
}

impl Field {
    /// The values that a text stands for, one bit for each.
    fn read(&self, text: &str) -> Result<u64, String> {
        let mut values = 0;
        for item in text.split(',') {
            values |= self.read_item(item)?;
        }
        Ok(values)
    }

    fn read_item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step)?)),
            None => (item, None),
        };
        if step == Some(0) {
            return Err("a step of 0 gets nowhere".to_owned());
        }
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((first, last)) => {
                let ends = (self.value(first)?, self.value(last)?);
                (ends.0.min(ends.1), ends.0.max(ends.1))
            }
            // `5/10` begins at 5 and goes to the end.
            None if step.is_some() => (self.value(range)?, self.most),
            None => (self.value(range)?, self.value(range)?),
        };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(usize::MAX);
        Ok((first..=last)
            .step_by(step)
            .fold(0, |values, value| values | 1 << value))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        if let Some(value) = self.named(text) {
            return Ok(value);
        }
        let value = number(text)?;
        if (self.least..=self.most).contains(&value) {
            Ok(value)
        } else {
            Err(format!(
                "{value} is not within {} to {}",
                self.least, self.most
            ))
        }
    }

    /// The value of a name, of which three letters are enough.
    fn named(&self, text: &str) -> Option<u32> {
        let text = text.to_ascii_lowercase();
        let is_named = |name: &&'static str| text.len() >= 3 && name.starts_with(&text);
        let place = self.names.iter().position(is_named)?;
        Some(self.least + u32::try_from(place).ok()?)
    }

    fn write(&self, values: u64, out: &mut String) {
        let all = (self.least..=self.most).fold(0_u64, |all, value| all | 1 << value);
        if values == all {
            out.push('*');
            return;
        }
        let mut separator = "";
        for value in (self.least..=self.most).filter(|value| values & (1 << value) != 0) {
            out.push_str(separator);
            out.push_str(&value.to_string());
            separator = ",";
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    // A sign would be taken for a number as well.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is no value"));
    }
    text.parse().map_err(|_| format!("{text} is too large"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_become_lists() {
        for (expression, normal) in [
            (
                "0 */5 * * * *",
                "0 0,5,10,15,20,25,30,35,40,45,50,55 * * * *",
            ),
            ("0 30 9 * * Mon-Fri", "0 30 9 * * 1,2,3,4,5"),
            ("0 0 0 1 January,JUL *", "0 0 0 1 1,7 *"),
            ("*/30 * * * * *", "0,30 * * * * *"),
            ("15/20 * * * * *", "15,35,55 * * * * *"),
            ("0 0 1-23/11 * * 0,6", "0 0 1,12,23 * * 0,6"),
            ("*/10 9-8 * * sunday", "0 0,10,20,30,40,50 8,9 * * 0"),
            ("  0   0 0 1-31 1-12 *  ", "0 0 0 * * *"),
        ] {
            assert_eq!(normalize(expression).as_deref(), Ok(normal), "{expression}");
        }
    }

    #[test]
    fn faults_name_the_field() {
        for (expression, fault) in [
            ("", "there are 0"),
            ("* * * *", "there are 4"),
            ("* * * * * * *", "there are 7"),
            ("60 * * * * *", "second `60`: 60 is not within 0 to 59"),
            ("0 0 0 0 * *", "day `0`: 0 is not within 1 to 31"),
            ("0 0 0 * * 7", "day of week `7`: 7 is not within 0 to 6"),
            ("0 0 0 ? * *", "day `?`: `?` is no value"),
            ("0 0 0 L * *", "day `L`: `L` is no value"),
            ("0 */0 * * * *", "minute `*/0`: a step of 0"),
            ("0 1, * * * *", "minute `1,`: `` is no value"),
            ("0 -5 * * * *", "minute `-5`: `` is no value"),
            ("0 0 0 * Ja *", "month `Ja`: `Ja` is no value"),
            ("0 99999999999 * * * *", "too large"),
        ] {
            let error = normalize(expression).unwrap_err();
            assert!(error.contains(fault), "{expression}: {error}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(text in "[0-9*/,a-zA-Z? -]{0,40}") {
            if let Ok(normal) = normalize(&text) {
                prop_assert_eq!(normalize(&normal), Ok(normal));
            }
        }
    }
}
