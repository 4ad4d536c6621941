"""The in-memory engine of the Python package, with the package's own worker behind it.

Prints the port it listens on and ends with its standard input. `engine.py PORT` takes that port.
"""

import sys
from datetime import timedelta

from durabletask import task, worker
from durabletask.testing import create_test_backend


def hello(_, name):
    return f"Hello {name}!"


def fail(_, reason):
    raise ValueError(reason)


def hello_orchestrator(ctx: task.OrchestrationContext, name):
    ctx.set_custom_status({"greeting": name})
    return (yield ctx.call_activity(hello, input=name))


def approval(ctx: task.OrchestrationContext, _):
    return (yield ctx.wait_for_external_event("Approval"))


def failing(ctx: task.OrchestrationContext, reason):
    return (yield ctx.call_activity(fail, input=reason))


def long_timer(ctx: task.OrchestrationContext, seconds):
    yield ctx.create_timer(timedelta(seconds=seconds))


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else free_port()
    backend = create_test_backend(port=port)
    with worker.TaskHubGrpcWorker(host_address=f"127.0.0.1:{port}") as engine_worker:
        for activity in (hello, fail):
            engine_worker.add_activity(activity)
        for orchestrator in (hello_orchestrator, approval, failing, long_timer):
            engine_worker.add_orchestrator(orchestrator)
        engine_worker.start()
        print(port, flush=True)
        sys.stdin.read()
    backend.stop()


def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    main()
