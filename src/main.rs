//! The `shardway` binary.

fn main() -> std::process::ExitCode {
    shardway::cli::run(std::env::args_os())
}
