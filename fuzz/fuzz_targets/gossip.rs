//! Any datagrams, one after the other, to a process that gossips: never a panic, never a datagram too long in return.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardway::membership::hear_anything;

fuzz_target!(|datagrams: Vec<&[u8]>| hear_anything(datagrams));
