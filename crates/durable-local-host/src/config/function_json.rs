//! function.json, checked by the real host's rules.

use std::path::Path;

use serde_json::{Map, Value};

use super::Settings;
use super::function::{AuthLevel, Binding, Direction, Function, Timer, Trigger};
use super::json_file::{member, read_object};
use crate::schedule::Schedule;

/// What a folder with a function.json came to.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// A function that can be served, and what of it is left out.
    Function(Function, Vec<String>),
    /// Switched off by `disabled` or a setting.
    Disabled,
    /// Skipped; the rule that it breaks.
    Broken(String),
}

/// Reads the function of a folder.
pub(crate) fn load(folder: &Path, settings: &Settings) -> Loaded {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match read(folder, &name, settings) {
        Ok(loaded) => loaded,
        Err(rule) => Loaded::Broken(rule),
    }
}

fn read(folder: &Path, name: &str, settings: &Settings) -> Result<Loaded, String> {
    if !is_function_name(name) || name.eq_ignore_ascii_case("host") {
        return Err(format!(
            "`{name}` can't be a function name: a letter, then up to 127 letters, digits, `_` or `-`, and not `host`"
        ));
    }
    let object = read_object(&folder.join("function.json")).map_err(|error| error.to_string())?;
    if is_disabled(&object, name, settings) {
        return Ok(Loaded::Disabled);
    }
    if let Some(source) = text(&object, "configurationSource")?
        && !source.eq_ignore_ascii_case("config")
    {
        return Err(format!(
            "configurationSource `{source}`: leave it out, or write `config`"
        ));
    }
    if let Some(script) = text(&object, "scriptFile")?
        && !folder.join(&script).is_file()
    {
        return Err(format!("scriptFile `{script}` is not there"));
    }
    let list = match member(&object, "bindings") {
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(Value::Array(_)) | None | Some(Value::Null) => {
            return Err("at least one binding must be declared".to_owned());
        }
        Some(_) => return Err("bindings: a list is expected".to_owned()),
    };
    let mut bindings: Vec<Binding> = Vec::with_capacity(list.len());
    for (number, item) in list.iter().enumerate() {
        let item = item
            .as_object()
            .ok_or_else(|| format!("bindings[{number}]: an object is expected"))?;
        let binding = read_binding(item, number, settings)?;
        if bindings
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&binding.name))
        {
            return Err(format!(
                "bindings[{number}]: the name `{}` is there twice",
                binding.name
            ));
        }
        bindings.push(binding);
    }
    let mut triggers = bindings
        .iter()
        .zip(list)
        .filter(|(binding, _)| binding.is_trigger());
    let (trigger, item) = match (triggers.next(), triggers.next()) {
        (Some((trigger, item)), None) => (trigger, item),
        (None, _) => {
            return Err(
                "no trigger: exactly one binding with a type that ends in `Trigger` is needed"
                    .to_owned(),
            );
        }
        (Some(_), Some(_)) => return Err("several triggers: a function has exactly one".to_owned()),
    };
    if trigger.direction != Direction::In {
        return Err(format!(
            "the trigger `{}` must have direction `in`",
            trigger.name
        ));
    }
    let item = item.as_object().ok_or("bindings: an object is expected")?;
    let trigger = read_trigger(item, &trigger.kind, name, settings)?;
    for binding in &bindings {
        known(binding)?;
    }
    let mut left_out: Vec<String> = bindings
        .iter()
        .filter(|binding| {
            let collected = binding.is_durable_client() || binding.is("http");
            binding.direction == Direction::Out && !collected
        })
        .map(|binding| {
            format!(
                "nobody collects the output `{}` here: the binding type `{}` is not served by this local host, and what the function gives it is dropped",
                binding.name, binding.kind
            )
        })
        .collect();
    if member(&object, "retry").is_some_and(|retry| !retry.is_null()) {
        left_out.push(
            "`retry` is not done by this local host: a run that fails is not repeated".to_owned(),
        );
    }
    let function = Function {
        name: name.to_owned(),
        trigger,
        bindings,
    };
    Ok(Loaded::Function(function, left_out))
}

fn read_binding(
    item: &Map<String, Value>,
    number: usize,
    settings: &Settings,
) -> Result<Binding, String> {
    let at = |message: String| format!("bindings[{number}]: {message}");
    let kind = text(item, "type")?
        .filter(|kind| !kind.is_empty())
        .ok_or_else(|| at("`type` is missing".to_owned()))?;
    let name = text(item, "name")?.ok_or_else(|| at("`name` is missing".to_owned()))?;
    let direction = match text(item, "direction")?
        .as_deref()
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("in") => Direction::In,
        Some("out") => Direction::Out,
        Some(other) => return Err(at(format!("direction `{other}` is neither `in` nor `out`"))),
    };
    if name == "$return" {
        if direction == Direction::In {
            return Err(at("`$return` is for outputs only".to_owned()));
        }
    } else if !is_binding_name(&name) {
        return Err(at(format!(
            "`{name}` can't be a binding name: a letter, then up to 127 letters or digits (no `_`, no `-`), or `$return`"
        )));
    }
    let binary = match text(item, "dataType")?
        .map(|kind| kind.to_ascii_lowercase())
        .as_deref()
    {
        None | Some("" | "string" | "stream") => false,
        Some("binary") => true,
        Some(other) => {
            return Err(at(format!(
                "dataType `{other}` is none of `string`, `binary`, `stream`"
            )));
        }
    };
    let setting =
        |name| text(item, name).map(|value| value.map(|value| settings.expand(&value, &[])));
    Ok(Binding {
        name,
        kind,
        direction,
        binary,
        task_hub: setting("taskHub")?,
        connection_name: setting("connectionName")?,
    })
}

fn read_trigger(
    item: &Map<String, Value>,
    kind: &str,
    function: &str,
    settings: &Settings,
) -> Result<Trigger, String> {
    let name = |member: &str| -> Result<String, String> {
        let given = text(item, member)?.map(|value| settings.expand(&value, &[]));
        Ok(given
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| function.to_owned()))
    };
    match kind.to_ascii_lowercase().as_str() {
        "httptrigger" => read_http(item),
        "orchestrationtrigger" => {
            let name = name("orchestration")?;
            if name.starts_with('@') {
                return Err(format!(
                    "the orchestration name `{name}` begins with `@`, which is for entities"
                ));
            }
            Ok(Trigger::Orchestration(name))
        }
        "activitytrigger" => Ok(Trigger::Activity(name("activity")?)),
        "entitytrigger" => Ok(Trigger::Entity(name("entityName")?)),
        "timertrigger" => Ok(Trigger::Timer(read_timer(item, settings)?)),
        _ => Err(format!(
            "the trigger type `{kind}` is not served by this local host (the real host needs its extension for it)"
        )),
    }
}

fn read_timer(item: &Map<String, Value>, settings: &Settings) -> Result<Timer, String> {
    let given = text(item, "schedule")?
        .filter(|given| !given.is_empty())
        .ok_or("`schedule` is missing: an NCRONTAB expression such as `0 */5 * * * *`, or a time span such as `00:05:00`")?;
    let expression = settings.expand(&given, &[]);
    if expression.is_empty() {
        return Err(format!("schedule `{given}`: there is no such setting"));
    }
    Ok(Timer {
        schedule: Schedule::parse(&expression)?,
        run_on_startup: flag(item, "runOnStartup")?.unwrap_or(false),
        use_monitor: flag(item, "useMonitor")?.unwrap_or(true),
    })
}

fn read_http(item: &Map<String, Value>) -> Result<Trigger, String> {
    let auth_level = match text(item, "authLevel")?
        .map(|level| level.to_ascii_lowercase())
        .as_deref()
    {
        Some("anonymous") => AuthLevel::Anonymous,
        None | Some("function") => AuthLevel::Function,
        Some("admin") => AuthLevel::Admin,
        Some(other) => {
            return Err(format!(
                "authLevel `{other}` is none of `anonymous`, `function`, `admin`"
            ));
        }
    };
    let methods = match member(item, "methods") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => {
            let methods = list
                .iter()
                .map(|method| method.as_str().map(str::to_ascii_uppercase));
            methods
                .collect::<Option<Vec<_>>>()
                .ok_or("methods: a list of texts is expected")?
        }
        Some(_) => return Err("methods: a list of texts is expected".to_owned()),
    };
    Ok(Trigger::Http {
        route: text(item, "route")?,
        methods,
        auth_level,
    })
}

/// The binding types that this host has; for the real host others need their extension, too.
fn known(binding: &Binding) -> Result<(), String> {
    let known = binding.is_trigger() || binding.is_durable_client() || binding.is("http");
    // An output that nobody collects is told; an input that nobody fills does harm.
    if known || binding.direction == Direction::Out {
        return Ok(());
    }
    Err(format!(
        "the binding type `{}` of `{}` is not served by this local host",
        binding.kind, binding.name
    ))
}

fn is_disabled(object: &Map<String, Value>, name: &str, settings: &Settings) -> bool {
    let truthy = |text: &str| text.eq_ignore_ascii_case("true") || text == "1";
    let by_setting = |name: &str| settings.get(name).is_some_and(|value| truthy(&value));
    let in_file = match member(object, "disabled") {
        Some(Value::Bool(disabled)) => *disabled,
        // A text is the name of a setting, or the value itself.
        Some(Value::String(text)) => truthy(text) || by_setting(text),
        _ => false,
    };
    in_file
        || by_setting(&format!("AzureWebJobs.{name}.Disabled"))
        || by_setting(&format!("AzureWebJobs_{name}_Disabled"))
}

fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match member(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name}: a text is expected")),
    }
}

fn flag(object: &Map<String, Value>, name: &str) -> Result<Option<bool>, String> {
    match member(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(format!("{name}: `true` or `false` is expected")),
    }
}

fn is_function_name(name: &str) -> bool {
    is_word(name, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn is_binding_name(name: &str) -> bool {
    is_word(name, |c| c.is_ascii_alphanumeric())
}

fn is_word(name: &str, rest: impl Fn(char) -> bool) -> bool {
    let mut chars = name.chars();
    name.len() <= 128 && chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.all(rest)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load_named(name: &str, text: &str) -> Loaded {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("function.json"), text).unwrap();
        load(&folder, &Settings::default())
    }

    fn function(text: &str) -> Function {
        match load_named("fn_1", text) {
            Loaded::Function(function, _) => function,
            other => panic!("{other:?}"),
        }
    }

    fn broken(text: &str) -> String {
        match load_named("fn_1", text) {
            Loaded::Broken(rule) => rule,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_kinds_of_the_protocol_are_read() {
        let http = function(
            r#"{"bindings":[{"name":"req","type":"httpTrigger","direction":"in","authLevel":"anonymous","methods":["post"],"route":"start/{name}"},
               {"name":"client","type":"durableClient","direction":"in","taskHub":"Other"},{"name":"res","type":"http","direction":"out"}]}"#,
        );
        assert_eq!(
            http.trigger,
            Trigger::Http {
                route: Some("start/{name}".into()),
                methods: vec!["POST".into()],
                auth_level: AuthLevel::Anonymous
            }
        );
        assert_eq!(http.http_output().unwrap().name, "res");
        assert_eq!(http.bindings[1].task_hub.as_deref(), Some("Other"));
        assert!(http.bindings[1].is_durable_client());
        let named = function(
            r#"{"bindings":[{"name":"c","type":"orchestrationTrigger","orchestration":"Other"}]}"#,
        );
        assert_eq!(named.trigger, Trigger::Orchestration("Other".into()));
        let plain =
            function(r#"{"bindings":[{"name":"c","type":"activityTrigger","direction":"in"}]}"#);
        assert_eq!(plain.trigger, Trigger::Activity("fn_1".into()));
        let entity =
            function(r#"{"bindings":[{"name":"c","type":"entityTrigger","direction":"in"}]}"#);
        assert_eq!(entity.trigger, Trigger::Entity("fn_1".into()));
    }

    #[test]
    fn broken_rules_are_named() {
        let trigger = r#"{"name":"c","type":"activityTrigger","direction":"in"}"#;
        assert!(broken("{}").contains("at least one binding"));
        assert!(broken(r#"{"bindings":[]}"#).contains("at least one binding"));
        assert!(broken("{nope").contains("function.json:1:2"));
        assert!(
            broken(r#"{"bindings":[{"name":"a_b","type":"activityTrigger"}]}"#)
                .contains("`a_b` can't be a binding name")
        );
        assert!(
            broken(r#"{"bindings":[{"name":"c","type":"http","direction":"out"}]}"#)
                .contains("no trigger")
        );
        assert!(
            broken(&format!(
                r#"{{"bindings":[{trigger},{{"name":"d","type":"httpTrigger"}}]}}"#
            ))
            .contains("several triggers")
        );
        assert!(
            broken(&format!(
                r#"{{"bindings":[{trigger},{{"name":"C","type":"http","direction":"out"}}]}}"#
            ))
            .contains("twice")
        );
        assert!(
            broken(r#"{"bindings":[{"name":"c","type":"activityTrigger","direction":"out"}]}"#)
                .contains("direction `in`")
        );
        assert!(
            broken(r#"{"bindings":[{"name":"c","type":"activityTrigger","direction":"inout"}]}"#)
                .contains("neither")
        );
        assert!(
            broken(r#"{"bindings":[{"name":"$return","type":"activityTrigger"}]}"#)
                .contains("outputs only")
        );
        assert!(broken(r#"{"bindings":[{"name":"c"}]}"#).contains("`type` is missing"));
        assert!(
            broken(r#"{"bindings":[{"type":"activityTrigger"}]}"#).contains("`name` is missing")
        );
        assert!(
            broken(r#"{"bindings":[{"name":"t","type":"queueTrigger"}]}"#).contains("queueTrigger")
        );
        let timer = |members: &str| {
            broken(&format!(
                r#"{{"bindings":[{{"name":"t","type":"timerTrigger"{members}}}]}}"#
            ))
        };
        assert!(timer("").contains("`schedule` is missing"));
        assert!(timer(r#","schedule":"0 0 25 * * *""#).contains("hour `25`"));
        assert!(timer(r#","schedule":"%NO_SUCH_SETTING_HERE%""#).contains("no such setting"));
        assert!(timer(r#","schedule":"0 * * * * *","useMonitor":"no""#).contains("useMonitor"));
        assert!(
            broken(&format!(
                r#"{{"scriptFile":"x.dll","bindings":[{trigger}]}}"#
            ))
            .contains("x.dll")
        );
        assert!(
            broken(&format!(
                r#"{{"configurationSource":"attributes","bindings":[{trigger}]}}"#
            ))
            .contains("configurationSource")
        );
        assert!(
            broken(
                r#"{"bindings":[{"name":"c","type":"orchestrationTrigger","orchestration":"@x"}]}"#
            )
            .contains("begins with `@`")
        );
        for name in ["1st", "a.b", "host", "Host"] {
            assert!(
                matches!(load_named(name, "{}"), Loaded::Broken(rule) if rule.contains("function name")),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_left_out_is_told() {
        let text = r#"{"retry":{"strategy":"fixedDelay"},"bindings":[{"name":"t","type":"timerTrigger","schedule":"0 * * * * *"},
            {"name":"msg","type":"queue","direction":"out"},{"name":"start","type":"durableClient","direction":"out"},
            {"name":"res","type":"http","direction":"out"}]}"#;
        let Loaded::Function(_, told) = load_named("f", text) else {
            panic!()
        };
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].contains("`msg`") && told[0].contains("`queue`"),
            "{told:?}"
        );
        assert!(told[1].contains("`retry`"), "{told:?}");
    }

    #[test]
    fn disabled_ones_are_not_broken() {
        assert!(matches!(
            load_named("f", r#"{"disabled":true,"bindings":[]}"#),
            Loaded::Disabled
        ));
    }
}
