//! Who may call what, when keys are asked for.

use std::path::Path;

use hyper::header::HeaderMap;

use crate::config::{AuthLevel, Function, Trigger};
use crate::error::Error;
use crate::keys::{AskForKeys, Keys, Needed};
use crate::urls;

/// Whether keys are asked for, and which.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Everybody may do everything, as with `func start`.
    Open,
    /// As on Azure, and with `func start --enableAuth`.
    Keys(Keys),
}

impl Access {
    /// Who is let in, and the key that management URLs carry. Keys are kept in the folder, if there
    /// is one.
    pub(crate) fn open(
        folder: Option<&Path>,
        ask: AskForKeys,
        functions: &[Function],
    ) -> Result<(Self, String), Error> {
        let with_keys = functions.iter().filter_map(|function| {
            let asks = matches!(
                function.trigger,
                Trigger::Http {
                    auth_level: AuthLevel::Function,
                    ..
                }
            );
            asks.then_some(function.name.as_str())
        });
        let AskForKeys::Yes(master) = ask else {
            return Ok((Self::Open, Keys::make([]).extension().to_owned()));
        };
        if master.as_deref().is_some_and(|key| key.trim().is_empty()) {
            return Err(Error::EmptyKey);
        }
        let keys = match folder {
            Some(folder) => Keys::kept(folder, with_keys)?,
            None => Keys::make(with_keys),
        };
        let keys = keys.with_master(master);
        let key = keys.extension().to_owned();
        Ok((Self::Keys(keys), key))
    }

    /// Whether a request may go on. A key in the header counts before one in the query.
    pub(super) fn admits(&self, needed: Needed<'_>, headers: &HeaderMap, query: &str) -> bool {
        let Self::Keys(keys) = self else {
            return true;
        };
        let header = headers.get("x-functions-key");
        let header = header.map(|value| value.to_str().unwrap_or_default().to_owned());
        let shown = header.or_else(|| {
            query.split('&').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                urls::decode_query(name)
                    .eq_ignore_ascii_case("code")
                    .then(|| urls::decode_query(value))
            })
        });
        keys.open(needed, shown.as_deref())
    }
}
