//! Lists of members written by people and tools.

mod problem;

use std::collections::BTreeMap;

use self::problem::Problems;
pub use self::problem::{MemberFileError, MemberFileProblem};
use super::MAX_MEMBERS;
use crate::{
    types::{MAX_WEIGHT, Member, Place},
    yaml::{self, Body, Name, Node},
};

/// Largest member file, in bytes: [`MAX_MEMBERS`] members with every field set are about 2 MB.
pub const MAX_MEMBER_FILE_BYTES: usize = 4 << 20;
/// Most values in a file: [`MAX_MEMBERS`] members with all four fields and five named ports each.
const MAX_VALUES: usize = 20 * MAX_MEMBERS;

/// Reads a member file: a YAML or JSON list whose items are addresses or members. `source` is what messages call the
/// file.
///
/// Either all members are good or none is returned, and then the error tells everything that is wrong. Two members
/// may share neither an address nor an identity. A list of nobody is written `[]`; an empty file is refused, because
/// a file that was cut off looks like one.
///
/// ```
/// use shardway::membership::parse_members;
///
/// let file = r#"
/// - 10.0.0.1:7933
/// - address: 10.0.0.2:7933
///   identity: matching-2
///   weight: 3
///   ports: {grpc: 7833}
/// "#;
/// let members = parse_members(file.as_bytes(), "members.yaml")?;
/// assert_eq!((members[0].identity(), members[1].identity()), ("10.0.0.1:7933", "matching-2"));
///
/// let refused = parse_members(br#"[{"address": "a:1", "weight": 0}, {"adress": "b:1"}]"#, "members.json").unwrap_err();
/// let told: Vec<String> = refused.problems().iter().map(ToString::to_string).collect();
/// assert_eq!(told, [
///     "1:31: weight: must be a whole number from 1 to 1000, is 0; to give it no keys, leave it out",
///     "1:35: address: is missing",
///     "1:36: adress: unknown field, a member has address, identity, weight, ports; did you mean address?",
/// ]);
/// # Ok::<(), shardway::membership::MemberFileError>(())
/// ```
pub fn parse_members(file: &[u8], source: &str) -> Result<Vec<Member>, MemberFileError> {
    let mut problems = Problems::default();
    let members = read(file, &mut problems);
    if problems.count == 0 { Ok(members) } else { Err(problems.into_error(source)) }
}

fn read(file: &[u8], problems: &mut Problems) -> Vec<Member> {
    if file.len() > MAX_MEMBER_FILE_BYTES {
        problems.add(Place::START, None, format!("longer than the {MAX_MEMBER_FILE_BYTES} bytes allowed"));
        return vec![];
    }
    let text = match str::from_utf8(file) {
        Ok(text) => text,
        Err(error) => {
            let line = 1 + file[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            problems.add(Place::new(line, 1), None, "not UTF-8 text");
            return vec![];
        }
    };
    let (root, faults) = yaml::parse(text, MAX_VALUES);
    for fault in &faults.kept {
        problems.add(fault.place, None, fault.kind.to_string());
    }
    problems.count = faults.count;
    root.map_or_else(Vec::new, |root| list(&root, problems))
}

/// The same, of a list that is part of another file.
#[cfg(feature = "server")]
pub(crate) fn members_in(node: &Node) -> Result<Vec<Member>, MemberFileError> {
    let mut problems = Problems::default();
    let members = list(node, &mut problems);
    if problems.count == 0 { Ok(members) } else { Err(problems.into_error("")) }
}

fn list(node: &Node, problems: &mut Problems) -> Vec<Member> {
    match &node.body {
        Body::List(items) if items.len() <= MAX_MEMBERS => members(items, problems),
        Body::List(items) => {
            let message = format!("{} members, more than the {MAX_MEMBERS} allowed", items.len());
            problems.add(node.place, None, message);
            vec![]
        }
        _ => {
            problems.misfit(node, None, "must be a list of members", "");
            vec![]
        }
    }
}

fn members(items: &[Node], problems: &mut Problems) -> Vec<Member> {
    let members: Vec<(Place, Member)> =
        items.iter().filter_map(|item| Some((item.place, member(item, problems)?))).collect();
    let mut addresses = BTreeMap::new();
    let mut identities = BTreeMap::new();
    for (place, member) in &members {
        let identity_is_new = is_new(&mut identities, "identity", member.identity(), *place, problems);
        if identity_is_new || member.identity() != member.address() {
            is_new(&mut addresses, "address", member.address(), *place, problems);
        }
    }
    members.into_iter().map(|(_, member)| member).collect()
}

fn is_new<'a>(
    seen: &mut BTreeMap<&'a str, Place>,
    field: &'static str,
    value: &'a str,
    place: Place,
    problems: &mut Problems,
) -> bool {
    let first = *seen.entry(value).or_insert(place);
    if first != place {
        problems.add(place, Some(field), format!("\"{value}\" is another member's already, at {first}"));
    }
    first == place
}

/// `None` when there is anything wrong with it.
fn member(item: &Node, problems: &mut Problems) -> Option<Member> {
    match &item.body {
        Body::Scalar { .. } => address(item, problems),
        Body::Map(fields) => member_of_fields(item.place, fields, problems),
        Body::List(_) | Body::Broken => {
            problems.misfit(item, None, "must be an address or a member", "");
            None
        }
    }
}

fn member_of_fields(place: Place, fields: &[(Name, Node)], problems: &mut Problems) -> Option<Member> {
    let before = problems.count;
    let mut address_node = None;
    let mut others = Vec::new();
    for (name, node) in fields {
        match &*name.text {
            "address" => address_node = Some(node),
            "identity" | "weight" | "ports" => others.push((&*name.text, node)),
            unknown => problems.unknown_field(name.place, unknown),
        }
    }
    let given = match address_node {
        Some(node) => address(node, problems),
        None => {
            problems.add(place, Some("address"), "is missing");
            None
        }
    };
    // Without an address the other fields are checked all the same, on a member that nobody will see.
    let mut member = given.or_else(|| Member::new("unknown").ok())?;
    for (field, node) in others.into_iter().filter(|(_, node)| !node.body.is_nothing()) {
        member = match field {
            "identity" => with_identity(member, node, problems),
            "weight" => with_weight(member, node, problems),
            _ => with_ports(member, node, problems),
        };
    }
    (problems.count == before).then_some(member)
}

fn address(node: &Node, problems: &mut Problems) -> Option<Member> {
    let Some(text) = node.body.text() else {
        problems.misfit(node, Some("address"), "must be an address such as 10.0.0.1:7933", "");
        return None;
    };
    Member::new(text).map_err(|error| problems.refused(node.place, "address", &error)).ok()
}

// The setters below answer the member as it was when the value is no good, so that the next field can be checked.

fn with_identity(member: Member, node: &Node, problems: &mut Problems) -> Member {
    let Some(text) = node.body.text() else {
        problems.misfit(node, Some("identity"), "must be text", "");
        return member;
    };
    member.clone().with_identity(text).unwrap_or_else(|error| {
        problems.refused(node.place, "identity", &error);
        member
    })
}

fn with_weight(member: Member, node: &Node, problems: &mut Problems) -> Member {
    let weight = number(node).and_then(|number| member.clone().with_weight(number).ok());
    weight.unwrap_or_else(|| {
        let hint = if number(node) == Some(0) { "; to give it no keys, leave it out" } else { "" };
        let rule = format!("must be a whole number from 1 to {MAX_WEIGHT}");
        problems.misfit(node, Some("weight"), &rule, hint);
        member
    })
}

fn with_ports(member: Member, node: &Node, problems: &mut Problems) -> Member {
    let Body::Map(ports) = &node.body else {
        problems.misfit(node, Some("ports"), "must be a map of names to port numbers", "");
        return member;
    };
    ports.iter().fold(member, |member, (name, node)| {
        let Some(port) = number(node).filter(|port| *port != 0) else {
            problems.misfit(node, Some("ports"), "a port must be a whole number from 1 to 65535", "");
            return member;
        };
        member.clone().with_port(&*name.text, port).unwrap_or_else(|error| {
            problems.refused(name.place, "ports", &error);
            member
        })
    })
}

/// Quotes make a text of it.
fn number(node: &Node) -> Option<u16> {
    match &node.body {
        Body::Scalar { text, plain: true } if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(file: &str) -> Vec<String> {
        let error = parse_members(file.as_bytes(), "members.yaml").expect_err(file);
        assert!(error.to_string().starts_with(&format!("members.yaml:{}", error.problems()[0])));
        assert_eq!(error.count(), error.problems().len());
        error.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_and_members_in_yaml_and_in_json() {
        let yaml = "\
# the fleet
- 10.0.0.1:80
- \"[::1]:80\"
- address: host-3:80
  identity: 007
  weight: 1000
  ports: {grpc: 7833, http: 65535}
- {address: host-4, identity: null, weight: , ports: }
";
        let json = r#"["10.0.0.1:80", "[::1]:80",
            {"address": "host-3:80", "identity": "007", "weight": 1000, "ports": {"http": 65535, "grpc": 7833}},
            {"address": "host-4", "identity": null, "weight": null, "ports": null}]"#;
        let third =
            Member::new("host-3:80").unwrap().with_identity("007").unwrap().with_weight(1000).unwrap();
        let expected = vec![
            Member::new("10.0.0.1:80").unwrap(),
            Member::new("[::1]:80").unwrap(),
            third.with_port("grpc", 7833).unwrap().with_port("http", 65535).unwrap(),
            Member::new("host-4").unwrap(),
        ];
        assert_eq!(parse_members(yaml.as_bytes(), "").unwrap(), expected);
        assert_eq!(parse_members(json.as_bytes(), "").unwrap(), expected);
        assert_eq!(parse_members(b"[]", "").unwrap(), vec![]);
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_place() {
        let file = "\
- a:1
- addres: b:1
  weight: 1001
  ports: [1]
- address: [c]
  identity: has space
  weight: \"3\"
  ports: {grpc: 0, http: x, 'a b': 1}
-
- [d:1]
- {address: '', weight: 1.5}
- {address: e:1, identity: a:1}
- a:1
- {address: a:1, identity: f}
- {address: g:1, weight: 0, weight: 2}
- !them h
";
        let expected = [
            "2:3: addres: unknown field, a member has address, identity, weight, ports; did you mean address?",
            "2:3: address: is missing",
            "3:11: weight: must be a whole number from 1 to 1000, is 1001",
            "4:10: ports: must be a map of names to port numbers, is a list",
            "5:12: address: must be an address such as 10.0.0.1:7933, is a list",
            "6:13: identity: member identity \"has space\" may contain only text without spaces and control characters, has ' '",
            "7:11: weight: must be a whole number from 1 to 1000, is \"3\"",
            "8:17: ports: a port must be a whole number from 1 to 65535, is 0",
            "8:26: ports: a port must be a whole number from 1 to 65535, is x",
            "8:29: ports: port name \"a b\" may contain only text without spaces and control characters, has ' '",
            "9:2: address: must be an address such as 10.0.0.1:7933, is nothing",
            "10:3: must be an address or a member, is a list",
            "11:13: address: member address \"\" must be 1 to 256 bytes, is 0",
            "11:25: weight: must be a whole number from 1 to 1000, is 1.5",
            "12:3: identity: \"a:1\" is another member's already, at 1:3",
            "13:3: identity: \"a:1\" is another member's already, at 1:3",
            "14:3: address: \"a:1\" is another member's already, at 1:3",
            "15:26: weight: must be a whole number from 1 to 1000, is 0; to give it no keys, leave it out",
            "15:29: key \"weight\" is given twice, first at 15:18",
            "16:9: tag !them is not understood",
        ];
        let told = told(file);
        assert_eq!(told, expected, "{told:#?}");
    }

    #[test]
    fn what_is_no_list_is_refused_as_a_whole() {
        for (file, expected) in [
            ("", "1:1: empty"),
            ("# nobody yet\n", "1:1: empty"),
            ("a:1", "1:1: must be a list of members, is a:1"),
            ("null", "1:1: must be a list of members, is nothing"),
            ("members: [a:1]", "1:1: must be a list of members, is a map"),
            ("- a:1\n---\n- b:1\n", "2:1: a second document starts here; only one is read"),
            ("[a:1, b:1", "1:1: not YAML: unclosed bracket '['"),
            (&"- a\n".repeat(MAX_MEMBERS + 1), "1:1: 10001 members, more than the 10000 allowed"),
            (&" ".repeat(MAX_MEMBER_FILE_BYTES + 1), "1:1: longer than the 4194304 bytes allowed"),
        ] {
            assert_eq!(told(file), [expected]);
        }
        let error = parse_members(b"- a:1\n- \xff\n", "members").unwrap_err();
        assert_eq!(error.to_string(), "members:2:1: not UTF-8 text");
    }

    #[test]
    fn the_longest_list_and_the_hundred_and_first_problem() {
        let full: String =
            (0..MAX_MEMBERS).map(|i| format!("- {{address: '{i}', ports: {{grpc: 1}}}}\n")).collect();
        assert_eq!(parse_members(full.as_bytes(), "").unwrap().len(), MAX_MEMBERS);
        let error = parse_members("- []\n".repeat(103).as_bytes(), "m").unwrap_err();
        assert_eq!((error.problems().len(), error.count()), (100, 103));
        assert!(error.to_string().ends_with("is a list (and 102 more problems)"));
    }

    proptest! {
        #[test]
        fn any_bytes_give_members_or_problems(
            file in "(- |\\{|\\}|\\[|\\]|,|address|identity|weight|ports|: |a:1|b|7|'|\"|\n|  |&a|\\*a|!|~|\\PC){0,40}",
            noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut file = file.into_bytes();
            for (at, byte) in noise {
                if !file.is_empty() {
                    let at = at.index(file.len());
                    file[at] = byte;
                }
            }
            if let Err(error) = parse_members(&file, "m") {
                prop_assert!(error.count() > 0 && !error.problems().is_empty());
                prop_assert!(!error.to_string().chars().any(char::is_control));
            }
        }
    }
}
