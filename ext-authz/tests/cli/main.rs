//! The `sallyport` binary as programs meet it: exit codes, lines on standard output, and files that must stay what it
//! prints. Runs the built binary; needs no network and no proxy.

#[cfg(test)]
mod cli_check;
#[cfg(test)]
mod cli_check_tokens;
#[cfg(test)]
mod cli_contract;
#[cfg(test)]
mod cli_explain;
#[cfg(test)]
mod cli_explain_steps;
#[cfg(test)]
mod cli_files;
#[cfg(test)]
mod cli_lint;
#[cfg(test)]
mod cli_render;
#[cfg(test)]
mod cli_render_refusals;
#[cfg(test)]
mod cli_schema;
#[cfg(test)]
mod cli_usage;
#[cfg(test)]
mod run;
#[cfg(test)]
mod token;
