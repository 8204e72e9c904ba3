//! Little-endian reads at an offset. Inlined with a constant offset into an array, they compile to one load each.

#[inline(always)]
pub(super) fn fetch32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[inline(always)]
pub(super) fn fetch64(bytes: &[u8], at: usize) -> u64 {
    u64::from(fetch32(bytes, at)) | u64::from(fetch32(bytes, at + 4)) << 32
}
