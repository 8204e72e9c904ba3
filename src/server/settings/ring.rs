//! How a namespace of kind ring is run, as a settings file says it.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use super::{
    fields::{Fields, Problems},
    render::quoted,
};
use crate::{
    engine::{Keying, MAX_SHARDS},
    membership::{AddressFamily, RestraintConfig, members_in},
    ring::{Flavour, MAX_POINTS_PER_MEMBER, RingSpec},
    server::{MembersFrom, RingConfig},
    types::{MAX_MEMBER_PORTS, Member, duration::Shown},
    yaml::{Body, Node, escaped},
};

const FLAVOURS: [(&str, Flavour); 2] =
    [(Flavour::Xxh3.as_str(), Flavour::Xxh3), (Flavour::Ringpop.as_str(), Flavour::Ringpop)];
const FAMILIES: [(&str, AddressFamily); 3] =
    [("any", AddressFamily::Any), ("v4", AddressFamily::V4), ("v6", AddressFamily::V6)];
const BOOLEANS: [(&str, bool); 2] = [("true", true), ("false", false)];
/// Shortest time between two questions to DNS.
const MIN_EVERY: Duration = Duration::from_millis(100);

/// Whether a namespace is of this kind.
pub(super) fn is_ring(node: &Node) -> bool {
    let Body::Map(fields) = &node.body else { return false };
    fields.iter().any(|(name, node)| *name.text == *"kind" && node.body.text() == Some("ring"))
}

/// `None` when something is wrong with it.
pub(super) fn read(path: &str, node: &Node, problems: &mut Problems) -> Option<RingConfig> {
    let before = problems.count;
    let mut fields = Fields::of(path, node, problems)?;
    // It has been read before.
    let _ = fields.node("kind");
    let members = members(&mut fields, node);
    let mut config = RingConfig::new(members.unwrap_or_else(|| MembersFrom::List(Vec::new())));
    let flavour = fields.choice("flavour", &FLAVOURS).unwrap_or_else(|| config.ring.flavour());
    let points = fields.number("points", 1..=MAX_POINTS_PER_MEMBER.into());
    let points = points.and_then(|points| u16::try_from(points).ok());
    match RingSpec::new(flavour, points.unwrap_or_else(|| config.ring.points_per_member())) {
        Ok(ring) => config.ring = ring,
        Err(error) => {
            let _: Option<()> = fields.wrong(node, &error.to_string());
        }
    }
    config.shards = fields.number("shards", 1..=u32::try_from(MAX_SHARDS).unwrap_or(u32::MAX));
    config.keys =
        fields.choice("keys", &[("named", Keying::Named), ("hashed", Keying::Hashed)]).unwrap_or_default();
    config.restraint = restraint(&mut fields, config.restraint);
    config.ports = ports(&mut fields);
    fields.end();
    if problems.count == before
        && let Err(error) = config.check()
    {
        problems.add(node.place, path, error.to_string());
    }
    (problems.count == before).then_some(config)
}

/// From one source.
fn members(fields: &mut Fields<'_>, namespace: &Node) -> Option<MembersFrom> {
    const SOURCES: [&str; 4] = ["list", "file", "dns", "srv"];
    let Some(node) = fields.node("members") else {
        return fields.wrong(namespace, "a ring needs members: from a list, a file, dns or srv");
    };
    let path = fields.path_of("members");
    let mut fields = Fields::of(&path, node, fields.problems())?;
    let said: Vec<_> = SOURCES.into_iter().filter(|source| fields.has(source)).collect();
    let list = fields.node("list");
    let file = fields.text("file");
    let dns = fields.text("dns");
    let srv = fields.text("srv");
    let family = dns.as_ref().and_then(|_| fields.choice("family", &FAMILIES)).unwrap_or_default();
    let every = dns.as_ref().or(srv.as_ref()).and_then(|_| every(&mut fields));
    let weights = srv.as_ref().and_then(|_| fields.choice("weights", &BOOLEANS)).unwrap_or_default();
    let from = match said[..] {
        ["list"] => list.and_then(|list| listed(&mut fields, list)).map(MembersFrom::List),
        ["file"] => file.map(|path| MembersFrom::File(path.into())),
        ["dns"] => dns.map(|name| MembersFrom::Addresses { name, family, every }),
        ["srv"] => srv.and_then(|name| services(&mut fields, node, name, weights, every)),
        [] => fields.wrong(node, "must say where they come from: list, file, dns or srv"),
        _ => fields.wrong(node, "come from one source, not from several"),
    };
    fields.end();
    from
}

fn listed(fields: &mut Fields<'_>, node: &Node) -> Option<Vec<Member>> {
    let path = fields.path_of("list");
    match members_in(node) {
        Ok(members) => Some(members),
        Err(error) => {
            for problem in error.problems() {
                let path = problem.field().map_or_else(|| path.clone(), |field| format!("{path}.{field}"));
                fields.problems().add(problem.place(), &path, problem.message());
            }
            None
        }
    }
}

#[cfg(feature = "dns")]
#[expect(clippy::unnecessary_wraps, reason = "without DNS there is none")]
fn services(
    _: &mut Fields<'_>,
    _: &Node,
    name: String,
    weights: bool,
    every: Option<Duration>,
) -> Option<MembersFrom> {
    Some(MembersFrom::Services { name, weights, every })
}

#[cfg(not(feature = "dns"))]
fn services(
    fields: &mut Fields<'_>,
    node: &Node,
    _: String,
    _: bool,
    _: Option<Duration>,
) -> Option<MembersFrom> {
    fields.wrong(node, "cannot come from SRV records: this binary was built without the feature dns")
}

fn every(fields: &mut Fields<'_>) -> Option<Duration> {
    let rule = |every: Duration| format!("must be at least 100ms, and is {}", Shown(every));
    fields.duration_that("every", |every| if every >= MIN_EVERY { Ok(()) } else { Err(rule(every)) })
}

fn restraint(fields: &mut Fields<'_>, usual: RestraintConfig) -> RestraintConfig {
    let path = fields.path_of("restraint");
    let Some(node) = fields.node("restraint") else { return usual };
    let Some(mut fields) = Fields::of(&path, node, fields.problems()) else { return usual };
    let share = |text: &str| {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| format!("must be a number from 0 to 1, and is \"{}\"", escaped(text)))
    };
    let restraint = RestraintConfig {
        min_share: fields.read("min_share", share).unwrap_or(usual.min_share),
        min_lost: fields.number("min_lost", 0..=u32::MAX).map_or(usual.min_lost, |lost| lost as usize),
        window: fields.duration("window").unwrap_or(usual.window),
        hold_for: fields.duration("hold_for").or(usual.hold_for),
    };
    fields.end();
    restraint
}

fn ports(fields: &mut Fields<'_>) -> BTreeMap<String, u16> {
    let path = fields.path_of("ports");
    let Some(node) = fields.node("ports") else { return BTreeMap::new() };
    let problems = fields.problems();
    let Body::Map(said) = &node.body else {
        problems.add(
            node.place,
            &path,
            format!("must be a map of names to port numbers, and is {}", node.body.what()),
        );
        return BTreeMap::new();
    };
    if said.len() > MAX_MEMBER_PORTS {
        problems.add(
            node.place,
            &path,
            format!("are {}, more than the {MAX_MEMBER_PORTS} allowed", said.len()),
        );
        return BTreeMap::new();
    }
    let mut ports = BTreeMap::new();
    for (name, node) in said.iter() {
        let port = node.body.text().and_then(|text| text.parse().ok()).filter(|port| *port != 0_u16);
        // A member's names of ports are the same.
        let checked = Member::new("any").and_then(|member| member.with_port(&*name.text, port.unwrap_or(1)));
        match (port, checked) {
            (Some(port), Ok(_)) => drop(ports.insert(name.text.to_string(), port)),
            (_, Err(error)) => problems.add(name.place, &path, error.to_string()),
            (None, _) => problems.add(node.place, &path, "a port must be a whole number from 1 to 65535"),
        }
    }
    ports
}

/// Every setting, defaults too, a line each; reading it gives the same again.
pub(in crate::server) fn to_yaml(config: &RingConfig) -> String {
    let RingConfig { ring, members, shards, keys, restraint, ports } = config;
    let mut yaml = String::new();
    let mut say = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string does not fail.
        let _ = writeln!(yaml, "{name}: {value}");
    };
    say("kind", &"ring");
    say("flavour", &ring.flavour());
    say("points", &ring.points_per_member());
    if let Some(shards) = shards {
        say("shards", shards);
    }
    say("keys", &if *keys == Keying::Hashed { "hashed" } else { "named" });
    say("members", &members_yaml(members));
    let RestraintConfig { min_share, min_lost, window, hold_for } = restraint;
    let hold_for = hold_for.map_or_else(String::new, |hold_for| format!(", hold_for: {}", Shown(hold_for)));
    let window = Shown(*window);
    say(
        "restraint",
        &format!("{{min_share: {min_share}, min_lost: {min_lost}, window: {window}{hold_for}}}"),
    );
    if !ports.is_empty() {
        let ports: Vec<_> = ports.iter().map(|(name, port)| format!("{}: {port}", quoted(name))).collect();
        say("ports", &format!("{{{}}}", ports.join(", ")));
    }
    yaml
}

fn members_yaml(members: &MembersFrom) -> String {
    let paced = |every: &Option<Duration>| {
        every.map_or_else(String::new, |every| format!(", every: {}", Shown(every)))
    };
    match members {
        MembersFrom::List(members) => {
            let members: Vec<_> = members.iter().map(member_yaml).collect();
            format!("{{list: [{}]}}", members.join(", "))
        }
        MembersFrom::File(path) => format!("{{file: {}}}", quoted(&path.to_string_lossy())),
        MembersFrom::Addresses { name, family, every } => {
            let family = FAMILIES.iter().find(|(_, known)| known == family).map_or("any", |(name, _)| name);
            format!("{{dns: {}, family: {family}{}}}", quoted(name), paced(every))
        }
        #[cfg(feature = "dns")]
        MembersFrom::Services { name, weights, every } => {
            format!("{{srv: {}, weights: {weights}{}}}", quoted(name), paced(every))
        }
    }
}

fn member_yaml(member: &Member) -> String {
    let mut yaml =
        format!("{{address: {}, identity: {}", quoted(member.address()), quoted(member.identity()));
    let _ = write!(yaml, ", weight: {}", member.weight());
    let ports: Vec<_> = member.ports().map(|(name, port)| format!("{}: {port}", quoted(name))).collect();
    let _ = write!(yaml, ", ports: {{{}}}}}", ports.join(", "));
    yaml
}
