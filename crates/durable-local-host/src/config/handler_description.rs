//! How the handler is started.

use super::arguments;
use super::json_file::at;
use super::reader::Reader;
use crate::error::Error;

/// `customHandler.description`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandlerDescription {
    /// `defaultExecutablePath`, as written.
    pub(crate) executable: String,
    /// `arguments`.
    pub(crate) arguments: Vec<String>,
    /// `defaultWorkerPath`, as written.
    pub(crate) worker_path: Option<String>,
    /// `workerArguments`.
    pub(crate) worker_arguments: Vec<String>,
    /// `workingDirectory`, as written.
    pub(crate) working_directory: String,
    /// `workerDirectory`, as written.
    pub(crate) worker_directory: String,
}

impl HandlerDescription {
    /// Reads the section; nothing when it does not say what to start.
    pub(super) fn read(reader: &Reader<'_>) -> Result<Option<Self>, Error> {
        // `httpWorker` is the section's name of old; the newer one wins.
        let section = ["customHandler", "httpWorker"]
            .into_iter()
            .find(|name| at(reader.object, &[name, "description"]).is_some());
        let Some(section) = section else {
            return Ok(None);
        };
        let text = |name| reader.text(&[section, "description", name]);
        let list = |name| reader.list(&[section, "description", name]);
        let Some(executable) = text("defaultExecutablePath")?.filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            executable,
            arguments: list("arguments")?,
            worker_path: text("defaultWorkerPath")?.filter(|text| !text.is_empty()),
            worker_arguments: list("workerArguments")?,
            working_directory: text("workingDirectory")?.unwrap_or_default(),
            worker_directory: text("workerDirectory")?.unwrap_or_default(),
        }))
    }

    /// The arguments that the handler gets: all of them are one line before, in which nothing but
    /// `defaultWorkerPath` is quoted.
    pub(crate) fn command_line(&self, expand: impl Fn(&str) -> String) -> Vec<String> {
        let mut line = String::new();
        let path = self.worker_path.as_ref();
        let pieces = self
            .arguments
            .iter()
            .map(|argument| expand(argument))
            .chain(path.map(|path| format!("\"{}\"", expand(path))))
            .chain(
                self.worker_arguments
                    .iter()
                    .map(|argument| expand(argument)),
            );
        for piece in pieces {
            line.push(' ');
            line.push_str(&piece);
        }
        arguments::split(&line)
    }

    /// The arguments that come through as several.
    pub(super) fn torn<'a>(
        &'a self,
        expand: impl Fn(&str) -> String + 'a,
    ) -> impl Iterator<Item = (&'a str, usize)> {
        let all = self.arguments.iter().chain(&self.worker_arguments);
        all.map(move |argument| (argument.as_str(), arguments::split(&expand(argument)).len()))
            .filter(|(_, count)| *count > 1)
    }
}
