//! What the host has to offer, listed at the start.

use crate::authority::Authority;
use crate::config::{AppConfig, Function, Trigger};
use crate::console::Console;
use crate::server::Access;
use crate::time::Ticks;
use crate::timer_trigger::Zone;

/// Lists the functions as `func start` does.
pub(super) fn print_functions(console: &Console, app: &AppConfig, authority: &Authority) {
    console.say("\nFunctions:\n");
    let mut functions: Vec<&Function> = app.functions.iter().collect();
    functions.sort_by_key(|function| !matches!(function.trigger, Trigger::Http { .. }));
    for function in functions {
        console.say(format!(
            "\t{}\n",
            describe(function, &app.host.route_prefix, authority)
        ));
    }
    for name in &app.skipped {
        console.say(format!("\t{name}: not served, see the warning above\n"));
    }
    console.say(format!(
        "Task hub {}. Dashboard: http://{authority}/dashboard\n",
        app.host.durable.hub_name
    ));
}

/// Shows the keys, if any are asked for.
pub(super) fn print_keys(console: &Console, access: &Access, authority: &Authority) {
    if let Access::Keys(keys) = access {
        console.say(format!(
            "{}\nThe dashboard with its key: http://{authority}/dashboard#key={}\n",
            keys.list(),
            keys.extension()
        ));
    }
}

/// Says when timer functions run next.
pub(super) fn print_timers(console: &Console, app: &AppConfig, zone: &Zone, now: Ticks) {
    for function in &app.functions {
        if let Trigger::Timer(timer) = &function.trigger
            && let Some(next) = zone.next(&timer.schedule, now)
        {
            console.say(format!("{}: next run at {next}", function.name));
        }
    }
}

fn describe(function: &Function, prefix: &str, authority: &Authority) -> String {
    match &function.trigger {
        Trigger::Http { route, methods, .. } => {
            let methods = if methods.is_empty() {
                String::new()
            } else {
                format!("[{}] ", methods.join(","))
            };
            let prefix = if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            };
            let route = route.as_deref().unwrap_or(&function.name).trim_matches('/');
            format!(
                "{}: {methods}http://{authority}/{prefix}{route}",
                function.name
            )
        }
        Trigger::Timer(timer) => {
            format!("{}: timerTrigger {}", function.name, timer.schedule)
        }
        Trigger::Orchestration(_) | Trigger::Activity(_) | Trigger::Entity(_) => {
            let kind = function
                .trigger_binding()
                .map_or("", |binding| binding.kind.as_str());
            format!("{}: {kind}", function.name)
        }
    }
}
