//! The way as text: the decision first, what led to it below, what to do at the end. A terminal obeys control
//! characters, so there are none but our own line ends: what is quoted of a request forges no line.

use serde_json::Value;

use super::routes::RouteReport;
use super::steps::StepReport;
use super::way::Way;
use crate::cli::failure::printable;

/// Several lines, the last without a line end.
pub(super) fn text(way: &Way) -> String {
    let member = |name: &str| match way.decision.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let rule = way.decision.get("rule").and_then(Value::as_str);
    let by = rule.map_or("by no route".to_owned(), |rule| format!("by route {rule}"));
    let mut out = Lines(String::new());
    out.line(&format!(
        "{}: {} {} {}, {by}, in the {}",
        way.request.summary,
        member("decision"),
        member("status"),
        member("reason"),
        member("door"),
    ));
    if member("would_deny") != "-" {
        let shadow = way.settings.iter().any(|it| it.name == "shadow" && it.value == true);
        let why = if shadow { "`shadow` denies nothing" } else { "nobody waits for the sidecar" };
        out.line(&format!("  would be denied: {}; {why}", member("would_deny")));
    }
    let read = |part: &Option<String>| part.clone().unwrap_or_else(|| "cannot be read".to_owned());
    out.line("request");
    out.line(&format!("  host  {}", read(&way.request.host)));
    out.line(&format!("  path  {}", read(&way.request.path)));
    if let Some(method) = &way.request.announces {
        out.line(&format!("  a preflight, judged by the route of a {method} request"));
    }
    if let Some(problem) = &way.request.problem {
        out.line(&format!("  cannot be judged: {problem}"));
    } else {
        routes(&mut out, &way.routes);
    }
    if !way.settings.is_empty() {
        out.line("settings");
    }
    for setting in &way.settings {
        out.line(&format!("  {:13}  {}  ({})", setting.name, setting.value, setting.place));
    }
    let mut door = "";
    for step in &way.steps {
        if step.door != door {
            door = step.door;
            out.line(&format!("in the {door}"));
        }
        steps(&mut out, step);
    }
    out.line(way.next.reason.word());
    out.line(&format!("  {}", way.next.meaning));
    if !way.next.remedy.is_empty() {
        out.line("next");
        way.next.remedy.lines().for_each(|line| out.line(&format!("  {line}")));
    }
    out.0.trim_end().to_owned()
}

/// What is told so far.
struct Lines(String);

impl Lines {
    /// One line, whatever it quotes.
    fn line(&mut self, text: &str) {
        self.0.push_str(&printable(text));
        self.0.push('\n');
    }
}

fn routes(out: &mut Lines, routes: &[RouteReport]) {
    out.line("routes");
    if routes.is_empty() {
        out.line("  no route has such a path");
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
        out.line(&format!("{mark} {}  {why}", route.name));
        out.line(&format!("    {}  ({})", route.written, route.place));
    }
}

fn steps(out: &mut Lines, step: &StepReport) {
    let reason = step.reason.map_or(String::new(), |reason| format!(": {reason}"));
    let place = step.place.as_ref().map_or(String::new(), |place| format!("  ({place})"));
    let mark = if step.decides { '>' } else { ' ' };
    out.line(&format!("{mark} {}  {}{reason}{place}", step.what, step.found));
    for (name, value) in step.inputs.as_object().into_iter().flatten() {
        let told = if value.is_null() { "none".to_owned() } else { value.to_string() };
        out.line(&format!("    {}  {told}", name));
    }
}
