//! `shardway config keys`.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::super::{
    console::{Answer, Console},
    exit::Exit,
};
use crate::dynconfig::keys::{KEYS, KeySpec};

/// List every key: type, default, effect.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway config keys
  shardway config keys --output json")]
pub(super) struct Keys {}

impl Keys {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        console.show(&Listing(KEYS.iter().map(|key| Row::of(key)).collect()))?;
        Ok(Exit::Ok)
    }
}

#[derive(Serialize)]
struct Listing(Vec<Row>);

#[derive(Serialize)]
struct Row {
    key: &'static str,
    /// Cadence's name for it, which is understood too.
    cadence: Option<&'static str>,
    /// Type and range.
    expected: String,
    default: String,
    effect: &'static str,
    /// With what it is asked for, and so which constraints can hold.
    constraints: Vec<&'static str>,
}

impl Row {
    fn of(key: &KeySpec) -> Self {
        Self {
            key: key.name,
            cadence: key.cadence,
            expected: key.kind.to_string(),
            default: key.default_value().to_string(),
            effect: key.effect,
            constraints: key.scope.constraints().iter().map(|constraint| constraint.as_str()).collect(),
        }
    }
}

impl Answer for Listing {
    /// Paragraphs, because the effect is a sentence and would make a column too wide.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (i, Row { key, cadence, expected, default, effect, constraints }) in self.0.iter().enumerate() {
            writeln!(out, "{}{key}", if i == 0 { "" } else { "\n" })?;
            if let Some(cadence) = cadence {
                writeln!(out, "  in Cadence   {cadence}")?;
            }
            writeln!(out, "  value        {expected}")?;
            writeln!(out, "  default      {default}")?;
            writeln!(out, "  constraints  {}", constraints.join(", "))?;
            writeln!(out, "  {effect}")?;
        }
        Ok(())
    }
}
