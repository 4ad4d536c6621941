//! Pages of other origins that the developer lets call the functions.

/// `Host.CORS` and `Host.CORSCredentials` of local.settings.json.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cors {
    /// As browsers send them; `*` for all.
    pub(crate) origins: Vec<String>,
    /// Whether requests may carry cookies and the like.
    pub(crate) credentials: bool,
}
