//! Calls, by method and by how they ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};

use crate::{
    proto::{
        cadence,
        v1::{self, wire::Problem},
    },
    telemetry::{Histogram, Recorder, metric},
};

/// What methods are called that are not served here, however they are spelled.
const UNKNOWN: &str = "unknown";
/// What the libraries serve besides.
const BESIDES: [&str; 5] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/List",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The methods that are told apart: those that there are, so that nobody adds to them by asking for others.
static SERVED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut served: BTreeSet<String> = BESIDES.into_iter().map(str::to_owned).collect();
    for descriptors in [v1::DESCRIPTORS, cadence::DESCRIPTORS] {
        let files = FileDescriptorSet::decode(descriptors).expect("they were made by the code generator");
        for file in files.file {
            for service in &file.service {
                let methods = service
                    .method
                    .iter()
                    .map(|method| format!("{}.{}/{}", file.package(), service.name(), method.name()));
                served.extend(methods);
            }
        }
    }
    served
});

/// All calls since the process began.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<BTreeMap<Box<str>, Arc<Method>>>);

#[derive(Debug, Default)]
struct Method {
    seconds: Histogram,
    open: AtomicI64,
    ends: Mutex<BTreeMap<(&'static str, &'static str), AtomicU64>>,
}

/// A call that has not ended; it does when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenCall {
    method: Arc<Method>,
    /// `None`: whoever called has gone before the end.
    end: Option<(Code, &'static str)>,
}

impl Calls {
    /// A call begins, of the method as in `/package.Service/Method`.
    pub(crate) fn begin(&self, path: &str) -> OpenCall {
        let name = path.trim_start_matches('/');
        let name = if SERVED.contains(name) { name } else { UNKNOWN };
        let method = self.0.lock().entry(name.into()).or_default().clone();
        method.open.fetch_add(1, Ordering::Relaxed);
        OpenCall { method, end: None }
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
    /// Its answer begins, and may be all there is of it.
    pub(crate) fn answered(&mut self, took: Duration, end: Option<&Status>) {
        self.method.seconds.observe(took);
        if let Some(status) = end {
            self.end_with(status);
        }
    }

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
