//! The one place where commands print their answers, as a table for people or as JSON for programs.

use std::io::{self, Write};

use comfy_table::{LineStyle, Row, Table, TableStyle};
use serde::Serialize;

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON document, its fields stable.
    Json,
}

/// An answer that can be printed both ways.
pub(crate) trait Answer: Serialize {
    /// The answer for people. Its text may hold escape codes; they are stripped where colour is unwanted.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Standard output, and the format the caller asked for.
pub(crate) struct Console<'a> {
    format: Format,
    out: &'a mut dyn Write,
}

impl<'a> Console<'a> {
    pub(crate) fn new(format: Format, out: &'a mut dyn Write) -> Self {
        Self { format, out }
    }

    /// What was shown is there for others to read from now on.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Prints an answer in the format asked for.
    pub(crate) fn show(&mut self, answer: &impl Answer) -> io::Result<()> {
        match self.format {
            Format::Table => answer.write_text(self.out),
            Format::Json => {
                serde_json::to_writer_pretty(&mut *self.out, answer)?;
                writeln!(self.out)
            }
        }
    }
}

/// An empty table in the house style: a line under the header and no others, so that a row is easy to cut out.
pub(crate) fn table(header: impl Into<Row>) -> Table {
    const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));
    let mut table = Table::new();
    table.load_style(STYLE).set_header(header);
    table
}

/// Text of unknown origin, made harmless for a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect()
}
