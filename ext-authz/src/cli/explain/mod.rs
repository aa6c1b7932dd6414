//! `sallyport explain`: the whole way of one decision, for a person on call at night, or as JSON. Reads what
//! `sallyport check` reads. What was found is noted by the core where it decides (`sallyport_policy::Note`), which routes
//! fit is asked of the core too: nothing here is a second opinion.

use std::process::ExitCode;

use super::check::Arguments;
use super::failure::Failure;

mod remedy;
mod routes;
mod steps;
mod text;
mod way;

use routes::Routes;
use way::Way;

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (document, offline) = arguments.read()?;
    let routes = Routes::of(&document);
    arguments.answer(|request| {
        let mut notes = Some(Vec::new());
        let decision = offline.decide_noting(request, &mut notes);
        let notes = notes.unwrap_or_default();
        let way = Way::of(&document, &routes, &offline, request, &decision, notes);
        if arguments.json() { way.json() } else { text::text(&way) }
    })
}
