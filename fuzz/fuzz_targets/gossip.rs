//! Any datagrams, one after the other, to a process that gossips: never a panic, never a datagram too long in return.
//! Two bytes say how long each is, so that the checked-in seeds are simply datagrams heard on a network.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shardway::membership::hear_anything;

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    hear_anything(std::iter::from_fn(|| {
        let (length, behind) = rest.split_first_chunk()?;
        let (datagram, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)).min(behind.len()));
        rest = behind;
        Some(datagram)
    }));
});
