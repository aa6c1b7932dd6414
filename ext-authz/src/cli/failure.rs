//! Why a command could not do what it was asked: always exit code 2, with one message for people.

use sallyport_policy::Problem;

/// Wrong use, unreadable input, or a policy that does not load.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Arguments that do not fit each other or the policy.
    #[error("{0}")]
    Usage(String),
    /// A file that cannot be read, or holds something else.
    #[error("{0}")]
    Unreadable(String),
    /// A policy with errors.
    #[error("the policy does not load:{}", list(.0))]
    Policy(Vec<Problem>),
    /// Standard input or output broke.
    #[error("{0}")]
    Stream(#[from] std::io::Error),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {}", shown(problem))).collect()
}

/// A problem for people, on one line.
pub(super) fn shown(problem: &Problem) -> String {
    printable(&problem.to_string())
}

/// Text that may quote a file or a request: a terminal obeys control characters, and shows others in another order.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || is_invisible(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// Line ends of Unicode, marks of direction, and what takes no room (UTS 55).
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
