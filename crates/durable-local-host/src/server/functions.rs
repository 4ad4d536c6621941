//! Requests: to an HTTP function, to the management API, or to nobody.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, VARY, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};

use super::access::Access;
use super::connection::HeadRecorder;
use super::guard::{Guard, Refused, Target};
use super::headers::request_headers;
use crate::config::{AuthLevel, Cors, Forwarding, Function, Trigger};
use crate::console::{Console, ConsoleSource, Invocation, Kind, Outcome};
use crate::dashboard::Dashboard;
use crate::display::duration;
use crate::engine::Engine;
use crate::handler::{CallError, Handler};
use crate::invocation::{
    Answer, ClientOutputs, ClientSettings, HttpReply, IncomingRequest, call_exception,
    http_envelope, http_reply,
};
use crate::keys::Needed;
use crate::management::{Management, ManagementRequest, Reply};
use crate::routing::{Match, RouteTable, RouteTemplate};
use crate::timer_trigger::TimerFunctions;

/// Timer functions are run by hand below this.
const ADMIN_PATH: &str = "/admin/functions/";

/// Largest body that is read; the real host has the same limit.
const BODY_LIMIT: usize = 100 * 1024 * 1024;

pub(super) type HttpResponse = Response<Full<Bytes>>;

/// What requests are served from.
#[derive(Debug)]
pub(crate) struct App {
    functions: Vec<Function>,
    routes: RouteTable,
    prefix: String,
    pub(super) forwarding: Forwarding,
    pub(super) services: Services,
    pub(super) console: Console,
    client: ClientSettings,
}

/// Who answers requests.
#[derive(Debug)]
pub(crate) struct Services {
    /// HTTP functions.
    pub(crate) handler: Arc<Handler>,
    /// What functions start by an output.
    pub(crate) engine: Arc<Engine>,
    /// The management API.
    pub(crate) management: Management,
    /// The dashboard.
    pub(crate) dashboard: Dashboard,
    /// Timer functions.
    pub(crate) timers: Arc<TimerFunctions>,
    /// Who decides which requests are answered.
    pub(crate) guard: Guard,
    /// Who decides who may call what.
    pub(crate) access: Access,
    /// Which pages of other origins may call functions.
    pub(crate) cors: Cors,
}

impl App {
    /// The app; routes that can't be read are told.
    pub(crate) fn new(
        functions: Vec<Function>,
        (prefix, forwarding): (&str, Forwarding),
        services: Services,
        client: ClientSettings,
        console: Console,
    ) -> Self {
        let mut routes = RouteTable::default();
        for (number, function) in functions.iter().enumerate() {
            let Trigger::Http { route, methods, .. } = &function.trigger else {
                continue;
            };
            let route = route.as_deref().unwrap_or(&function.name);
            let path = format!("{prefix}/{route}");
            let path = format!("/{}", path.trim_start_matches('/'));
            if is_own(&path) {
                console.problem(format!(
                    "{}/function.json: {path} is this host's own, so the function is not reached there: choose another route",
                    function.name
                ));
            }
            match RouteTemplate::parse(route) {
                Ok(template) => routes.add(template, methods.clone(), number),
                Err(fault) => console.problem(format!(
                    "{}/function.json: the route cannot be read: {fault}",
                    function.name
                )),
            }
        }
        Self {
            functions,
            routes,
            prefix: prefix.to_ascii_lowercase(),
            forwarding,
            services,
            console,
            client,
        }
    }

    /// Answers a request.
    pub(super) async fn respond(
        &self,
        request: Request<Incoming>,
        recorder: &HeadRecorder,
    ) -> HttpResponse {
        let response = match self.refuse(&request) {
            Some(refusal) => refusal,
            None if is_own(request.uri().path()) => self.route(request, recorder).await,
            None => self.respond_to_page(request, recorder).await,
        };
        recorder.reset();
        response
    }

    /// A request to functions, which pages may send whose origin the developer has named.
    async fn respond_to_page(
        &self,
        request: Request<Incoming>,
        recorder: &HeadRecorder,
    ) -> HttpResponse {
        let cors = &self.services.cors;
        let preflight = cors.is_preflight(request.method(), request.headers());
        let headers = cors.headers(request.headers(), preflight);
        let mut response = if preflight {
            empty(StatusCode::NO_CONTENT)
        } else {
            self.route(request, recorder).await
        };
        for (name, value) in &headers {
            if name == VARY {
                response.headers_mut().append(name, value.clone());
            } else {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }

    async fn route(&self, request: Request<Incoming>, recorder: &HeadRecorder) -> HttpResponse {
        let path = request.uri().path();
        if let Some(path) = Management::segments(path) {
            return match self.admits(Needed::Extension, &request) {
                true => self.manage(request, path).await,
                false => unauthorized(),
            };
        }
        if is_admin(path) && !self.admits(Needed::Master, &request) {
            return unauthorized();
        }
        if let Some(path) = Dashboard::below(path) {
            // The page itself knows nothing, and asks for the key that it reads with.
            if path.starts_with("/api/") && !self.admits(Needed::Extension, &request) {
                return unauthorized();
            }
            let query = request.uri().query().unwrap_or_default();
            let method = request.method().as_str();
            return response(self.services.dashboard.handle(method, path, query).await);
        }
        if let Some(name) = request.uri().path().strip_prefix(ADMIN_PATH) {
            return self.run_timer(request.method(), name);
        }
        match self.find(&request) {
            Some(found) => self.invoke(request, found, recorder).await,
            None => empty(StatusCode::NOT_FOUND),
        }
    }

    fn admits(&self, needed: Needed<'_>, request: &Request<Incoming>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        self.services
            .access
            .admits(needed, request.headers(), query)
    }

    /// The answer to a request that a web page must not send.
    fn refuse(&self, request: &Request<Incoming>) -> Option<HttpResponse> {
        let (uri, headers) = (request.uri(), request.headers());
        let target = if is_own(uri.path()) {
            Target::Management
        } else if self.services.cors.invites(headers) {
            Target::InvitedFunction
        } else {
            Target::Function
        };
        let refused = self
            .services
            .guard
            .check(request.method(), uri, headers, target);
        let Refused(reason) = refused.err()?;
        self.console.problem(reason.trim_end());
        Some(response(HttpReply {
            status: 403,
            headers: Vec::new(),
            content_type: Some("text/plain; charset=utf-8".to_owned()),
            body: reason.into_bytes(),
        }))
    }

    /// Runs a timer function out of turn, as the real host's route does.
    fn run_timer(&self, method: &Method, name: &str) -> HttpResponse {
        if method != Method::POST {
            empty(StatusCode::METHOD_NOT_ALLOWED)
        } else if self.services.timers.run_now(name) {
            empty(StatusCode::ACCEPTED)
        } else {
            empty(StatusCode::NOT_FOUND)
        }
    }

    fn find(&self, request: &Request<Incoming>) -> Option<Match> {
        let path = request.uri().path().strip_prefix('/')?;
        let path = if self.prefix.is_empty() {
            path
        } else {
            let (head, rest) = path.split_at_checked(self.prefix.len())?;
            if !head.eq_ignore_ascii_case(&self.prefix) {
                return None;
            }
            if rest.is_empty() {
                rest
            } else {
                rest.strip_prefix('/')?
            }
        };
        self.routes.find(request.method().as_str(), path)
    }

    async fn invoke(
        &self,
        request: Request<Incoming>,
        found: Match,
        recorder: &HeadRecorder,
    ) -> HttpResponse {
        let Some(function) = self.functions.get(found.function) else {
            return empty(StatusCode::NOT_FOUND);
        };
        if !self.admits(needed_for(function), &request) {
            return empty(StatusCode::UNAUTHORIZED);
        }
        if self.forwarding != Forwarding::Never && function.is_pure_http() {
            return self.forward(request, function).await;
        }
        let path = path_and_query(request.uri()).to_owned();
        let Some(incoming) = self.incoming(request, recorder).await else {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let inputs = self.client.inputs(function);
        let trigger = function
            .trigger_binding()
            .map_or("req", |binding| binding.name.as_str());
        let body = http_envelope(&function.name, trigger, &incoming, &found.values, &inputs);
        let invocation = self.console.begin(Kind::Http, &function.name, None);
        let (answer, status, good) = match self.call(function, &invocation, body).await {
            Ok(reply) => {
                let status = reply.status;
                (response(reply), status, status < 500)
            }
            Err(CallFault::Stopping) => return empty(StatusCode::SERVICE_UNAVAILABLE),
            Err(CallFault::Failed(reason)) => {
                self.console.problem(format!("{}: {reason}", function.name));
                (empty(StatusCode::INTERNAL_SERVER_ERROR), 500, false)
            }
        };
        // Without the query, in which there may be a key.
        let path = path.split('?').next().unwrap_or_default();
        let note = format!("{} {path} -> {status}", incoming.method).into();
        let outcome = if good {
            Outcome::Good(note)
        } else {
            Outcome::Failed(note)
        };
        self.console.executed(invocation, outcome);
        answer
    }

    async fn call(
        &self,
        function: &Function,
        invocation: &Invocation,
        body: String,
    ) -> Result<HttpReply, CallFault> {
        let raw = match self
            .services
            .handler
            .call(&function.name, &invocation.id(), body.into())
            .await
        {
            Ok(raw) => raw,
            Err(CallError::Stopping) => return Err(CallFault::Stopping),
            Err(error) => {
                let fault = call_exception(&error, &function.name);
                return Err(CallFault::Failed(format!("{error} ({})", fault.to_line())));
            }
        };
        if raw.status.is_redirection() {
            self.console.problem(format!(
                "{}: the handler itself answered {}, where the real host would send the invocation to that address: answer 200, with the status within the envelope",
                function.name, raw.status
            ));
        }
        let answer = Answer::read(&raw).map_err(|fault| CallFault::Failed(fault.to_line()))?;
        self.console.logged(invocation, &answer.logs);
        self.services
            .engine
            .start_outputs(&ClientOutputs::of(function), &answer)
            .await
            .map_err(|fault| CallFault::Failed(fault.to_line()))?;
        let tell = |line: &str| self.console.problem(format!("{}: {line}", function.name));
        http_reply(function, &answer, &tell).map_err(CallFault::Failed)
    }

    /// The request as the function sees it; `None` when the body is too long.
    async fn incoming(
        &self,
        request: Request<Incoming>,
        recorder: &HeadRecorder,
    ) -> Option<IncomingRequest> {
        let (head, body) = request.into_parts();
        let headers = request_headers(&head.headers, &recorder.written_names());
        // Without a length the real host sees no body, so neither does the function here.
        let body = match content_length(&head.headers) {
            Some(length) if length > 0 => Some(collect(body).await?),
            // It has to be read all the same, or the connection breaks.
            _ => {
                collect(body).await?;
                None
            }
        };
        Some(IncomingRequest {
            method: head.method.as_str().to_owned(),
            url: format!(
                "{}{}",
                self.origin(head.headers.get(HOST)),
                path_and_query(&head.uri)
            ),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
        })
    }

    fn origin(&self, host: Option<&HeaderValue>) -> String {
        match host.and_then(|host| host.to_str().ok()) {
            Some(host) => format!("http://{host}"),
            None => self.client.authority.url(),
        }
    }

    async fn manage(&self, request: Request<Incoming>, path: Vec<String>) -> HttpResponse {
        let (head, body) = request.into_parts();
        let Some(body) = collect(body).await else {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let begun = std::time::Instant::now();
        let origin = self.origin(head.headers.get(HOST));
        let header = |name: &str| {
            head.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let reply = self
            .services
            .management
            .handle(ManagementRequest {
                method: head.method.as_str().to_owned(),
                url: format!("{origin}{}", path_and_query(&head.uri)),
                origin,
                path,
                query: head.uri.query().unwrap_or_default().to_owned(),
                content_type: header("content-type"),
                continuation: header("x-ms-continuation-token"),
                body,
            })
            .await;
        if self.console.wants_details() {
            // Without the query, in which there may be a key.
            let text = format!(
                "{} {} -> {} in {}",
                head.method,
                head.uri.path(),
                reply.status,
                duration(begun.elapsed())
            );
            self.console.line(ConsoleSource::Detail, text);
        }
        management_response(reply)
    }
}

enum CallFault {
    Stopping,
    Failed(String),
}

/// The key that a function asks for.
fn needed_for(function: &Function) -> Needed<'_> {
    match &function.trigger {
        Trigger::Http { auth_level, .. } => match auth_level {
            AuthLevel::Anonymous => Needed::Nothing,
            AuthLevel::Function => Needed::Function(&function.name),
            AuthLevel::Admin => Needed::Master,
        },
        Trigger::Orchestration(_)
        | Trigger::Activity(_)
        | Trigger::Entity(_)
        | Trigger::Timer(_) => Needed::Master,
    }
}

/// Whether a path is the host's own, and none of the app.
fn is_own(path: &str) -> bool {
    Management::segments(path).is_some() || Dashboard::below(path).is_some() || is_admin(path)
}

/// Whether a path is one of the real host's API for administrators, which this host does not have.
fn is_admin(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    first.is_some_and(|first| first.eq_ignore_ascii_case("admin"))
}

/// `Content-Length`, if it is there.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn path_and_query(uri: &hyper::Uri) -> &str {
    uri.path_and_query()
        .map_or("/", hyper::http::uri::PathAndQuery::as_str)
}

pub(super) async fn collect(body: Incoming) -> Option<Vec<u8>> {
    // What says itself that it is too long is not read at all.
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return None;
    }
    let collected = Limited::new(body, BODY_LIMIT).collect().await.ok()?;
    Some(collected.to_bytes().into())
}

/// What callers without a key get from everything but functions.
fn unauthorized() -> HttpResponse {
    let mut response = empty(StatusCode::UNAUTHORIZED);
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub(super) fn empty(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn response(reply: HttpReply) -> HttpResponse {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        // Framing is the host's business.
        let framing = ["content-length", "transfer-encoding", "connection"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own));
        if let (false, Ok(name), Ok(value)) = (
            framing,
            HeaderName::try_from(name),
            HeaderValue::try_from(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(value) = reply
        .content_type
        .and_then(|value| HeaderValue::try_from(value).ok())
    {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

fn management_response(reply: Reply) -> HttpResponse {
    let headers = reply
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let content_type =
        (!reply.body.is_empty()).then(|| "application/json; charset=utf-8".to_owned());
    response(HttpReply {
        status: reply.status,
        headers,
        content_type,
        body: reply.body.into_bytes(),
    })
}
