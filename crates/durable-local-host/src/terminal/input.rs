//! JSON that the command line gives: as text, from a file, or from standard input.

use std::io::Read;
use std::path::PathBuf;

use serde_json::value::RawValue;

use super::fault::Fault;

/// Where the input comes from.
#[derive(clap::Args, Debug)]
pub(super) struct InputArgs {
    /// The input, as JSON; a text needs its quotes: '"Seoul"'
    #[arg(long, value_name = "JSON")]
    input: Option<String>,
    /// File with the input, as JSON; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    input_file: Option<PathBuf>,
}

impl InputArgs {
    /// The JSON text as it was given, or nothing.
    pub(super) fn read(&self) -> Result<Option<String>, Fault> {
        let (source, text) = match (&self.input, &self.input_file) {
            (Some(text), _) => ("--input".to_owned(), text.clone()),
            (None, Some(path)) if path.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin()
                    .lock()
                    .read_to_string(&mut text)
                    .map_err(|error| Fault::failed(format!("standard input: {error}")))?;
                ("standard input".to_owned(), text)
            }
            (None, Some(path)) => {
                let shown = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Fault::failed(format!("{shown}: {error}")))?;
                (shown, text)
            }
            (None, None) => return Ok(None),
        };
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Ok(Some(text.to_owned())),
            Err(error) => Err(Fault::usage(format!(
                "{source} is no JSON: {error}. A text needs quotes, for a shell such as '\"Seoul\"'"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Result<Option<String>, Fault> {
        InputArgs {
            input: Some(input.to_owned()),
            input_file: None,
        }
        .read()
    }

    #[test]
    fn json_goes_on_as_it_was_written() {
        let text = r#"{ "price": 1.50, "big": 123456789012345678901234567890 }"#;
        assert_eq!(read(text).unwrap().as_deref(), Some(text));
        let fault = read("Seoul").unwrap_err();
        assert_eq!(fault.exit_code(), 2);
        assert!(
            fault.message().contains("needs quotes"),
            "{}",
            fault.message()
        );
    }

    #[test]
    fn files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input.json");
        std::fs::write(&path, "\u{feff}[1]\n").unwrap();
        let args = |path| InputArgs {
            input: None,
            input_file: Some(path),
        };
        assert_eq!(args(path).read().unwrap().as_deref(), Some("[1]\n"));
        let missing = args(folder.path().join("none")).read().unwrap_err();
        assert_eq!(missing.exit_code(), 1);
        assert!(missing.message().contains("none"), "{}", missing.message());
    }
}
