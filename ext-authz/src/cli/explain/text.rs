//! The way as text: the decision first, what led to it below, what to do at the end. A terminal obeys control
//! characters, so there are none but line ends.

use serde_json::Value;

use super::routes::RouteReport;
use super::steps::StepReport;
use super::way::Way;

/// Several lines, the last without a line end.
pub(super) fn text(way: &Way) -> String {
    let member = |name: &str| match way.decision.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let rule = way.decision.get("rule").and_then(Value::as_str);
    let by = rule.map_or("by no route".to_owned(), |rule| format!("by route {rule}"));
    let mut out = format!(
        "{}: {} {} {}, {by}, in the {}\n",
        way.request.summary,
        member("decision"),
        member("status"),
        member("reason"),
        member("door"),
    );
    if member("would_deny") != "-" {
        let shadow = way.settings.iter().any(|it| it.name == "shadow" && it.value == true);
        let why = if shadow { "`shadow` denies nothing" } else { "nobody waits for the sidecar" };
        out.push_str(&format!("  would be denied: {}; {why}\n", member("would_deny")));
    }
    let read = |part: &Option<String>| part.clone().unwrap_or_else(|| "cannot be read".to_owned());
    out.push_str("request\n");
    out.push_str(&format!(
        "  host  {}\n  path  {}\n",
        read(&way.request.host),
        read(&way.request.path)
    ));
    if let Some(method) = &way.request.announces {
        out.push_str(&format!("  a preflight, judged by the route of a {method} request\n"));
    }
    if let Some(problem) = &way.request.problem {
        out.push_str(&format!("  cannot be judged: {problem}\n"));
    } else {
        routes(&mut out, &way.routes);
    }
    if !way.settings.is_empty() {
        out.push_str("settings\n");
    }
    for setting in &way.settings {
        out.push_str(&format!("  {:13}  {}  ({})\n", setting.name, setting.value, setting.place));
    }
    let mut door = "";
    for step in &way.steps {
        if step.door != door {
            door = step.door;
            out.push_str(&format!("in the {door}\n"));
        }
        steps(&mut out, step);
    }
    out.push_str(&format!("{}\n  {}\n", way.next.reason, way.next.meaning));
    if !way.next.remedy.is_empty() {
        out.push_str(&format!("next\n  {}\n", way.next.remedy));
    }
    shown(&out)
}

fn routes(out: &mut String, routes: &[RouteReport]) {
    out.push_str("routes\n");
    if routes.is_empty() {
        out.push_str("  no route has such a path\n");
    }
    let chosen = routes.iter().any(|route| route.chosen);
    for route in routes {
        let why = match (route.chosen, route.fits) {
            (true, _) if routes.iter().filter(|route| route.fits).count() > 1 => {
                "judges: the most specific of those that fit".to_owned()
            }
            (true, _) => "judges: no other fits".to_owned(),
            (false, true) if chosen => "fits too, and is less specific".to_owned(),
            (false, true) => "fits, and does not judge".to_owned(),
            (false, false) => {
                let parts = [("host", route.host), ("method", route.method)];
                let missing: Vec<&str> =
                    parts.iter().filter(|(_, fits)| !fits).map(|(name, _)| *name).collect();
                match missing.as_slice() {
                    [] => "does not fit".to_owned(),
                    missing => format!("the {} does not fit", missing.join(" and the ")),
                }
            }
        };
        let mark = if route.chosen { '>' } else { ' ' };
        out.push_str(&format!(
            "{mark} {}  {why}\n    {}  ({})\n",
            route.name, route.written, route.place
        ));
    }
}

fn steps(out: &mut String, step: &StepReport) {
    let reason = step.reason.map_or(String::new(), |reason| format!(": {reason}"));
    let place = step.place.as_ref().map_or(String::new(), |place| format!("  ({place})"));
    let mark = if step.decides { '>' } else { ' ' };
    out.push_str(&format!("{mark} {}  {}{reason}{place}\n", step.what, step.found));
    for (name, value) in step.inputs.as_object().into_iter().flatten() {
        let told = if value.is_null() { "none".to_owned() } else { value.to_string() };
        out.push_str(&format!("    {}  {told}\n", name));
    }
}

fn shown(text: &str) -> String {
    let mut out = String::new();
    for char in text.trim_end().chars() {
        if char.is_control() && char != '\n' {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}
