//! The policy crate through its public door: what loads, which route judges, what is decided, what a record tells.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod cors;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod error_fixtures;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod files;
#[cfg(test)]
mod forward;
#[cfg(test)]
mod inheritance;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod lint_fixtures;
#[cfg(test)]
mod load;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod patterns;
#[cfg(test)]
mod plugin;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod requirements;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod spellings;
#[cfg(test)]
mod support;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod tokens;
