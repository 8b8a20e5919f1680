//! The `widgets` command.

use std::{
    fmt::Display,
    process::{self, ExitCode},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use tokio::runtime::Runtime;
use widgets::{completions, events, export, import, invoke, keys, man, serve};

/// How long what still runs may take to end. What writes to a pipe that nobody reads does not end.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// What follows the options in `widgets --help`.
const EXAMPLES: &str = "Examples:
  widgets
  widgets keys issue --name laptop
  widgets help keys rotate";

/// A self-hosted widget API in two dialects, Insighto's and Bland's: run it on this machine, manage
/// its API keys, move widgets in and out.
///
/// Without a command: `serve`, with its defaults.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Serve both APIs on this machine, over an embedded DynamoDB
    ///
    /// Builds the two Lambda functions, runs them as Lambda would, and puts an HTTP server before
    /// them that speaks to them as API Gateway does, with the routes of template.yaml: what answers
    /// is what is deployed. Prints where it listens, an API key, and a curl line for each dialect.
    Serve(serve::Serve),
    /// Issue, list, revoke and rotate API keys, of the local stack or a deployed one
    #[command(subcommand)]
    Keys(keys::Command),
    /// Send a function of the local stack an event
    ///
    /// The event is any JSON; the function answers it as it would on AWS. Prints the answer, or the
    /// error document of a function that failed, and then ends with 1. The stack also answers AWS's
    /// own tools: `aws lambda invoke --endpoint-url`, cargo-lambda.
    Invoke(invoke::Invoke),
    /// Follow the change events of the local stack
    ///
    /// Prints what the pipe of template.yaml would publish on the event bus, one event a line, as
    /// changes are made.
    Events(events::Events),
    /// Read all widgets of an API key, one JSON object a line
    ///
    /// Reads the vendor's service or a deployment of this project: both speak the same dialect.
    /// Each widget keeps its bytes; only line breaks within it are removed. A request is retried
    /// with backoff if the service is busy, fails or hangs up. Numbered pages, which the assistant
    /// dialect has, are read until a whole pass meets as many widgets as the service counts and
    /// none that is new: at least twice. A widget that changes meanwhile is written once, as it was
    /// when it was first read.
    Export(export::Export),
    /// Put widgets into the table with their ids, a JSON object a line
    ///
    /// Takes what `widgets export` writes. Every line goes through the rules of a request; what the
    /// services add or leave out is no fault. All faults are told with their line numbers before
    /// anything is written. A widget that the account has already is left as it is, so the same
    /// command may run again, also after it was killed.
    Import(import::Import),
    /// Print a script that completes this command's arguments in a shell
    Completions(completions::Completions),
    /// Write the manual, a page a command, to a folder
    Man(man::Man),
}

impl Cli {
    /// Parses the arguments. A value that is not allowed is one line, as every other error is.
    fn from_arguments() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            if error.kind() != ErrorKind::ValueValidation {
                error.exit();
            }
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            print_error(line.trim_start_matches("error: "));
            process::exit(error.exit_code())
        })
    }

    async fn run(self) -> Result<()> {
        match self.command {
            None => serve::run(self.serve).await,
            Some(Command::Serve(serve)) => serve::run(serve).await,
            Some(Command::Keys(command)) => keys::run(command).await,
            Some(Command::Invoke(invoke)) => invoke::run(invoke).await,
            Some(Command::Events(events)) => events::run(events).await,
            Some(Command::Export(export)) => export::run(export).await,
            Some(Command::Import(import)) => import::run(import).await,
            Some(Command::Completions(shell)) => completions::run(&shell, Self::command()),
            Some(Command::Man(folder)) => man::run(&folder, Self::command()),
        }
    }
}

/// Prints an error on standard error, in colour where it is a terminal and `NO_COLOR` is not set.
fn print_error(error: impl Display) {
    const NAME: Style = AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{NAME}widgets:{NAME:#} {error}");
}

fn main() -> ExitCode {
    let cli = Cli::from_arguments();
    let done = Runtime::new().map_err(Into::into).and_then(|runtime| {
        let done = runtime.block_on(cli.run());
        runtime.shutdown_timeout(END_TIMEOUT);
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    /// Returns the words of a line from the program on, up to a pipe or a redirection.
    fn call(line: &str) -> Vec<&str> {
        let words = line.split_whitespace().skip_while(|word| word.contains('='));
        words.take_while(|word| !matches!(*word, "|" | ">")).collect()
    }

    fn check(command: &Command) {
        let texts =
            [command.get_long_about(), command.get_after_help(), command.get_after_long_help()];
        let help: String = texts.into_iter().flatten().map(|text| format!("{text}\n")).collect();
        let help = help.replace("\\\n", "");
        let is_example = |words: &Vec<&str>| words.first() == Some(&"widgets");
        let examples: Vec<_> = help.lines().map(call).filter(is_example).collect();
        assert!(!examples.is_empty(), "{} has no example: {help}", command.get_name());
        for example in examples {
            let parsed = Cli::try_parse_from(&example);
            let failure = parsed.err().filter(|error| error.kind() != ErrorKind::DisplayHelp);
            assert!(failure.is_none(), "{example:?}: {failure:?}");
        }
        for subcommand in command.get_subcommands() {
            check(subcommand);
        }
    }

    #[test]
    fn help_of_every_command_has_examples_that_parse() {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        check(&command);
    }
}
