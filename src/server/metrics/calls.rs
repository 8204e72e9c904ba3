//! Calls, by method and by how they ended.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tonic::{Code, Status};

use crate::{
    proto::v1::wire::Problem,
    telemetry::{Histogram, Recorder, metric},
};

/// What methods are called that are not served here, however they are spelled.
const UNKNOWN: &str = "unknown";
/// Most methods that are told apart: more than there are.
const MAX_METHODS: usize = 200;

/// All calls since the process began.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<BTreeMap<Box<str>, Arc<Method>>>);

#[derive(Debug, Default)]
struct Method {
    seconds: Histogram,
    open: AtomicI64,
    ends: Mutex<BTreeMap<(&'static str, &'static str), AtomicU64>>,
}

/// A call whose answer has begun; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenCall {
    method: Arc<Method>,
    /// `None`: whoever called has gone before the end.
    end: Option<(Code, &'static str)>,
}

impl Calls {
    /// The answer to a call of the method, as in `/package.Service/Method`, begins.
    pub(crate) fn begin(&self, path: &str, took: Duration, end: Option<&Status>) -> OpenCall {
        let is_unknown = end.is_some_and(|status| status.code() == Code::Unimplemented);
        let method = self.method(if is_unknown { UNKNOWN } else { path.trim_start_matches('/') });
        method.seconds.observe(took);
        method.open.fetch_add(1, Ordering::Relaxed);
        let mut call = OpenCall { method, end: None };
        if let Some(status) = end {
            call.end_with(status);
        }
        call
    }

    fn method(&self, name: &str) -> Arc<Method> {
        let mut methods = self.0.lock();
        if let Some(method) = methods.get(name) {
            return method.clone();
        }
        let name = if methods.len() < MAX_METHODS { name } else { UNKNOWN };
        methods.entry(name.into()).or_default().clone()
    }

    pub(crate) fn record(&self, to: &dyn Recorder) {
        let methods: Vec<_> =
            self.0.lock().iter().map(|(name, method)| (name.clone(), method.clone())).collect();
        for (name, method) in methods {
            let name = ("method", &*name);
            to.histogram(metric::CALL_SECONDS, &[name], &method.seconds.buckets());
            to.gauge(metric::CALLS_OPEN, &[name], method.open.load(Ordering::Relaxed) as f64);
            for ((code, reason), count) in method.ends.lock().iter() {
                let labels = [name, ("code", *code), ("reason", *reason)];
                to.counter(metric::CALLS, &labels, count.load(Ordering::Relaxed));
            }
        }
    }
}

impl OpenCall {
    /// How it ended.
    pub(crate) fn end_with(&mut self, status: &Status) {
        let problem = Problem::of_status(status);
        self.end = Some((status.code(), problem.map_or("", |problem| problem.reason().as_str_name())));
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let (code, reason) = self.end.unwrap_or((Code::Cancelled, ""));
        self.method.open.fetch_sub(1, Ordering::Relaxed);
        let key = (code_name(code), reason.strip_prefix("REASON_").unwrap_or(reason));
        self.method.ends.lock().entry(key).or_default().fetch_add(1, Ordering::Relaxed);
    }
}

/// The code as the protocol spells it, in lower case.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
