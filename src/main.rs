//! The daemon: flags, configuration, tracing, then the server.

use std::io::Write;
use std::process::ExitCode;

use backlogd::admin::{crash, doctor, manual, status, tool, tracing as log_lines};
use backlogd::config::flags::{self, FlagsError};
use backlogd::config::{Config, Invocation};
use backlogd::server::{self, Start};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match flags::parse(std::env::args_os()) {
        Ok(Invocation::Serve(config, input)) => serve(*config, &input),
        Ok(Invocation::CheckConfig(config)) => match server::check(&config) {
            Ok(()) => say("the configuration is sound\n"),
            Err(error) => refuse(&error.to_string()),
        },
        Ok(Invocation::Explain(text)) => say(&text),
        Ok(Invocation::Log(command)) => tool::run(&command),
        Ok(Invocation::Status(arguments)) => status::run(&arguments),
        Ok(Invocation::Ping(arguments)) => status::ping(&arguments),
        Ok(Invocation::Completions(shell)) => say(&manual::completions(&shell)),
        Ok(Invocation::Man) => say(manual::PAGE),
        Ok(Invocation::Doctor(examination)) => doctor::run(&examination),
        Err(FlagsError::Tool(usage)) => tool::misused(&usage),
        Err(error) => refuse(&error.to_string()),
    }
}

fn serve(mut config: Config, input: &[u8]) -> ExitCode {
    let process = match server::begin(&mut config, input) {
        Ok(Start::Here(process)) => process,
        Ok(Start::Elsewhere(code)) => return code,
        Err(error) => return refuse(&error.to_string()),
    };
    let settings = config.settings();
    let tracing = match log_lines::start(settings.loglevel, settings.logfile.as_deref()) {
        Ok(tracing) => tracing,
        Err(error) => return refuse(&error.to_string()),
    };
    if settings.crash_log_enabled {
        crash::enable();
    }
    if let Err(error) = crash::start(tracing.clone()) {
        return refuse(&format!("cannot watch for crashes: {error}"));
    }
    match server::run(config, tracing, process) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the server cannot run");
            refuse(&error.to_string())
        }
    }
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has gone.
        Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(text: &str) -> ExitCode {
    // There is nobody else to tell if this fails.
    let _ = writeln!(std::io::stderr(), "backlogd: {}", text.trim_end());
    ExitCode::FAILURE
}
