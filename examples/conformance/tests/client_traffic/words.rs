//! Texts that are the same but for what every run makes anew: ids, times, keys, hub and port.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

static VARYING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<origin>http://localhost:\d+)|(?P<hub>\btaskHub=[^&\s]*)|(?P<key>\bcode=[\w%=-]+)",
        // times of the day of the recording and of today; the zone is compared
        r"|(?P<fine>\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)",
        r"|(?P<time>\b20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d)",
        r"|(?P<guid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)",
        r"|(?P<hex>\b[0-9a-f]{32}\b)",
    ))
    .unwrap()
});

const KINDS: [&str; 7] = ["origin", "hub", "key", "fine", "time", "guid", "hex"];

/// Where answers come from, and the task hub they name.
#[derive(Clone, Debug)]
pub struct Place {
    pub origin: String,
    pub hubs: Vec<String>,
}

impl Place {
    /// Two hosts took part in the recordings.
    pub fn recorded() -> Self {
        Self {
            origin: "http://localhost:7071".into(),
            hubs: vec!["RecHub".into(), "RefHub".into()],
        }
    }
}

/// Which of our ids stands for which recorded one.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    ours: BTreeMap<String, String>,
    recorded: BTreeMap<String, String>,
}

impl Ids {
    fn pair(&mut self, recorded: &str, ours: &str) -> bool {
        let our_known = self.ours.entry(recorded.to_owned());
        let known = self.recorded.entry(ours.to_owned());
        our_known.or_insert_with(|| ours.to_owned()) == ours
            && known.or_insert_with(|| recorded.to_owned()) == recorded
    }
}

#[derive(Clone, Debug)]
pub struct Words {
    pub theirs: Place,
    pub ours: Place,
    pub ids: Ids,
}

impl Words {
    pub fn same(&mut self, recorded: &str, ours: &str) -> bool {
        if !may_vary(recorded) && !may_vary(ours) {
            return recorded == ours;
        }
        if skeleton(recorded, &self.theirs) != skeleton(ours, &self.ours) {
            return false;
        }
        // in a text of one form with another, the n-th id of one stands for the n-th of the other
        let mut ids = self.ids.clone();
        let mut pairs = ids_in(recorded).into_iter().zip(ids_in(ours));
        let same = pairs.all(|(recorded, ours)| ids.pair(recorded, ours));
        if same {
            self.ids = ids;
        }
        same
    }
}

/// No id or time is shorter.
fn may_vary(text: &str) -> bool {
    text.len() >= "2026-01-01T00:00:00".len() || text.contains('=')
}

fn kind(captures: &Captures<'_>) -> &'static str {
    let mut kinds = KINDS.into_iter();
    kinds
        .find(|kind| captures.name(kind).is_some())
        .unwrap_or_default()
}

/// The text with the kinds of what varies in its place. Another origin or hub than that of the place
/// stays what it is.
fn skeleton(text: &str, place: &Place) -> String {
    let replaced = VARYING.replace_all(text, |captures: &Captures<'_>| {
        let found = &captures[0];
        match kind(captures) {
            "origin" if found != place.origin => found.to_owned(),
            "hub"
                if !place
                    .hubs
                    .iter()
                    .any(|hub| found == format!("taskHub={hub}")) =>
            {
                found.to_owned()
            }
            kind => format!("\0{kind}\0"),
        }
    });
    replaced.into_owned()
}

fn ids_in(text: &str) -> Vec<&str> {
    VARYING
        .captures_iter(text)
        .filter(|captures| matches!(kind(captures), "guid" | "hex"))
        .filter_map(|captures| captures.get(0))
        .map(|found| found.as_str())
        .collect()
}

/// The text with `ID`, `TIME` and `TIME.F` for ids, whole seconds and other times.
pub fn masked(text: &str) -> String {
    let replaced = VARYING.replace_all(text, |captures: &Captures<'_>| match kind(captures) {
        "guid" | "hex" => "ID".to_owned(),
        "time" => "TIME".to_owned(),
        "fine" => "TIME.F".to_owned(),
        _ => captures[0].to_owned(),
    });
    replaced.into_owned()
}

/// What a continuation token is base64 of: the id that the next page begins with. Azure Storage's
/// end in a blank.
pub fn token(text: &str) -> Option<String> {
    let decoded = base64_simd::STANDARD.decode_to_vec(text.trim()).ok()?;
    String::from_utf8(decoded).ok()
}
