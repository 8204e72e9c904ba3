//! The `shardway` command line: one file a command, one place that prints, one list of exit codes.

// To add a command: its `mod` line, its variant of `Command`, its arm in `Command::run`. Its file holds a clap struct,
// whose doc comment and `after_help` are the help text, and `run(self, &mut Console) -> anyhow::Result<Exit>`.

mod bench;
mod config;
mod console;
mod exit;
mod input;
mod log_filter;
mod owner;
mod place;
mod plan;
mod serve;
mod sim;
mod store;

use std::{ffi::OsString, io, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};
use tracing_subscriber::EnvFilter;

use console::{Console, Format};
use exit::Exit;

use crate::store::guards_against_panics;

/// Runs one command line, program name first, against the process's own standard streams. `allocations` tells how often
/// the calling thread has allocated so far; only `bench` asks.
pub fn run(args: impl IntoIterator<Item = OsString>, allocations: fn() -> u64) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    // Looked for before parsing, because help and complaints about usage are coloured too.
    if args.iter().any(|arg| arg == "--no-color") {
        anstream::ColorChoice::Never.write_global();
    }
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // It becomes an error, which is told as one.
        if !guards_against_panics() {
            tell(panic);
        }
    }));
    let (mut out, mut err) = (anstream::stdout().lock(), anstream::stderr());
    execute(args, &mut out, &mut err, log_to_stderr, allocations).into()
}

/// Who owns a key, answered from the command line.
#[derive(Debug, Parser)]
#[command(name = "shardway", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  shardway owner --members examples/members.yaml my-task-list
  shardway serve --fixed orders=1024
  shardway bench lookup
  shardway config check examples/dynamic.yaml
  shardway store verify monday.backup
  shardway owner --help")]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
struct Options {
    /// How to print the answer.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Format,
    /// Never colour the output; so does the variable NO_COLOR, and so does a pipe.
    #[arg(long, global = true, help_heading = "Output")]
    no_color: bool,
    /// What to log to standard error: a level, or `module=level` and more, with commas between.
    #[arg(
        long,
        global = true,
        env = "SHARDWAY_LOG",
        value_name = "FILTER",
        default_value = "warn",
        value_parser = log_filter::parse,
        help_heading = "Output"
    )]
    log: EnvFilter,
    /// How to write the log.
    #[arg(
        long,
        global = true,
        env = "SHARDWAY_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// A line an event, to be read.
    #[default]
    Text,
    /// A JSON object an event, to be collected.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Bench),
    Config(config::Config),
    Owner(owner::Owner),
    Plan(plan::PlanCommand),
    Serve(serve::Serve),
    Sim(sim::Sim),
    Store(store::StoreCommand),
}

impl Command {
    fn run(self, console: &mut Console<'_>, allocations: fn() -> u64) -> anyhow::Result<Exit> {
        match self {
            Self::Bench(command) => command.run(console, allocations),
            Self::Config(command) => command.run(console),
            Self::Owner(command) => command.run(console),
            Self::Plan(command) => command.run(console),
            Self::Serve(command) => command.run(console),
            Self::Sim(command) => command.run(console),
            Self::Store(command) => command.run(console),
        }
    }
}

/// The whole life of a command, with the streams and the effects on the process passed in.
fn execute(
    args: Vec<OsString>,
    out: &mut dyn io::Write,
    err: &mut dyn io::Write,
    start_logging: impl FnOnce(EnvFilter, LogFormat),
    allocations: fn() -> u64,
) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(refusal) => return explain(&refusal),
    };
    start_logging(cli.options.log, cli.options.log_format);
    let result = cli.command.run(&mut Console::new(cli.options.output, out), allocations);
    match result.and_then(|exit| out.flush().map(|()| exit).map_err(Into::into)) {
        Ok(exit) => exit,
        Err(error) if is_closed_pipe(&error) => Exit::Ok,
        Err(error) => {
            // Nothing is left to tell when standard error is closed too.
            let _ = writeln!(err, "error: {error:#}");
            Exit::Failed
        }
    }
}

/// Help and version are answers; anything else that clap stops at is a wrong usage.
fn explain(refusal: &clap::Error) -> Exit {
    let _ = refusal.print();
    match refusal.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Ok,
        _ => Exit::Usage,
    }
}

/// The reader of our output left (`| head`): it has what it wanted.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn log_to_stderr(filter: EnvFilter, format: LogFormat) {
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => {
            let choice = anstream::AutoStream::choice(&io::stderr());
            log.with_ansi(choice != anstream::ColorChoice::Never).init();
        }
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_ends_its_help_with_examples_that_parse() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (title, examples) = help.split_once('\n').unwrap_or_default();
            assert_eq!(title, "Examples:", "the help of \"{}\" ends with examples", command.get_name());
            for example in examples.lines().map(str::trim).filter(|line| line.starts_with("shardway ")) {
                let refusal = match Cli::try_parse_from(example.split_whitespace()) {
                    Ok(_) => continue,
                    Err(refusal) => refusal,
                };
                assert_eq!(refusal.kind(), ErrorKind::DisplayHelp, "{example}: {refusal}");
            }
            command.get_subcommands().for_each(check);
        }
        Cli::command().debug_assert();
        check(&Cli::command());
    }
}
