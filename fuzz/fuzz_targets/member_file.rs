//! Any bytes as a member file: never a panic, never more than allowed, never half a list; and whatever a reader of JSON
//! writes back is read the same.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use shardway::{
    membership::{MAX_MEMBERS, parse_members},
    types::Member,
};

fuzz_target!(|file: &[u8]| match parse_members(file, "members") {
    Ok(members) => {
        assert!(members.len() <= MAX_MEMBERS);
        let again =
            parse_members(as_json(&members).as_bytes(), "again").expect("good members are good again");
        assert_eq!(again, members);
        let distinct = |name: fn(&Member) -> &str| members.iter().map(name).collect::<BTreeSet<_>>().len();
        assert_eq!([distinct(Member::address), distinct(Member::identity)], [members.len(); 2]);
    }
    Err(error) => {
        assert!(!error.problems().is_empty());
        let told = error.to_string();
        assert!(told.starts_with("members") && !told.contains(['\0', '\x1b']), "{told:?}");
    }
});

fn as_json(members: &[Member]) -> String {
    let text = |text: &str| {
        // Names hold no control characters, so quotes and backslashes are all there is to escape.
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let all: Vec<String> = members
        .iter()
        .map(|member| {
            let ports: Vec<_> =
                member.ports().map(|(name, port)| format!("{}: {port}", text(name))).collect();
            format!(
                "{{\"address\": {}, \"identity\": {}, \"weight\": {}, \"ports\": {{{}}}}}",
                text(member.address()),
                text(member.identity()),
                member.weight(),
                ports.join(", ")
            )
        })
        .collect();
    format!("[{}]", all.join(", "))
}
