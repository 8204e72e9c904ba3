//! The ring against golden vectors computed with the Go ring.
