//! What `--log` takes.

use tracing_subscriber::{
    EnvFilter,
    filter::{Directive, LevelFilter},
};

use crate::types::nearest;

/// Refuses what the filter itself would pass over, or take for the name of a module that nobody has.
pub(super) fn parse(text: &str) -> Result<EnvFilter, String> {
    let directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let directives: Vec<Directive> = directives.map(directive).collect::<Result<_, _>>()?;
    // Without any it is as if nothing had been said: an empty SHARDWAY_LOG is none.
    let first = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).parse_lossy("");
    Ok(directives.into_iter().fold(first, EnvFilter::add_directive))
}

fn directive(text: &str) -> Result<Directive, String> {
    let refused = |level: &str| {
        let meant =
            nearest(level, LEVELS).map_or(String::new(), |meant| format!("; did you mean \"{meant}\"?"));
        format!("\"{text}\" is neither a level ({}) nor module=level{meant}", LEVELS.join(", "))
    };
    let (module, level) = text.split_once('=').map_or((None, text), |(module, level)| (Some(module), level));
    let is_module = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
    };
    if !LEVELS.contains(&&*level.to_ascii_lowercase()) || !module.is_none_or(is_module) {
        return Err(refused(level));
    }
    text.parse().map_err(|_| refused(level))
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_are_understood() {
        for (text, filter) in [
            ("", "warn"),
            ("debug", "debug"),
            ("WARN", "warn"),
            ("info, shardway::dynconfig=trace,", "shardway::dynconfig=trace,info"),
            ("shardway=off", "shardway=off,warn"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), filter, "{text:?}");
        }
    }

    #[test]
    fn what_would_be_passed_over_is_refused_by_name() {
        for (text, named) in [
            ("[[[", "\"[[[\""),
            ("shardway=warn,[", "\"[\""),
            ("a=b=c", "\"a=b=c\""),
            ("=warn", "\"=warn\""),
            ("shardway", "\"shardway\" is neither"),
            ("shardway=wran", "did you mean \"warn\"?"),
        ] {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.contains(named), "{text:?}: {refusal}");
        }
    }
}
