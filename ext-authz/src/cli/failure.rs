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

/// A problem for people. It may quote the policy, and a terminal obeys control characters.
pub(super) fn shown(problem: &Problem) -> String {
    let mut text = String::new();
    for char in problem.to_string().chars() {
        if char.is_control() && char != '\n' {
            text.extend(char.escape_default());
        } else {
            text.push(char);
        }
    }
    text
}
