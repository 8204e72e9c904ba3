//! The `shardway` binary.

fn main() {}
