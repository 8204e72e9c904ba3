//! Any bytes as a dynamic config file: never a panic; what is accepted prints as a file that means the same; and every
//! policy that comes of it routes.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use shardway::{
    dynconfig::{Layer, Layers, MAX_PROBLEMS, Settings, Strictness},
    policy::RoutingPolicy,
    types::Namespace,
};

const KEYS: [&str; 4] = ["my-task-list", "", "550e8400-e29b-41d4-a716-446655440003", "/__cadence_sys/任务/3"];

fuzz_target!(|file: &[u8]| {
    let strict = Settings::parse("file", file, Strictness::Strict);
    let lenient = Settings::parse("file", file, Strictness::Lenient);
    if let Err(refused) = &lenient {
        let told = refused.to_string();
        assert!(told.starts_with("file") && !told.contains(['\0', '\x1b']), "{told:?}");
    }
    let Ok(strict) = strict.map_err(|refused| assert!(is_bounded(&refused), "{refused}")) else { return };
    let lenient = lenient.expect("what is right in the strict reading is right in the lenient one");
    assert_eq!(lenient.to_string(), strict.to_string());
    assert_eq!(policies(&lenient), policies(&strict));

    let printed = strict.to_string();
    let again = Settings::parse("printed", &printed, Strictness::Strict)
        .unwrap_or_else(|refused| panic!("{refused}\nin\n{printed}"));
    assert_eq!(again.to_string(), printed);
    assert_eq!(policies(&again), policies(&strict));
});

fn is_bounded(refused: &shardway::dynconfig::ConfigError) -> bool {
    match refused {
        shardway::dynconfig::ConfigError::Refused(refusal) => {
            (1..=MAX_PROBLEMS).contains(&refusal.problems().len())
                && refusal.count() >= refusal.problems().len()
        }
        _ => false,
    }
}

/// What two namespaces get, one of which no file names but by chance.
fn policies(settings: &Settings) -> [RoutingPolicy; 2] {
    let layers = Layers::new(Some("a")).with(Layer::ALL[0], Some(Arc::new(settings.clone())));
    ["orders", "x"].map(|namespace| {
        let namespace = Namespace::new(namespace).unwrap();
        assert!(!layers.explain(&namespace).is_empty());
        let policy = layers.routing_policy(&namespace);
        for key in KEYS {
            policy.route(key.as_bytes());
        }
        policy
    })
}
