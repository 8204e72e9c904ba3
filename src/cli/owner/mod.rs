//! `shardway owner`: who owns these keys, by the ring, from a member file alone.

mod keys;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;

use super::{
    console::{Answer, Console, printable, table},
    exit::Exit,
    input,
};
use crate::{
    membership::{MAX_MEMBER_FILE_BYTES, MemberFileError, parse_members},
    ring::{Flavour, HashRing, RingSpec},
};

/// Tell who owns keys, by the hash ring over the members of a file.
///
/// Needs no server and changes nothing. Every process that has the same members and the same flavour answers the same.
///
/// A key is any text, the empty one included: that is all the ring asks for. A service that routes by namespace refuses
/// shard keys that are empty or longer than 1024 bytes, so this command may name an owner where such a service names
/// none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway owner --members examples/members.yaml my-task-list
  shardway owner --members examples/members.yaml -n 3 user-17 user-18
  shardway owner --members members.json --flavour ringpop --keys keys.txt --output json
  cut -f1 orders.tsv | shardway owner --members members.json --keys -")]
pub(crate) struct Owner {
    /// YAML or JSON file: a list of {address, identity, weight}, of which only the address is required.
    #[arg(long, value_name = "FILE")]
    members: PathBuf,
    /// How the ring places keys; `ringpop` agrees with Go processes that use Uber's ringpop.
    #[arg(long, default_value = Flavour::Xxh3.as_str(), value_name = "FLAVOUR", value_parser = flavours())]
    flavour: Flavour,
    /// Ring points of a member of weight 1.
    #[arg(long, default_value_t = RingSpec::default().points_per_member(), value_name = "N")]
    points: u16,
    /// How many distinct members to name for each key: the owner, then those that would follow.
    #[arg(short = 'n', long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    owners: u16,
    /// File of keys, a JSON array of strings or one key a line; `-` is standard input.
    #[arg(long = "keys", value_name = "FILE", conflicts_with = "keys")]
    keys_file: Option<PathBuf>,
    /// The keys.
    #[arg(value_name = "KEY", required_unless_present = "keys_file")]
    keys: Vec<String>,
}

impl Owner {
    pub(crate) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let is_stdin = |path: &Path| path.as_os_str() == "-";
        if is_stdin(&self.members) && self.keys_file.as_deref().is_some_and(is_stdin) {
            anyhow::bail!(
                "members and keys cannot both come from standard input; name a file for one of them"
            );
        }
        let name = self.members.display().to_string();
        let file = input::read("member file", &self.members, MAX_MEMBER_FILE_BYTES)?;
        let members = parse_members(&file, &name).map_err(all_problems)?;
        let ring = HashRing::new(RingSpec::new(self.flavour, self.points)?, members)
            .with_context(|| format!("{name} makes no ring"))?;
        let keys = match &self.keys_file {
            Some(path) => keys::parse(&input::read("key file", path, keys::MAX_BYTES)?)
                .with_context(|| format!("key file {}", path.display()))?,
            None => self.keys,
        };
        console.show(&Answers(
            keys.iter().map(|key| KeyOwners::find(&ring, key, self.owners.into())).collect(),
        ))?;
        Ok(if ring.is_empty() { Exit::No } else { Exit::Ok })
    }
}

/// Every problem on a line of its own, because whoever mends the file wants to mend all of it.
fn all_problems(error: MemberFileError) -> anyhow::Error {
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    match problems.len() {
        0 | 1 => error.into(),
        _ => anyhow::anyhow!(
            "{} has {} problems:\n  {}",
            error.source_name(),
            error.count(),
            problems.join("\n  ")
        ),
    }
}

fn flavours() -> impl TypedValueParser<Value = Flavour> {
    PossibleValuesParser::new(Flavour::ALL.map(Flavour::as_str)).try_map(|word| word.parse::<Flavour>())
}

#[derive(Serialize)]
struct Answers<'a>(Vec<KeyOwners<'a>>);

#[derive(Serialize)]
struct KeyOwners<'a> {
    key: &'a str,
    /// An address; none when there is no member.
    owner: Option<&'a str>,
    /// The owner, then the next distinct members in ring order.
    owners: Vec<&'a str>,
}

impl<'a> KeyOwners<'a> {
    fn find(ring: &'a HashRing, key: &'a str, count: usize) -> Self {
        let owners: Vec<_> = ring.lookup_n(key.as_bytes(), count).map(|member| member.address()).collect();
        Self { key, owner: owners.first().copied(), owners }
    }
}

impl Answer for Answers<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let with_next = self.0.iter().any(|answer| answer.owners.len() > 1);
        let mut table = table(if with_next { vec!["key", "owner", "then"] } else { vec!["key", "owner"] });
        for KeyOwners { key, owner, owners } in &self.0 {
            let mut row = vec![printable(key), owner.unwrap_or("nobody").to_owned()];
            if with_next {
                row.push(owners.get(1..).unwrap_or_default().join(", "));
            }
            table.add_row(row);
        }
        writeln!(out, "{}", table.trim_fmt())
    }
}
