//! Requests of timer functions.

use super::envelope::{quote, sys, write_inputs};

/// A run of a timer function, as it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimerRun<'a> {
    /// Whether changes of the clocks are taken into account.
    pub(crate) adjusts_for_dst: bool,
    /// Last, next and last written down, as .NET writes local times. Only with a monitor.
    pub(crate) status: Option<[&'a str; 3]>,
    /// Whether the run makes up for a missed one.
    pub(crate) is_past_due: bool,
}

/// The envelope's body. `inputs` are the bindings besides the trigger, with their JSON.
pub(crate) fn timer_envelope(
    function: &str,
    binding: &str,
    run: TimerRun<'_>,
    inputs: &[(String, String)],
) -> String {
    let status = match run.status {
        None => "null".to_owned(),
        Some([last, next, updated]) => format!(
            "{{\"Last\":{},\"Next\":{},\"LastUpdated\":{}}}",
            quote(last),
            quote(next),
            quote(updated)
        ),
    };
    let mut out = format!(
        "{{\"Data\":{{{}:{{\"Schedule\":{{\"AdjustForDST\":{}}},\"ScheduleStatus\":{status},\"IsPastDue\":{}}}",
        quote(binding),
        run.adjusts_for_dst,
        run.is_past_due
    );
    write_inputs(&mut out, inputs);
    out.push_str("},\"Metadata\":{\"sys\":");
    out.push_str(&sys(function));
    out.push_str("}}");
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_trigger_is_an_object() {
        let run = TimerRun {
            adjusts_for_dst: true,
            status: None,
            is_past_due: false,
        };
        let body = timer_envelope(
            "f",
            "timer",
            run,
            &[("client".to_owned(), "{\"a\":1}".to_owned())],
        );
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body["Data"]["timer"],
            json!({ "Schedule": { "AdjustForDST": true }, "ScheduleStatus": null, "IsPastDue": false })
        );
        assert_eq!(body["Data"]["client"], r#""{\"a\":1}""#);
        assert_eq!(body["Metadata"]["sys"]["MethodName"], "f");
        let run = TimerRun {
            status: Some(["a", "b", "c"]),
            is_past_due: true,
            ..run
        };
        let body: Value = serde_json::from_str(&timer_envelope("f", "t", run, &[])).unwrap();
        assert_eq!(
            body["Data"]["t"]["ScheduleStatus"],
            json!({ "Last": "a", "Next": "b", "LastUpdated": "c" })
        );
        assert_eq!(body["Data"]["t"]["IsPastDue"], true);
    }
}
