//! From a request of the host to the answer: finds the function and runs it on a thread of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use durable_functions_protocol::envelope::InvocationRequest;
use durable_functions_protocol::error::DecodeError;
use durable_functions_protocol::failure::Failure;
use durable_functions_protocol::proto::{EntityBatchRequest, OperationResultResultType};
use durable_functions_protocol::reply::Reply;
use durable_functions_protocol::value;
use prost::Message as _;
use tokio::runtime::Handle;

use super::fault::{self, Fault, Kind};
use super::lifecycle::{Lifecycle, Running};
use super::logs;
use crate::client::DurableClient;
use crate::entity::{EntityFunction, Environment, run_batch};
use crate::http::Refused;
use crate::invocation::Invocation;
use crate::panic;
use crate::registry::{CLIENT_BINDING, Function, Handler, Registry};
use crate::replay::{self, Start};

/// A call of the host, apart from its body.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) invocation_id: String,
}

/// Finds functions and runs them.
pub(crate) struct Dispatcher {
    registry: Arc<Registry>,
    lifecycle: Arc<Lifecycle>,
    timeout: Option<Duration>,
}

impl Dispatcher {
    /// `timeout` is how long the host lets a function run, if that is known.
    pub(crate) fn new(
        registry: Registry,
        lifecycle: Arc<Lifecycle>,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            registry: Arc::new(registry),
            lifecycle,
            timeout,
        }
    }

    /// Runs a function and gives the answer to the host.
    ///
    /// The invocation has a thread of its own and goes on when the caller is gone: user code that
    /// blocks, and a host that closes its connection, are nobody else's business.
    ///
    /// The process waits for what is counted here before it ends; it is counted until the answer
    /// is handed to the listener.
    pub(crate) async fn dispatch(&self, call: Call, body: Bytes) -> (Reply, Option<Running>) {
        let Some(function) = self.registry.get(&call.function).cloned() else {
            let known = self
                .registry
                .functions()
                .iter()
                .map(|function| function.name)
                .collect();
            let fault = Fault::NotRegistered {
                function: call.function.clone(),
                known,
            };
            return (report(&call, fault, &Kind::guess(&body), &body), None);
        };
        let kind = Kind::of(&function.handler);
        let runner = Runner {
            call: call.clone(),
            function,
            registry: Arc::clone(&self.registry),
            lifecycle: Arc::clone(&self.lifecycle),
            deadline: self
                .timeout
                .and_then(|timeout| Instant::now().checked_add(hurry_after(timeout))),
        };
        let counted = self.lifecycle.enter();
        let sent = body.clone();
        let running = tokio::task::spawn_blocking(move || (runner.run(&body), Some(counted)));
        // the pool refuses work and drops what waits in it when the process ends
        running
            .await
            .unwrap_or_else(|_| (report(&call, Fault::Draining, &kind, &sent), None))
    }

    /// The answer to a request whose body did not arrive.
    pub(crate) fn unreadable(&self, call: &Call, error: &actix_web::Error) -> Reply {
        let kind = self
            .registry
            .get(&call.function)
            .map_or(Kind::Activity, |function| Kind::of(&function.handler));
        let problem = format!("cannot read the host's request: its body did not arrive: {error}");
        report(call, Fault::Unreadable(problem), &kind, &[])
    }
}

/// Answers a fault and logs it. The body is what the host sent.
fn report(call: &Call, fault: Fault, kind: &Kind, body: &[u8]) -> Reply {
    let (reply, failure) = fault.answer(kind, body);
    if let Some(failure) = failure {
        log_failure(call, &failure);
    }
    reply
}

fn log_failure(call: &Call, failure: &Failure) {
    log_failure_of("", call, failure);
}

/// [`log_failure`], with what failed before the failure itself.
fn log_failure_of(what: &str, call: &Call, failure: &Failure) {
    let causes: String = failure
        .chain()
        .skip(1)
        .map(|cause| format!("\n  caused by {cause}"))
        .collect();
    tracing::error!(
        function = call.function,
        invocation_id = call.invocation_id,
        "{what}{failure}{causes}{}",
        failure
            .stack_trace
            .as_deref()
            .map(|stack| format!("\n{stack}"))
            .unwrap_or_default()
    );
}

/// One invocation.
struct Runner {
    call: Call,
    function: Function,
    registry: Arc<Registry>,
    lifecycle: Arc<Lifecycle>,
    deadline: Option<Instant>,
}

impl Runner {
    fn run(self, body: &[u8]) -> Reply {
        let logs = logs::Invocation::begin(self.function.name, &self.call.invocation_id);
        let result = match self.function.handler.clone() {
            Handler::Orchestrator(start) => self.orchestrator(body, &*start, &logs),
            Handler::Entity(entity) => self.entity(body, &*entity, &logs),
            Handler::Activity(activity) => {
                let result = self.invocation(body).and_then(|invocation| {
                    let done = panic::catch(|| Handle::current().block_on(activity(invocation)));
                    done.and_then(|result| result).map_err(Fault::Failed)
                });
                result.map(|json| Reply::activity(Some(&value::to_result(json)), &logs.take()))
            }
            Handler::Http(http) => {
                let result = self.invocation(body).and_then(|invocation| {
                    match panic::catch(|| Handle::current().block_on(http(invocation))) {
                        Ok(result) => result.map_err(|refused| match refused {
                            Refused::Argument(failure) => Fault::Argument(failure),
                            Refused::Error(error) => Fault::Error(error),
                        }),
                        Err(panic) => Err(Fault::Failed(panic)),
                    }
                });
                result.map(|response| Reply::http(&response.into_data(), &logs.take()))
            }
        };
        result.unwrap_or_else(|fault| {
            let reply = report(&self.call, fault, &Kind::of(&self.function.handler), body);
            logs.print();
            reply
        })
    }

    fn orchestrator(
        &self,
        body: &[u8],
        start: &Start,
        logs: &logs::Invocation,
    ) -> Result<Reply, Fault> {
        let request = self.parse(body)?;
        let trigger = self.trigger(&request)?;
        let turn = trigger.protobuf().map_err(Fault::unreadable)?;
        if self.lifecycle.is_draining() {
            return Ok(fault::orchestration(&replay::again_for(&turn)));
        }
        let response = replay::run(turn, start);
        if let Some(failure) = replay::failure(&response) {
            log_failure(&self.call, &failure);
            if self.registry.holds && failure.error_type == replay::NON_DETERMINISM {
                tracing::error!(
                    instance_id = response.instance_id,
                    "the instance is held until its orchestrator fits its history again"
                );
                logs.print();
                return Ok(fault::orchestration(&replay::again(response.instance_id)));
            }
            logs.print();
        }
        Ok(fault::with_logs(&response.encode_to_vec(), &logs.take()))
    }

    fn entity(
        &self,
        body: &[u8],
        function: &dyn EntityFunction,
        logs: &logs::Invocation,
    ) -> Result<Reply, Fault> {
        let request = self.parse(body)?;
        let batch: EntityBatchRequest = self
            .trigger(&request)?
            .message()
            .map_err(Fault::unreadable)?;
        let environment = Environment {
            invocation: self.bare_invocation(),
            is_draining: &|| self.lifecycle.is_draining(),
        };
        let operations: Vec<_> = batch
            .operations
            .iter()
            .map(|operation| operation.operation.clone())
            .collect();
        let running = run_batch(batch, function, environment);
        let result = panic::catch(|| Handle::current().block_on(running)).map_err(Fault::Failed)?;
        let mut failed = false;
        for (result, operation) in result.results.iter().zip(&operations) {
            if let Some(OperationResultResultType::Failure(failure)) = &result.result_type
                && let Some(details) = &failure.failure_details
            {
                failed = true;
                let what = format!("operation '{operation}' failed: ");
                log_failure_of(&what, &self.call, &Failure::from_proto(details));
            }
        }
        if failed {
            logs.print();
        }
        Ok(fault::entity(&result, &logs.take()))
    }

    fn bare_invocation(&self) -> Invocation {
        Invocation {
            function: self.function.name,
            id: self.call.invocation_id.clone(),
            instance_id: None,
            payload: None,
            request: None,
            client: None,
            entity: None,
            states: Arc::clone(&self.registry.states),
            cancellation: self.lifecycle.cancellation().clone(),
            deadline: self.deadline,
        }
    }

    fn parse<'b>(&self, body: &'b [u8]) -> Result<InvocationRequest<'b>, Fault> {
        InvocationRequest::parse(body).map_err(Fault::unreadable)
    }

    /// The trigger's value. A function.json whose binding has another name is told about at start,
    /// and served if there is just one binding.
    fn trigger<'b>(
        &self,
        request: &InvocationRequest<'b>,
    ) -> Result<durable_functions_protocol::BindingValue<'b>, Fault> {
        let value = request.data(self.function.trigger());
        value
            .or_else(|error| request.only_data().map_err(|_| error))
            .map_err(Fault::unreadable)
    }

    fn invocation(&self, body: &[u8]) -> Result<Invocation, Fault> {
        let request = self.parse(body)?;
        let trigger = self.trigger(&request)?;
        let mut bindings = self.function.bindings.iter();
        let wanted = bindings.find(|binding| binding.name == CLIENT_BINDING);
        let client = match (wanted, request.data(CLIENT_BINDING)) {
            (Some(wanted), Ok(binding)) => {
                let binding = binding.durable_client().map_err(Fault::unreadable)?;
                let client = DurableClient::new(binding).for_invocation(&self.call.invocation_id);
                Some(if wanted.is_elsewhere() {
                    client.in_urls()
                } else {
                    client
                })
            }
            _ => None,
        };
        let mut invocation = Invocation {
            // an input with a member of that name overwrites it, so it may be anything
            instance_id: request.metadata_text("instanceId").ok().flatten(),
            client,
            ..self.bare_invocation()
        };
        if matches!(self.function.handler, Handler::Http(_)) {
            let data = trigger.http_request().map_err(Fault::unreadable)?;
            invocation.payload = data.body.clone();
            invocation.request = Some(data.into());
        } else {
            invocation.payload = input(trigger).map_err(Fault::unreadable)?;
        }
        Ok(invocation)
    }
}

/// When an activity is told that its time is nearly over: a tenth of it, and at most ten seconds,
/// before the host kills the process with everything in it.
fn hurry_after(timeout: Duration) -> Duration {
    timeout - (timeout / 10).min(Duration::from_secs(10))
}

/// The input of an activity as JSON text.
fn input(
    trigger: durable_functions_protocol::BindingValue<'_>,
) -> Result<Option<String>, DecodeError> {
    match trigger.json()? {
        None => Ok(None),
        Some(json) => value::unwrap(&json).map(|json| Some(json.into_owned())),
    }
}
