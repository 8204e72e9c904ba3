// Made of proto/shardway/v1/admin.proto, proto/shardway/v1/common.proto, proto/shardway/v1/executor.proto, proto/shardway/v1/router.proto by tests/it/codegen.rs; not to be edited.
/// A state of a namespace. Ordered: first by incarnation, then by generation. Whoever has seen one never goes back to a
/// smaller one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Version {
    /// Incarnation of the store; raised when a backup is adopted.
    #[prost(uint64, tag = "1")]
    pub incarnation: u64,
    /// Raised by each commit of the namespace.
    #[prost(uint64, tag = "2")]
    pub generation: u64,
}
/// What a grant is worth: whoever writes on behalf of a shard shows it, and a store that refuses smaller ones is safe
/// from every owner of the past. Strictly grows per shard with every change of its owner, never with a renewal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Token {
    #[prost(uint64, tag = "1")]
    pub incarnation: u64,
    #[prost(uint64, tag = "2")]
    pub generation: u64,
}
/// One uninterrupted stay of an executor with a namespace. A process that starts again has another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct SessionId {
    #[prost(message, optional, tag = "1")]
    pub began: ::core::option::Option<Version>,
    /// Which of the sessions that began with that version.
    #[prost(uint32, tag = "2")]
    pub ordinal: u32,
}
/// One shard under one token.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Grant {
    #[prost(string, tag = "1")]
    pub shard: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub token: ::core::option::Option<Token>,
}
/// What an executor says about itself.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Profile {
    /// What the hash ring places it by: the name under which it stood in the old ring. Empty: its executor id.
    #[prost(string, tag = "1")]
    pub identity: ::prost::alloc::string::String,
    /// How large a share it takes, against others' weights: 1 to 1000. 0 counts as 1.
    #[prost(uint32, tag = "2")]
    pub weight: u32,
    /// At most so many shards; absent: no bound.
    #[prost(uint32, optional, tag = "3")]
    pub max_shards: ::core::option::Option<u32>,
    #[prost(string, tag = "4")]
    pub zone: ::prost::alloc::string::String,
    /// Which build it is: shards are not given to builds that are being replaced.
    #[prost(string, tag = "5")]
    pub build: ::prost::alloc::string::String,
    /// What callers need to reach it: "hostIP", "grpc", "grpc_address". At most 32 entries, 16 KiB together.
    #[prost(btree_map = "string, string", tag = "6")]
    pub metadata: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// At most so much load, in whatever unit the executor reports; absent: no bound. At most 2^40.
    #[prost(uint64, optional, tag = "7")]
    pub max_load: ::core::option::Option<u64>,
}
/// An owner, as callers see it.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Owner {
    #[prost(string, tag = "1")]
    pub executor: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub identity: ::prost::alloc::string::String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// Absent when the hash ring answers.
    #[prost(message, optional, tag = "4")]
    pub session: ::core::option::Option<SessionId>,
    /// Absent when the hash ring answers.
    #[prost(message, optional, tag = "5")]
    pub token: ::core::option::Option<Token>,
}
/// The detail of every error status of these services.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Problem {
    #[prost(enumeration = "problem::Reason", tag = "1")]
    pub reason: i32,
    /// What was wrong: the field of the request, as "beat.loads\[3\].load", or the thing that was named.
    #[prost(string, tag = "2")]
    pub subject: ::prost::alloc::string::String,
    /// What it was, shortened.
    #[prost(string, tag = "3")]
    pub value: ::prost::alloc::string::String,
    /// The rule that it breaks, or what is the case.
    #[prost(string, tag = "4")]
    pub rule: ::prost::alloc::string::String,
    /// What to do.
    #[prost(string, tag = "5")]
    pub remedy: ::prost::alloc::string::String,
    /// Who leads the namespace, if that is where to go: an address.
    #[prost(string, tag = "6")]
    pub leader: ::prost::alloc::string::String,
    /// Not before this many milliseconds. 0: not said.
    #[prost(uint32, tag = "7")]
    pub retry_after_ms: u32,
}
/// Nested message and enum types in `Problem`.
pub mod problem {
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Reason {
        Unspecified = 0,
        /// INVALID_ARGUMENT: the request breaks a rule and would do so again.
        Invalid = 1,
        /// NOT_FOUND.
        NoSuchNamespace = 2,
        NoSuchShard = 3,
        NoSuchExecutor = 4,
        /// UNAVAILABLE: worth asking again.
        Unassigned = 5,
        NotLeading = 6,
        /// This replica has lost the store, or has not found it yet: another one may know more.
        StoreAway = 7,
        /// RESOURCE_EXHAUSTED.
        Busy = 8,
        TooMany = 9,
        /// FAILED_PRECONDITION: something else has to change first.
        NeedsAdoption = 10,
        InHandover = 11,
        NotReceiving = 12,
        Frozen = 13,
        StillUnfenced = 14,
        SessionOver = 15,
        Quarantined = 16,
        NotConfirmed = 17,
        ShardDrained = 21,
        /// A replica's settings file names it.
        InSettings = 22,
        /// The namespace is of kind ring: there are no sessions, no grants and no history, and nothing is stored of it.
        IsRing = 24,
        /// ALREADY_EXISTS.
        Exists = 18,
        /// PERMISSION_DENIED.
        Denied = 19,
        /// DEADLINE_EXCEEDED.
        TooLate = 20,
        /// UNAVAILABLE: this replica is being stopped. Another one answers.
        Stopping = 23,
        /// UNAVAILABLE: the namespace was answered from a ring and is so no more, or is now. Watch it again.
        ChangedKind = 25,
    }
    impl Reason {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "REASON_UNSPECIFIED",
                Self::Invalid => "REASON_INVALID",
                Self::NoSuchNamespace => "REASON_NO_SUCH_NAMESPACE",
                Self::NoSuchShard => "REASON_NO_SUCH_SHARD",
                Self::NoSuchExecutor => "REASON_NO_SUCH_EXECUTOR",
                Self::Unassigned => "REASON_UNASSIGNED",
                Self::NotLeading => "REASON_NOT_LEADING",
                Self::StoreAway => "REASON_STORE_AWAY",
                Self::Busy => "REASON_BUSY",
                Self::TooMany => "REASON_TOO_MANY",
                Self::NeedsAdoption => "REASON_NEEDS_ADOPTION",
                Self::InHandover => "REASON_IN_HANDOVER",
                Self::NotReceiving => "REASON_NOT_RECEIVING",
                Self::Frozen => "REASON_FROZEN",
                Self::StillUnfenced => "REASON_STILL_UNFENCED",
                Self::SessionOver => "REASON_SESSION_OVER",
                Self::Quarantined => "REASON_QUARANTINED",
                Self::NotConfirmed => "REASON_NOT_CONFIRMED",
                Self::ShardDrained => "REASON_SHARD_DRAINED",
                Self::InSettings => "REASON_IN_SETTINGS",
                Self::IsRing => "REASON_IS_RING",
                Self::Exists => "REASON_EXISTS",
                Self::Denied => "REASON_DENIED",
                Self::TooLate => "REASON_TOO_LATE",
                Self::Stopping => "REASON_STOPPING",
                Self::ChangedKind => "REASON_CHANGED_KIND",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "REASON_UNSPECIFIED" => Some(Self::Unspecified),
                "REASON_INVALID" => Some(Self::Invalid),
                "REASON_NO_SUCH_NAMESPACE" => Some(Self::NoSuchNamespace),
                "REASON_NO_SUCH_SHARD" => Some(Self::NoSuchShard),
                "REASON_NO_SUCH_EXECUTOR" => Some(Self::NoSuchExecutor),
                "REASON_UNASSIGNED" => Some(Self::Unassigned),
                "REASON_NOT_LEADING" => Some(Self::NotLeading),
                "REASON_STORE_AWAY" => Some(Self::StoreAway),
                "REASON_BUSY" => Some(Self::Busy),
                "REASON_TOO_MANY" => Some(Self::TooMany),
                "REASON_NEEDS_ADOPTION" => Some(Self::NeedsAdoption),
                "REASON_IN_HANDOVER" => Some(Self::InHandover),
                "REASON_NOT_RECEIVING" => Some(Self::NotReceiving),
                "REASON_FROZEN" => Some(Self::Frozen),
                "REASON_STILL_UNFENCED" => Some(Self::StillUnfenced),
                "REASON_SESSION_OVER" => Some(Self::SessionOver),
                "REASON_QUARANTINED" => Some(Self::Quarantined),
                "REASON_NOT_CONFIRMED" => Some(Self::NotConfirmed),
                "REASON_SHARD_DRAINED" => Some(Self::ShardDrained),
                "REASON_IN_SETTINGS" => Some(Self::InSettings),
                "REASON_IS_RING" => Some(Self::IsRing),
                "REASON_EXISTS" => Some(Self::Exists),
                "REASON_DENIED" => Some(Self::Denied),
                "REASON_TOO_LATE" => Some(Self::TooLate),
                "REASON_STOPPING" => Some(Self::Stopping),
                "REASON_CHANGED_KIND" => Some(Self::ChangedKind),
                _ => None,
            }
        }
    }
}
/// Which source an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Source {
    Unspecified = 0,
    Distributor = 1,
    /// The namespace is of kind ring: its members come from a list, a file or DNS, and nobody is granted anything.
    Ring = 2,
}
impl Source {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "SOURCE_UNSPECIFIED",
            Self::Distributor => "SOURCE_DISTRIBUTOR",
            Self::Ring => "SOURCE_RING",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "SOURCE_UNSPECIFIED" => Some(Self::Unspecified),
            "SOURCE_DISTRIBUTOR" => Some(Self::Distributor),
            "SOURCE_RING" => Some(Self::Ring),
            _ => None,
        }
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct LookupRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// The shard; or, in a namespace with hashed keys, any key.
    #[prost(string, tag = "2")]
    pub key: ::prost::alloc::string::String,
    /// So many executors: the owner, then those that the ring would ask next, without a token. 0 counts as 1; at most 16.
    #[prost(uint32, tag = "3")]
    pub owners: u32,
    /// Answer only if as new as this; a replica that lags waits, within the deadline. FAILED_PRECONDITION in a namespace of
    /// kind ring, which has no versions.
    #[prost(message, optional, tag = "4")]
    pub at_least: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct LookupResponse {
    /// At least one.
    #[prost(message, repeated, tag = "1")]
    pub owners: ::prost::alloc::vec::Vec<Owner>,
    #[prost(enumeration = "Source", tag = "2")]
    pub source: i32,
    /// Absent when the hash ring answers. So it is in every answer.
    #[prost(message, optional, tag = "3")]
    pub version: ::core::option::Option<Version>,
    /// The shard that the key belongs to.
    #[prost(string, tag = "4")]
    pub shard: ::prost::alloc::string::String,
    /// This replica has lost the store: the answer was right when it last reached it, and may be out of date.
    #[prost(bool, tag = "5")]
    pub not_current: bool,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct EnsureShardRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub key: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct EnsureShardResponse {
    #[prost(message, optional, tag = "1")]
    pub owner: ::core::option::Option<Owner>,
    #[prost(message, optional, tag = "2")]
    pub version: ::core::option::Option<Version>,
    #[prost(string, tag = "3")]
    pub shard: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchRequest {
    #[prost(oneof = "watch_request::Frame", tags = "1, 2")]
    pub frame: ::core::option::Option<watch_request::Frame>,
}
/// Nested message and enum types in `WatchRequest`.
pub mod watch_request {
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Frame {
        #[prost(message, tag = "1")]
        Open(super::WatchOpen),
        #[prost(message, tag = "2")]
        Seen(super::WatchSeen),
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchOpen {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// What the client has. If the server still knows what changed since, it sends that alone; otherwise everything. A
    /// replica that is behind it says so and ends the stream, because a view never goes backwards.
    #[prost(message, optional, tag = "2")]
    pub have: ::core::option::Option<Version>,
    /// Who watches, for lists of watchers: at most 256 bytes.
    #[prost(string, tag = "3")]
    pub watcher: ::prost::alloc::string::String,
}
/// Sent after each frame that changed anything, at most once a second.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchSeen {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
    /// The policy that routes this client's lookups, so that operators see when a change has arrived everywhere.
    #[prost(uint64, tag = "2")]
    pub policy_epoch: u64,
}
/// Executors are numbered within one stream; shards name their owners by number.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct WatchPart {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
    /// Parts come in order, from 0.
    #[prost(uint32, tag = "2")]
    pub part: u32,
    #[prost(bool, tag = "3")]
    pub last: bool,
    #[prost(message, repeated, tag = "4")]
    pub executors: ::prost::alloc::vec::Vec<WatchExecutor>,
    #[prost(message, repeated, tag = "5")]
    pub shards: ::prost::alloc::vec::Vec<WatchShard>,
    /// In the first part alone.
    #[prost(message, optional, tag = "6")]
    pub policy: ::core::option::Option<WatchPolicy>,
    #[prost(uint64, tag = "7")]
    pub shard_count: u64,
    /// Callers' keys are not shards: a key's shard is xxh3(key) mod shard_count.
    #[prost(bool, tag = "8")]
    pub hashed_keys: bool,
    /// The namespace is of kind ring; in the first part alone.
    #[prost(message, optional, tag = "9")]
    pub ring: ::core::option::Option<WatchRing>,
}
/// The executors are the members of a hash ring, placed by their identities and weights. Shards are listed if the namespace
/// says how many there are; in one that does not, any key is a shard, and who has no such ring asks for its owner by Lookup.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchRing {
    /// How it places: "xxh3" or "ringpop".
    #[prost(string, tag = "1")]
    pub flavour: ::prost::alloc::string::String,
    /// Points of a member of weight 1.
    #[prost(uint32, tag = "2")]
    pub points: u32,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct WatchDelta {
    /// What it changes; a client with another version opens anew.
    #[prost(message, optional, tag = "1")]
    pub since: ::core::option::Option<Version>,
    #[prost(message, optional, tag = "2")]
    pub version: ::core::option::Option<Version>,
    /// New, or described anew.
    #[prost(message, repeated, tag = "3")]
    pub executors: ::prost::alloc::vec::Vec<WatchExecutor>,
    /// Numbers that mean nobody any more. No shard of the new map names them.
    #[prost(uint32, repeated, tag = "4")]
    pub gone_executors: ::prost::alloc::vec::Vec<u32>,
    /// New, or of another owner.
    #[prost(message, repeated, tag = "5")]
    pub shards: ::prost::alloc::vec::Vec<WatchShard>,
    /// Shards that are no more.
    #[prost(string, repeated, tag = "6")]
    pub gone_shards: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// If it changed.
    #[prost(message, optional, tag = "7")]
    pub policy: ::core::option::Option<WatchPolicy>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchIdle {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct WatchExecutor {
    #[prost(uint32, tag = "1")]
    pub number: u32,
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub session: ::core::option::Option<SessionId>,
    #[prost(message, optional, tag = "4")]
    pub profile: ::core::option::Option<Profile>,
    #[prost(enumeration = "ExecutorStanding", tag = "5")]
    pub standing: i32,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchShard {
    #[prost(string, tag = "1")]
    pub shard: ::prost::alloc::string::String,
    /// Its owner's number plus 1. 0: nobody owns it.
    #[prost(uint32, tag = "2")]
    pub owner: u32,
    #[prost(message, optional, tag = "3")]
    pub token: ::core::option::Option<Token>,
    /// The owner has been asked to let go of it.
    #[prost(bool, tag = "4")]
    pub revoking: bool,
}
/// How routers of this namespace choose between ring and distributor.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatchPolicy {
    #[prost(uint64, tag = "1")]
    pub epoch: u64,
    /// In the form of the dynamic config's file. Empty: none was set.
    #[prost(string, tag = "2")]
    pub text: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ExecutorStanding {
    Unspecified = 0,
    Active = 1,
    Draining = 2,
    /// A later process has its id; it keeps what it holds until it lets go.
    Superseded = 3,
    /// It has not beaten yet.
    Pending = 4,
}
impl ExecutorStanding {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "EXECUTOR_STANDING_UNSPECIFIED",
            Self::Active => "EXECUTOR_STANDING_ACTIVE",
            Self::Draining => "EXECUTOR_STANDING_DRAINING",
            Self::Superseded => "EXECUTOR_STANDING_SUPERSEDED",
            Self::Pending => "EXECUTOR_STANDING_PENDING",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "EXECUTOR_STANDING_UNSPECIFIED" => Some(Self::Unspecified),
            "EXECUTOR_STANDING_ACTIVE" => Some(Self::Active),
            "EXECUTOR_STANDING_DRAINING" => Some(Self::Draining),
            "EXECUTOR_STANDING_SUPERSEDED" => Some(Self::Superseded),
            "EXECUTOR_STANDING_PENDING" => Some(Self::Pending),
            _ => None,
        }
    }
}
/// Generated client implementations.
pub mod router_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    /// Answered by every replica from what it knows, not by the leader alone.
    #[derive(Debug, Clone)]
    pub struct RouterClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> RouterClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> RouterClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            RouterClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        /// Who owns a shard? Creates nothing. UNAVAILABLE while it has no owner: a shard that exists is never "not found".
        pub async fn lookup(
            &mut self,
            request: impl tonic::IntoRequest<super::LookupRequest>,
        ) -> std::result::Result<tonic::Response<super::LookupResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Router/Lookup",
            );
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Router", "Lookup"));
            self.inner.unary(req, path, codec).await
        }
        /// The same, and creates the shard if the namespace is ephemeral and has no such shard. Needs the right to create. In a
        /// namespace of kind ring every shard is there.
        pub async fn ensure_shard(
            &mut self,
            request: impl tonic::IntoRequest<super::EnsureShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::EnsureShardResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Router/EnsureShard",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Router", "EnsureShard"));
            self.inner.unary(req, path, codec).await
        }
        /// All owners of a namespace, and every change. One snapshot, in parts; then deltas, each on top of the version before
        /// it; an idle frame when nothing happened for a while, which proves that the view is current. A watcher that reads too
        /// slowly is given the newest state, not every state. The client's first frame opens; later ones acknowledge.
        pub async fn watch(
            &mut self,
            request: impl tonic::IntoStreamingRequest<Message = super::WatchRequest>,
        ) -> std::result::Result<
            tonic::Response<tonic::codec::Streaming<crate::proto::v1::WatchResponse>>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/shardway.v1.Router/Watch");
            let mut req = request.into_streaming_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Router", "Watch"));
            self.inner.streaming(req, path, codec).await
        }
    }
}
/// Generated server implementations.
pub mod router_server {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    /// Generated trait containing gRPC methods that should be implemented for use with RouterServer.
    #[async_trait]
    pub trait Router: std::marker::Send + std::marker::Sync + 'static {
        /// Who owns a shard? Creates nothing. UNAVAILABLE while it has no owner: a shard that exists is never "not found".
        async fn lookup(
            &self,
            request: tonic::Request<super::LookupRequest>,
        ) -> std::result::Result<tonic::Response<super::LookupResponse>, tonic::Status>;
        /// The same, and creates the shard if the namespace is ephemeral and has no such shard. Needs the right to create. In a
        /// namespace of kind ring every shard is there.
        async fn ensure_shard(
            &self,
            request: tonic::Request<super::EnsureShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::EnsureShardResponse>,
            tonic::Status,
        >;
        /// Server streaming response type for the Watch method.
        type WatchStream: tonic::codegen::tokio_stream::Stream<
                Item = std::result::Result<
                    crate::proto::v1::WatchResponse,
                    tonic::Status,
                >,
            >
            + std::marker::Send
            + 'static;
        /// All owners of a namespace, and every change. One snapshot, in parts; then deltas, each on top of the version before
        /// it; an idle frame when nothing happened for a while, which proves that the view is current. A watcher that reads too
        /// slowly is given the newest state, not every state. The client's first frame opens; later ones acknowledge.
        async fn watch(
            &self,
            request: tonic::Request<tonic::Streaming<super::WatchRequest>>,
        ) -> std::result::Result<tonic::Response<Self::WatchStream>, tonic::Status>;
    }
    /// Answered by every replica from what it knows, not by the leader alone.
    #[derive(Debug)]
    pub struct RouterServer<T> {
        inner: Arc<T>,
        accept_compression_encodings: EnabledCompressionEncodings,
        send_compression_encodings: EnabledCompressionEncodings,
        max_decoding_message_size: Option<usize>,
        max_encoding_message_size: Option<usize>,
    }
    impl<T> RouterServer<T> {
        pub fn new(inner: T) -> Self {
            Self::from_arc(Arc::new(inner))
        }
        pub fn from_arc(inner: Arc<T>) -> Self {
            Self {
                inner,
                accept_compression_encodings: Default::default(),
                send_compression_encodings: Default::default(),
                max_decoding_message_size: None,
                max_encoding_message_size: None,
            }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> InterceptedService<Self, F>
        where
            F: tonic::service::Interceptor,
        {
            InterceptedService::new(Self::new(inner), interceptor)
        }
        /// Enable decompressing requests with the given encoding.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.accept_compression_encodings.enable(encoding);
            self
        }
        /// Compress responses with the given encoding, if the client supports it.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.send_compression_encodings.enable(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.max_decoding_message_size = Some(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.max_encoding_message_size = Some(limit);
            self
        }
    }
    impl<T, B> tonic::codegen::Service<http::Request<B>> for RouterServer<T>
    where
        T: Router,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;
        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/shardway.v1.Router/Lookup" => {
                    #[allow(non_camel_case_types)]
                    struct LookupSvc<T: Router>(pub Arc<T>);
                    impl<T: Router> tonic::server::UnaryService<super::LookupRequest>
                    for LookupSvc<T> {
                        type Response = super::LookupResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::LookupRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Router>::lookup(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = LookupSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Router/EnsureShard" => {
                    #[allow(non_camel_case_types)]
                    struct EnsureShardSvc<T: Router>(pub Arc<T>);
                    impl<
                        T: Router,
                    > tonic::server::UnaryService<super::EnsureShardRequest>
                    for EnsureShardSvc<T> {
                        type Response = super::EnsureShardResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::EnsureShardRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Router>::ensure_shard(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = EnsureShardSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Router/Watch" => {
                    #[allow(non_camel_case_types)]
                    struct WatchSvc<T: Router>(pub Arc<T>);
                    impl<T: Router> tonic::server::StreamingService<super::WatchRequest>
                    for WatchSvc<T> {
                        type Response = crate::proto::v1::WatchResponse;
                        type ResponseStream = T::WatchStream;
                        type Future = BoxFuture<
                            tonic::Response<Self::ResponseStream>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<
                                tonic::Streaming<super::WatchRequest>,
                            >,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Router>::watch(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = WatchSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.streaming(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                _ => {
                    Box::pin(async move {
                        let mut response = http::Response::new(
                            tonic::body::Body::default(),
                        );
                        let headers = response.headers_mut();
                        headers
                            .insert(
                                tonic::Status::GRPC_STATUS,
                                (tonic::Code::Unimplemented as i32).into(),
                            );
                        headers
                            .insert(
                                http::header::CONTENT_TYPE,
                                tonic::metadata::GRPC_CONTENT_TYPE,
                            );
                        Ok(response)
                    })
                }
            }
        }
    }
    impl<T> Clone for RouterServer<T> {
        fn clone(&self) -> Self {
            let inner = self.inner.clone();
            Self {
                inner,
                accept_compression_encodings: self.accept_compression_encodings,
                send_compression_encodings: self.send_compression_encodings,
                max_decoding_message_size: self.max_decoding_message_size,
                max_encoding_message_size: self.max_encoding_message_size,
            }
        }
    }
    /// Generated gRPC service name
    pub const SERVICE_NAME: &str = "shardway.v1.Router";
    impl<T> tonic::server::NamedService for RouterServer<T> {
        const NAME: &'static str = SERVICE_NAME;
    }
}
/// How a namespace is run, as text: the same YAML as behind its name under `namespaces:` in the server's settings file,
/// as "{kind: fixed, shards: 1024}". At most 64 KiB. Answers say every setting, defaults too.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct NamespaceConfig {
    #[prost(string, tag = "1")]
    pub yaml: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Namespace {
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub config: ::core::option::Option<NamespaceConfig>,
    /// Of what this replica knows. Absent, as everything that follows from it: it knows nothing yet.
    #[prost(message, optional, tag = "3")]
    pub version: ::core::option::Option<Version>,
    #[prost(uint64, tag = "4")]
    pub shards: u64,
    #[prost(uint64, tag = "5")]
    pub unassigned_shards: u64,
    #[prost(uint64, tag = "6")]
    pub moving_shards: u64,
    #[prost(uint64, tag = "7")]
    pub quarantined_shards: u64,
    /// Those that have registered and whose id nobody else has taken.
    #[prost(uint32, tag = "8")]
    pub executors: u32,
    /// Of the replica that was asked.
    #[prost(uint32, tag = "9")]
    pub watchers: u32,
    /// The replica that leads it, and where that can be reached. Empty: nobody at the moment.
    #[prost(string, tag = "10")]
    pub leader: ::prost::alloc::string::String,
    #[prost(string, tag = "11")]
    pub leader_address: ::prost::alloc::string::String,
    /// Why nothing, or not everything, is decided at the moment:
    /// "no leader": nobody leads it, or who does has not read its history yet.
    /// "needs adoption": the store is not the one that was left, or somebody has seen a later version; see AdoptNamespace.
    /// "cannot be run": the leader cannot go on with what is stored; `trouble` says why.
    /// "damaged": part of its history cannot be read, and it is run without that; `trouble` says which rows.
    /// "frozen": an operator has frozen balance, or everything.
    /// "waiting": nothing is granted yet, because others may still hold what was granted before.
    /// "restrained": so many executors are late at once that the network is suspected; see AllowExpiry.
    /// "no members": of kind ring, and nobody is in it; `trouble` says why, if that is known.
    /// "members held": of kind ring, and so many members vanished at once that they are kept for a while.
    #[prost(string, repeated, tag = "12")]
    pub conditions: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    #[prost(string, tag = "13")]
    pub trouble: ::prost::alloc::string::String,
    #[prost(enumeration = "FreezeLevel", tag = "14")]
    pub freeze: i32,
    #[prost(uint64, tag = "15")]
    pub policy_epoch: u64,
    /// The settings file of the replica that was asked names it.
    #[prost(bool, tag = "16")]
    pub in_settings: bool,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListNamespacesRequest {
    #[prost(uint32, tag = "1")]
    pub page_size: u32,
    #[prost(string, tag = "2")]
    pub page: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListNamespacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub namespaces: ::prost::alloc::vec::Vec<Namespace>,
    #[prost(string, tag = "2")]
    pub next_page: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetNamespaceRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetNamespaceResponse {
    #[prost(message, optional, tag = "1")]
    pub namespace: ::core::option::Option<Namespace>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct CreateNamespaceRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub config: ::core::option::Option<NamespaceConfig>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct CreateNamespaceResponse {
    /// Its first. Absent: it is created, but nobody has founded it yet.
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ConfigureNamespaceRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub config: ::core::option::Option<NamespaceConfig>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ConfigureNamespaceResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct DeleteNamespaceRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// Its name once more: FAILED_PRECONDITION if it differs.
    #[prost(string, tag = "2")]
    pub confirm: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct DeleteNamespaceResponse {
    /// Its last.
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct AdoptNamespaceRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// Its name once more: FAILED_PRECONDITION if it differs.
    #[prost(string, tag = "2")]
    pub confirm: ::prost::alloc::string::String,
    /// The longest lease of an executor since the backup was made, up to an hour. Needed if it was raised since: what was
    /// granted then is held for longer than the store knows. Absent: the longest that the store knows of. The leader lease
    /// that is waited for besides is the longest that the store knows of.
    #[prost(message, optional, tag = "3")]
    pub longest_lease: ::core::option::Option<::prost_types::Duration>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct AdoptNamespaceResponse {
    /// The first of the new incarnation.
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
    /// Nothing is granted for so long.
    #[prost(message, optional, tag = "2")]
    pub wait: ::core::option::Option<::prost_types::Duration>,
}
/// One session of an executor. It has several while a process that has its id now has taken it from another that may
/// still hold shards.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ExecutorState {
    #[prost(string, tag = "1")]
    pub executor: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "2")]
    pub session: ::core::option::Option<SessionId>,
    #[prost(enumeration = "ExecutorStanding", tag = "3")]
    pub standing: i32,
    #[prost(message, optional, tag = "4")]
    pub profile: ::core::option::Option<Profile>,
    #[prost(uint32, tag = "5")]
    pub shards: u32,
    /// What its shards weigh together, as far as they were measured. Absent: the leader was not reached.
    #[prost(double, optional, tag = "6")]
    pub load: ::core::option::Option<f64>,
    /// Since the leader heard its last beat. Absent: it has not heard one, or was not reached.
    #[prost(message, optional, tag = "7")]
    pub silent_for: ::core::option::Option<::prost_types::Duration>,
    /// Since it registered, at least. Absent: the leader was not reached.
    #[prost(message, optional, tag = "8")]
    pub age: ::core::option::Option<::prost_types::Duration>,
    /// An operator has drained its executor.
    #[prost(bool, tag = "9")]
    pub drained: bool,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListExecutorsRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// Only the sessions of this executor.
    #[prost(string, tag = "4")]
    pub executor: ::prost::alloc::string::String,
    #[prost(uint32, tag = "2")]
    pub page_size: u32,
    #[prost(string, tag = "3")]
    pub page: ::prost::alloc::string::String,
}
/// In the order in which the sessions began.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListExecutorsResponse {
    #[prost(message, repeated, tag = "1")]
    pub executors: ::prost::alloc::vec::Vec<ExecutorState>,
    #[prost(string, tag = "2")]
    pub next_page: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ShardState {
    #[prost(string, tag = "1")]
    pub shard: ::prost::alloc::string::String,
    /// Empty: nobody.
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub session: ::core::option::Option<SessionId>,
    #[prost(message, optional, tag = "4")]
    pub token: ::core::option::Option<Token>,
    /// While it is being handed over: to whom, if that is decided.
    #[prost(bool, tag = "5")]
    pub revoking: bool,
    #[prost(string, tag = "6")]
    pub to: ::prost::alloc::string::String,
    /// The only executor that may have it.
    #[prost(string, tag = "7")]
    pub pin: ::prost::alloc::string::String,
    #[prost(bool, tag = "8")]
    pub quarantined: bool,
    /// Absent: it was not measured, or the leader was not reached.
    #[prost(double, optional, tag = "9")]
    pub load: ::core::option::Option<f64>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListShardsRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// Only those of this executor.
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
    /// Only those that nobody owns, that are being handed over, or that are quarantined.
    #[prost(bool, tag = "3")]
    pub only_troubled: bool,
    #[prost(uint32, tag = "4")]
    pub page_size: u32,
    #[prost(string, tag = "5")]
    pub page: ::prost::alloc::string::String,
}
/// In the order of their names as text: "10" before "2".
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListShardsResponse {
    #[prost(message, repeated, tag = "1")]
    pub shards: ::prost::alloc::vec::Vec<ShardState>,
    #[prost(string, tag = "2")]
    pub next_page: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct WatcherState {
    /// What it calls itself.
    #[prost(string, tag = "1")]
    pub watcher: ::prost::alloc::string::String,
    /// Where its connection comes from.
    #[prost(string, tag = "2")]
    pub address: ::prost::alloc::string::String,
    /// What it has said that it has in force.
    #[prost(message, optional, tag = "3")]
    pub seen: ::core::option::Option<Version>,
    #[prost(uint64, tag = "4")]
    pub policy_epoch: u64,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListWatchersRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(uint32, tag = "2")]
    pub page_size: u32,
    #[prost(string, tag = "3")]
    pub page: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListWatchersResponse {
    #[prost(message, repeated, tag = "1")]
    pub watchers: ::prost::alloc::vec::Vec<WatcherState>,
    #[prost(string, tag = "2")]
    pub next_page: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct HistoryEntry {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
    /// When the replica that was asked heard of it, by its clock.
    #[prost(message, optional, tag = "2")]
    pub at: ::core::option::Option<::prost_types::Timestamp>,
    /// What changed, a line each: at most 100. For people; programs watch.
    #[prost(string, repeated, tag = "3")]
    pub changes: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// How many changes there were.
    #[prost(uint32, tag = "4")]
    pub change_count: u32,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListHistoryRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// At most so many of the newest; 0: 20; at most 200.
    #[prost(uint32, tag = "2")]
    pub newest: u32,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListHistoryResponse {
    #[prost(message, repeated, tag = "1")]
    pub entries: ::prost::alloc::vec::Vec<HistoryEntry>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RoundState {
    /// Counted since the namespace has its present leader.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// How long ago it was held.
    #[prost(message, optional, tag = "2")]
    pub ago: ::core::option::Option<::prost_types::Duration>,
    /// How many shards were to move, by reason: "unowned", "owner_lost", "destination_lost", "pinned", "drain", "spread",
    /// "shed".
    #[prost(btree_map = "string, uint32", tag = "3")]
    pub moves: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        u32,
    >,
    /// How many were left without an owner, by reason: "no_executor", "full", "pinned", "quarantined".
    #[prost(btree_map = "string, uint32", tag = "4")]
    pub unplaced: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        u32,
    >,
    /// Shards that it quarantined, or whose quarantine it ended.
    #[prost(uint32, tag = "5")]
    pub quarantines: u32,
    /// Load of the executor with most for its weight, relative to the mean, before it. 0 without executors.
    #[prost(double, tag = "6")]
    pub max_over_mean: f64,
    /// Moves for balance's sake that it might have made at most.
    #[prost(uint32, tag = "7")]
    pub budget: u32,
    /// GetRound has it.
    #[prost(bool, tag = "8")]
    pub is_kept: bool,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListRoundsRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// At most so many of the newest; 0: 20; at most 64.
    #[prost(uint32, tag = "2")]
    pub newest: u32,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListRoundsResponse {
    #[prost(message, repeated, tag = "1")]
    pub rounds: ::prost::alloc::vec::Vec<RoundState>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetRoundRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(uint64, tag = "2")]
    pub number: u64,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetRoundResponse {
    /// As `shardway plan replay` reads it. Empty: it was too large to be kept.
    #[prost(string, tag = "1")]
    pub text: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct DrainRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct DrainResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct UndrainRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct UndrainResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct RemoveExecutorRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
    /// Its id once more: FAILED_PRECONDITION if it differs.
    #[prost(string, tag = "3")]
    pub confirm: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct RemoveExecutorResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct MayStopRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub executor: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MayStopResponse {
    /// It may be drained, and stopped once it holds nothing.
    #[prost(bool, tag = "1")]
    pub yes: bool,
    /// What speaks against it, a line each.
    #[prost(string, repeated, tag = "2")]
    pub reasons: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Shards that it owns, and how many of them are on their way to others already.
    #[prost(uint32, tag = "3")]
    pub holds: u32,
    #[prost(uint32, tag = "4")]
    pub moving_away: u32,
    /// Load of the then fullest executor for its weight, relative to the mean, once its shards are with the others.
    #[prost(double, tag = "5")]
    pub max_over_mean_after: f64,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct MoveShardRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub shard: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub to: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct MoveShardResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PinShardRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub shard: ::prost::alloc::string::String,
    /// Empty: anybody may have it again.
    #[prost(string, tag = "3")]
    pub executor: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PinShardResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReleaseShardRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub shard: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReleaseShardResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct FreezeRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(enumeration = "FreezeLevel", tag = "2")]
    pub level: i32,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct FreezeResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct AllowExpiryRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct AllowExpiryResponse {
    #[prost(message, optional, tag = "1")]
    pub version: ::core::option::Option<Version>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetPolicyRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetPolicyResponse {
    #[prost(message, optional, tag = "1")]
    pub policy: ::core::option::Option<WatchPolicy>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct SetPolicyRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// In the form of the dynamic config's file, at most 64 KiB; checked as a whole, and refused with all that is wrong.
    /// Empty: none is set, and routers follow their own files and the defaults.
    #[prost(string, tag = "2")]
    pub text: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct SetPolicyResponse {
    #[prost(message, optional, tag = "1")]
    pub policy: ::core::option::Option<WatchPolicy>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PlannedMove {
    #[prost(string, tag = "1")]
    pub shard: ::prost::alloc::string::String,
    /// Empty: nobody.
    #[prost(string, tag = "2")]
    pub from: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub to: ::prost::alloc::string::String,
    /// As in RoundState.
    #[prost(string, tag = "4")]
    pub reason: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PreviewPlanRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PreviewPlanResponse {
    /// At most 1000.
    #[prost(message, repeated, tag = "1")]
    pub moves: ::prost::alloc::vec::Vec<PlannedMove>,
    /// How many moves there were.
    #[prost(uint32, tag = "2")]
    pub move_count: u32,
    /// What it would follow.
    #[prost(message, optional, tag = "3")]
    pub version: ::core::option::Option<Version>,
    /// All that it would read and decide, as `shardway plan replay` reads it. Empty: that is too large to be kept.
    #[prost(string, tag = "4")]
    pub text: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ReplicaState {
    #[prost(string, tag = "1")]
    pub replica: ::prost::alloc::string::String,
    /// Where it can be reached.
    #[prost(string, tag = "2")]
    pub address: ::prost::alloc::string::String,
    #[prost(string, repeated, tag = "3")]
    pub leads: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    #[prost(bool, tag = "4")]
    pub is_self: bool,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ListReplicasRequest {}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListReplicasResponse {
    #[prost(message, repeated, tag = "1")]
    pub replicas: ::prost::alloc::vec::Vec<ReplicaState>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ResignLeadershipRequest {
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ResignLeadershipResponse {}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum FreezeLevel {
    Unspecified = 0,
    Off = 1,
    /// Repairs and drains, but does not balance.
    Balance = 2,
    /// Decides nothing: what loses its owner stays without one.
    All = 3,
}
impl FreezeLevel {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "FREEZE_LEVEL_UNSPECIFIED",
            Self::Off => "FREEZE_LEVEL_OFF",
            Self::Balance => "FREEZE_LEVEL_BALANCE",
            Self::All => "FREEZE_LEVEL_ALL",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "FREEZE_LEVEL_UNSPECIFIED" => Some(Self::Unspecified),
            "FREEZE_LEVEL_OFF" => Some(Self::Off),
            "FREEZE_LEVEL_BALANCE" => Some(Self::Balance),
            "FREEZE_LEVEL_ALL" => Some(Self::All),
            _ => None,
        }
    }
}
/// Generated client implementations.
pub mod admin_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    /// Every replica answers reads, from what it knows. What only a namespace's leader knows (loads, silence, some
    /// conditions) it asks the leader for, and leaves out if the leader does not answer within half a second. Changes are
    /// passed on to the leader, stored, then answered with the version that has them; asked again, they change nothing
    /// more. If nobody leads they wait for a leader as long as their caller does.
    ///
    /// Lists come in pages: `page_size` (0: 100, at most 1000) and the `next_page` of the last answer; without one there is
    /// no more. A page may hold fewer than were asked for, even none, and still have a next one. What changes while pages
    /// are fetched may be missed; what stays is told once.
    ///
    /// A namespace of kind ring is told of by every replica for itself: its members as executors, and its shards, if it says how
    /// many there are. What else there is to ask or to change takes grants, and is FAILED_PRECONDITION.
    ///
    /// What breaks a rule is refused with INVALID_ARGUMENT, which names the field, what it was and the rule; nothing was
    /// changed.
    #[derive(Debug, Clone)]
    pub struct AdminClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> AdminClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> AdminClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            AdminClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        pub async fn list_namespaces(
            &mut self,
            request: impl tonic::IntoRequest<super::ListNamespacesRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListNamespacesResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListNamespaces",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListNamespaces"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn get_namespace(
            &mut self,
            request: impl tonic::IntoRequest<super::GetNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetNamespaceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/GetNamespace",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "GetNamespace"));
            self.inner.unary(req, path, codec).await
        }
        /// Founds a namespace on all replicas, without a restart of any. ALREADY_EXISTS if there is one of this name. One of kind
        /// ring is no hindrance: what is founded takes its place.
        pub async fn create_namespace(
            &mut self,
            request: impl tonic::IntoRequest<super::CreateNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::CreateNamespaceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/CreateNamespace",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "CreateNamespace"));
            self.inner.unary(req, path, codec).await
        }
        /// Replaces the whole configuration: what the text does not say becomes the default. From then on it counts, whatever
        /// a replica's settings file says of the namespace. Kind and keys stay; a fixed namespace may grow.
        pub async fn configure_namespace(
            &mut self,
            request: impl tonic::IntoRequest<super::ConfigureNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ConfigureNamespaceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ConfigureNamespace",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ConfigureNamespace"));
            self.inner.unary(req, path, codec).await
        }
        /// Forgets a namespace with all its shards, on all replicas. What it granted stays out of use: a namespace that is
        /// created anew under its name grants greater tokens only, and none before every old lease is over.
        /// FAILED_PRECONDITION while the settings file of a replica that runs names it, because that replica would found it
        /// anew when it starts again.
        pub async fn delete_namespace(
            &mut self,
            request: impl tonic::IntoRequest<super::DeleteNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DeleteNamespaceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/DeleteNamespace",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "DeleteNamespace"));
            self.inner.unary(req, path, codec).await
        }
        /// Takes a store as it is that executors have seen later versions of: a restored backup. All sessions are void, and
        /// nothing is granted for a lease, after a leader's.
        pub async fn adopt_namespace(
            &mut self,
            request: impl tonic::IntoRequest<super::AdoptNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::AdoptNamespaceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/AdoptNamespace",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "AdoptNamespace"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn list_executors(
            &mut self,
            request: impl tonic::IntoRequest<super::ListExecutorsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListExecutorsResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListExecutors",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListExecutors"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn list_shards(
            &mut self,
            request: impl tonic::IntoRequest<super::ListShardsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListShardsResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListShards",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListShards"));
            self.inner.unary(req, path, codec).await
        }
        /// Those of the replica that is asked.
        pub async fn list_watchers(
            &mut self,
            request: impl tonic::IntoRequest<super::ListWatchersRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListWatchersResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListWatchers",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListWatchers"));
            self.inner.unary(req, path, codec).await
        }
        /// The newest commits, the newest last, as far as the replica that is asked has seen them since it began.
        pub async fn list_history(
            &mut self,
            request: impl tonic::IntoRequest<super::ListHistoryRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListHistoryResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListHistory",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListHistory"));
            self.inner.unary(req, path, codec).await
        }
        /// The newest planning rounds, the newest last, since the namespace has its present leader.
        pub async fn list_rounds(
            &mut self,
            request: impl tonic::IntoRequest<super::ListRoundsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListRoundsResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListRounds",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListRounds"));
            self.inner.unary(req, path, codec).await
        }
        /// All that one of them read and decided.
        pub async fn get_round(
            &mut self,
            request: impl tonic::IntoRequest<super::GetRoundRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetRoundResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/GetRound",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "GetRound"));
            self.inner.unary(req, path, codec).await
        }
        /// Takes all shards away from an executor and gives it none, whichever process has its id, until it is undrained.
        pub async fn drain(
            &mut self,
            request: impl tonic::IntoRequest<super::DrainRequest>,
        ) -> std::result::Result<tonic::Response<super::DrainResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/shardway.v1.Admin/Drain");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Admin", "Drain"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn undrain(
            &mut self,
            request: impl tonic::IntoRequest<super::UndrainRequest>,
        ) -> std::result::Result<
            tonic::Response<super::UndrainResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/Undrain",
            );
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Admin", "Undrain"));
            self.inner.unary(req, path, codec).await
        }
        /// Ends an executor's session as if it had not been heard any more; what it holds is lost to it after a lease.
        pub async fn remove_executor(
            &mut self,
            request: impl tonic::IntoRequest<super::RemoveExecutorRequest>,
        ) -> std::result::Result<
            tonic::Response<super::RemoveExecutorResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/RemoveExecutor",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "RemoveExecutor"));
            self.inner.unary(req, path, codec).await
        }
        /// May this executor be stopped now, and if not, why?
        pub async fn may_stop(
            &mut self,
            request: impl tonic::IntoRequest<super::MayStopRequest>,
        ) -> std::result::Result<
            tonic::Response<super::MayStopResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/MayStop",
            );
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Admin", "MayStop"));
            self.inner.unary(req, path, codec).await
        }
        /// Hands a shard over to an executor that is active, was heard lately and has room for it. A quarantine ends with it.
        pub async fn move_shard(
            &mut self,
            request: impl tonic::IntoRequest<super::MoveShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::MoveShardResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/MoveShard",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "MoveShard"));
            self.inner.unary(req, path, codec).await
        }
        /// Lets only this executor have the shard, be it there or not. Nothing undoes a pin but an operator.
        pub async fn pin_shard(
            &mut self,
            request: impl tonic::IntoRequest<super::PinShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::PinShardResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/PinShard",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "PinShard"));
            self.inner.unary(req, path, codec).await
        }
        /// Lets a shard be given out again whose owners crashed one after another.
        pub async fn release_shard(
            &mut self,
            request: impl tonic::IntoRequest<super::ReleaseShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ReleaseShardResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ReleaseShard",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ReleaseShard"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn freeze(
            &mut self,
            request: impl tonic::IntoRequest<super::FreezeRequest>,
        ) -> std::result::Result<tonic::Response<super::FreezeResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static("/shardway.v1.Admin/Freeze");
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Admin", "Freeze"));
            self.inner.unary(req, path, codec).await
        }
        /// Lets sessions expire that are held back because so many are late that the network is suspected. In a namespace of kind
        /// ring: lets members go that are held because so many vanished at once, at the replica that is asked.
        pub async fn allow_expiry(
            &mut self,
            request: impl tonic::IntoRequest<super::AllowExpiryRequest>,
        ) -> std::result::Result<
            tonic::Response<super::AllowExpiryResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/AllowExpiry",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "AllowExpiry"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn get_policy(
            &mut self,
            request: impl tonic::IntoRequest<super::GetPolicyRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetPolicyResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/GetPolicy",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "GetPolicy"));
            self.inner.unary(req, path, codec).await
        }
        pub async fn set_policy(
            &mut self,
            request: impl tonic::IntoRequest<super::SetPolicyRequest>,
        ) -> std::result::Result<
            tonic::Response<super::SetPolicyResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/SetPolicy",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "SetPolicy"));
            self.inner.unary(req, path, codec).await
        }
        /// What the next round would do, without doing it.
        pub async fn preview_plan(
            &mut self,
            request: impl tonic::IntoRequest<super::PreviewPlanRequest>,
        ) -> std::result::Result<
            tonic::Response<super::PreviewPlanResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/PreviewPlan",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "PreviewPlan"));
            self.inner.unary(req, path, codec).await
        }
        /// The replicas that live, and who leads what.
        pub async fn list_replicas(
            &mut self,
            request: impl tonic::IntoRequest<super::ListReplicasRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListReplicasResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ListReplicas",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ListReplicas"));
            self.inner.unary(req, path, codec).await
        }
        /// Lets another replica lead the namespace, as soon as nothing is on its way to the store. The one that leads takes it
        /// again only if nobody else has for a leader lease.
        pub async fn resign_leadership(
            &mut self,
            request: impl tonic::IntoRequest<super::ResignLeadershipRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ResignLeadershipResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Admin/ResignLeadership",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Admin", "ResignLeadership"));
            self.inner.unary(req, path, codec).await
        }
    }
}
/// Generated server implementations.
pub mod admin_server {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    /// Generated trait containing gRPC methods that should be implemented for use with AdminServer.
    #[async_trait]
    pub trait Admin: std::marker::Send + std::marker::Sync + 'static {
        async fn list_namespaces(
            &self,
            request: tonic::Request<super::ListNamespacesRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListNamespacesResponse>,
            tonic::Status,
        >;
        async fn get_namespace(
            &self,
            request: tonic::Request<super::GetNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetNamespaceResponse>,
            tonic::Status,
        >;
        /// Founds a namespace on all replicas, without a restart of any. ALREADY_EXISTS if there is one of this name. One of kind
        /// ring is no hindrance: what is founded takes its place.
        async fn create_namespace(
            &self,
            request: tonic::Request<super::CreateNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::CreateNamespaceResponse>,
            tonic::Status,
        >;
        /// Replaces the whole configuration: what the text does not say becomes the default. From then on it counts, whatever
        /// a replica's settings file says of the namespace. Kind and keys stay; a fixed namespace may grow.
        async fn configure_namespace(
            &self,
            request: tonic::Request<super::ConfigureNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ConfigureNamespaceResponse>,
            tonic::Status,
        >;
        /// Forgets a namespace with all its shards, on all replicas. What it granted stays out of use: a namespace that is
        /// created anew under its name grants greater tokens only, and none before every old lease is over.
        /// FAILED_PRECONDITION while the settings file of a replica that runs names it, because that replica would found it
        /// anew when it starts again.
        async fn delete_namespace(
            &self,
            request: tonic::Request<super::DeleteNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DeleteNamespaceResponse>,
            tonic::Status,
        >;
        /// Takes a store as it is that executors have seen later versions of: a restored backup. All sessions are void, and
        /// nothing is granted for a lease, after a leader's.
        async fn adopt_namespace(
            &self,
            request: tonic::Request<super::AdoptNamespaceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::AdoptNamespaceResponse>,
            tonic::Status,
        >;
        async fn list_executors(
            &self,
            request: tonic::Request<super::ListExecutorsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListExecutorsResponse>,
            tonic::Status,
        >;
        async fn list_shards(
            &self,
            request: tonic::Request<super::ListShardsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListShardsResponse>,
            tonic::Status,
        >;
        /// Those of the replica that is asked.
        async fn list_watchers(
            &self,
            request: tonic::Request<super::ListWatchersRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListWatchersResponse>,
            tonic::Status,
        >;
        /// The newest commits, the newest last, as far as the replica that is asked has seen them since it began.
        async fn list_history(
            &self,
            request: tonic::Request<super::ListHistoryRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListHistoryResponse>,
            tonic::Status,
        >;
        /// The newest planning rounds, the newest last, since the namespace has its present leader.
        async fn list_rounds(
            &self,
            request: tonic::Request<super::ListRoundsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListRoundsResponse>,
            tonic::Status,
        >;
        /// All that one of them read and decided.
        async fn get_round(
            &self,
            request: tonic::Request<super::GetRoundRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetRoundResponse>,
            tonic::Status,
        >;
        /// Takes all shards away from an executor and gives it none, whichever process has its id, until it is undrained.
        async fn drain(
            &self,
            request: tonic::Request<super::DrainRequest>,
        ) -> std::result::Result<tonic::Response<super::DrainResponse>, tonic::Status>;
        async fn undrain(
            &self,
            request: tonic::Request<super::UndrainRequest>,
        ) -> std::result::Result<tonic::Response<super::UndrainResponse>, tonic::Status>;
        /// Ends an executor's session as if it had not been heard any more; what it holds is lost to it after a lease.
        async fn remove_executor(
            &self,
            request: tonic::Request<super::RemoveExecutorRequest>,
        ) -> std::result::Result<
            tonic::Response<super::RemoveExecutorResponse>,
            tonic::Status,
        >;
        /// May this executor be stopped now, and if not, why?
        async fn may_stop(
            &self,
            request: tonic::Request<super::MayStopRequest>,
        ) -> std::result::Result<tonic::Response<super::MayStopResponse>, tonic::Status>;
        /// Hands a shard over to an executor that is active, was heard lately and has room for it. A quarantine ends with it.
        async fn move_shard(
            &self,
            request: tonic::Request<super::MoveShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::MoveShardResponse>,
            tonic::Status,
        >;
        /// Lets only this executor have the shard, be it there or not. Nothing undoes a pin but an operator.
        async fn pin_shard(
            &self,
            request: tonic::Request<super::PinShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::PinShardResponse>,
            tonic::Status,
        >;
        /// Lets a shard be given out again whose owners crashed one after another.
        async fn release_shard(
            &self,
            request: tonic::Request<super::ReleaseShardRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ReleaseShardResponse>,
            tonic::Status,
        >;
        async fn freeze(
            &self,
            request: tonic::Request<super::FreezeRequest>,
        ) -> std::result::Result<tonic::Response<super::FreezeResponse>, tonic::Status>;
        /// Lets sessions expire that are held back because so many are late that the network is suspected. In a namespace of kind
        /// ring: lets members go that are held because so many vanished at once, at the replica that is asked.
        async fn allow_expiry(
            &self,
            request: tonic::Request<super::AllowExpiryRequest>,
        ) -> std::result::Result<
            tonic::Response<super::AllowExpiryResponse>,
            tonic::Status,
        >;
        async fn get_policy(
            &self,
            request: tonic::Request<super::GetPolicyRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetPolicyResponse>,
            tonic::Status,
        >;
        async fn set_policy(
            &self,
            request: tonic::Request<super::SetPolicyRequest>,
        ) -> std::result::Result<
            tonic::Response<super::SetPolicyResponse>,
            tonic::Status,
        >;
        /// What the next round would do, without doing it.
        async fn preview_plan(
            &self,
            request: tonic::Request<super::PreviewPlanRequest>,
        ) -> std::result::Result<
            tonic::Response<super::PreviewPlanResponse>,
            tonic::Status,
        >;
        /// The replicas that live, and who leads what.
        async fn list_replicas(
            &self,
            request: tonic::Request<super::ListReplicasRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListReplicasResponse>,
            tonic::Status,
        >;
        /// Lets another replica lead the namespace, as soon as nothing is on its way to the store. The one that leads takes it
        /// again only if nobody else has for a leader lease.
        async fn resign_leadership(
            &self,
            request: tonic::Request<super::ResignLeadershipRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ResignLeadershipResponse>,
            tonic::Status,
        >;
    }
    /// Every replica answers reads, from what it knows. What only a namespace's leader knows (loads, silence, some
    /// conditions) it asks the leader for, and leaves out if the leader does not answer within half a second. Changes are
    /// passed on to the leader, stored, then answered with the version that has them; asked again, they change nothing
    /// more. If nobody leads they wait for a leader as long as their caller does.
    ///
    /// Lists come in pages: `page_size` (0: 100, at most 1000) and the `next_page` of the last answer; without one there is
    /// no more. A page may hold fewer than were asked for, even none, and still have a next one. What changes while pages
    /// are fetched may be missed; what stays is told once.
    ///
    /// A namespace of kind ring is told of by every replica for itself: its members as executors, and its shards, if it says how
    /// many there are. What else there is to ask or to change takes grants, and is FAILED_PRECONDITION.
    ///
    /// What breaks a rule is refused with INVALID_ARGUMENT, which names the field, what it was and the rule; nothing was
    /// changed.
    #[derive(Debug)]
    pub struct AdminServer<T> {
        inner: Arc<T>,
        accept_compression_encodings: EnabledCompressionEncodings,
        send_compression_encodings: EnabledCompressionEncodings,
        max_decoding_message_size: Option<usize>,
        max_encoding_message_size: Option<usize>,
    }
    impl<T> AdminServer<T> {
        pub fn new(inner: T) -> Self {
            Self::from_arc(Arc::new(inner))
        }
        pub fn from_arc(inner: Arc<T>) -> Self {
            Self {
                inner,
                accept_compression_encodings: Default::default(),
                send_compression_encodings: Default::default(),
                max_decoding_message_size: None,
                max_encoding_message_size: None,
            }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> InterceptedService<Self, F>
        where
            F: tonic::service::Interceptor,
        {
            InterceptedService::new(Self::new(inner), interceptor)
        }
        /// Enable decompressing requests with the given encoding.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.accept_compression_encodings.enable(encoding);
            self
        }
        /// Compress responses with the given encoding, if the client supports it.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.send_compression_encodings.enable(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.max_decoding_message_size = Some(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.max_encoding_message_size = Some(limit);
            self
        }
    }
    impl<T, B> tonic::codegen::Service<http::Request<B>> for AdminServer<T>
    where
        T: Admin,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;
        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/shardway.v1.Admin/ListNamespaces" => {
                    #[allow(non_camel_case_types)]
                    struct ListNamespacesSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ListNamespacesRequest>
                    for ListNamespacesSvc<T> {
                        type Response = super::ListNamespacesResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListNamespacesRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_namespaces(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListNamespacesSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/GetNamespace" => {
                    #[allow(non_camel_case_types)]
                    struct GetNamespaceSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::GetNamespaceRequest>
                    for GetNamespaceSvc<T> {
                        type Response = super::GetNamespaceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::GetNamespaceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::get_namespace(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetNamespaceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/CreateNamespace" => {
                    #[allow(non_camel_case_types)]
                    struct CreateNamespaceSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::CreateNamespaceRequest>
                    for CreateNamespaceSvc<T> {
                        type Response = super::CreateNamespaceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::CreateNamespaceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::create_namespace(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = CreateNamespaceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ConfigureNamespace" => {
                    #[allow(non_camel_case_types)]
                    struct ConfigureNamespaceSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ConfigureNamespaceRequest>
                    for ConfigureNamespaceSvc<T> {
                        type Response = super::ConfigureNamespaceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ConfigureNamespaceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::configure_namespace(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ConfigureNamespaceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/DeleteNamespace" => {
                    #[allow(non_camel_case_types)]
                    struct DeleteNamespaceSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::DeleteNamespaceRequest>
                    for DeleteNamespaceSvc<T> {
                        type Response = super::DeleteNamespaceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::DeleteNamespaceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::delete_namespace(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = DeleteNamespaceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/AdoptNamespace" => {
                    #[allow(non_camel_case_types)]
                    struct AdoptNamespaceSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::AdoptNamespaceRequest>
                    for AdoptNamespaceSvc<T> {
                        type Response = super::AdoptNamespaceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::AdoptNamespaceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::adopt_namespace(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = AdoptNamespaceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ListExecutors" => {
                    #[allow(non_camel_case_types)]
                    struct ListExecutorsSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ListExecutorsRequest>
                    for ListExecutorsSvc<T> {
                        type Response = super::ListExecutorsResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListExecutorsRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_executors(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListExecutorsSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ListShards" => {
                    #[allow(non_camel_case_types)]
                    struct ListShardsSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::ListShardsRequest>
                    for ListShardsSvc<T> {
                        type Response = super::ListShardsResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListShardsRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_shards(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListShardsSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ListWatchers" => {
                    #[allow(non_camel_case_types)]
                    struct ListWatchersSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ListWatchersRequest>
                    for ListWatchersSvc<T> {
                        type Response = super::ListWatchersResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListWatchersRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_watchers(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListWatchersSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ListHistory" => {
                    #[allow(non_camel_case_types)]
                    struct ListHistorySvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::ListHistoryRequest>
                    for ListHistorySvc<T> {
                        type Response = super::ListHistoryResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListHistoryRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_history(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListHistorySvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ListRounds" => {
                    #[allow(non_camel_case_types)]
                    struct ListRoundsSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::ListRoundsRequest>
                    for ListRoundsSvc<T> {
                        type Response = super::ListRoundsResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListRoundsRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_rounds(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListRoundsSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/GetRound" => {
                    #[allow(non_camel_case_types)]
                    struct GetRoundSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::GetRoundRequest>
                    for GetRoundSvc<T> {
                        type Response = super::GetRoundResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::GetRoundRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::get_round(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetRoundSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/Drain" => {
                    #[allow(non_camel_case_types)]
                    struct DrainSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::DrainRequest>
                    for DrainSvc<T> {
                        type Response = super::DrainResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::DrainRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::drain(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = DrainSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/Undrain" => {
                    #[allow(non_camel_case_types)]
                    struct UndrainSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::UndrainRequest>
                    for UndrainSvc<T> {
                        type Response = super::UndrainResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::UndrainRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::undrain(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = UndrainSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/RemoveExecutor" => {
                    #[allow(non_camel_case_types)]
                    struct RemoveExecutorSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::RemoveExecutorRequest>
                    for RemoveExecutorSvc<T> {
                        type Response = super::RemoveExecutorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::RemoveExecutorRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::remove_executor(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = RemoveExecutorSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/MayStop" => {
                    #[allow(non_camel_case_types)]
                    struct MayStopSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::MayStopRequest>
                    for MayStopSvc<T> {
                        type Response = super::MayStopResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::MayStopRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::may_stop(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = MayStopSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/MoveShard" => {
                    #[allow(non_camel_case_types)]
                    struct MoveShardSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::MoveShardRequest>
                    for MoveShardSvc<T> {
                        type Response = super::MoveShardResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::MoveShardRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::move_shard(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = MoveShardSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/PinShard" => {
                    #[allow(non_camel_case_types)]
                    struct PinShardSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::PinShardRequest>
                    for PinShardSvc<T> {
                        type Response = super::PinShardResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::PinShardRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::pin_shard(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = PinShardSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ReleaseShard" => {
                    #[allow(non_camel_case_types)]
                    struct ReleaseShardSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ReleaseShardRequest>
                    for ReleaseShardSvc<T> {
                        type Response = super::ReleaseShardResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ReleaseShardRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::release_shard(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ReleaseShardSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/Freeze" => {
                    #[allow(non_camel_case_types)]
                    struct FreezeSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::FreezeRequest>
                    for FreezeSvc<T> {
                        type Response = super::FreezeResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::FreezeRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::freeze(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = FreezeSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/AllowExpiry" => {
                    #[allow(non_camel_case_types)]
                    struct AllowExpirySvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::AllowExpiryRequest>
                    for AllowExpirySvc<T> {
                        type Response = super::AllowExpiryResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::AllowExpiryRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::allow_expiry(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = AllowExpirySvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/GetPolicy" => {
                    #[allow(non_camel_case_types)]
                    struct GetPolicySvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::GetPolicyRequest>
                    for GetPolicySvc<T> {
                        type Response = super::GetPolicyResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::GetPolicyRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::get_policy(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetPolicySvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/SetPolicy" => {
                    #[allow(non_camel_case_types)]
                    struct SetPolicySvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::SetPolicyRequest>
                    for SetPolicySvc<T> {
                        type Response = super::SetPolicyResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::SetPolicyRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::set_policy(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = SetPolicySvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/PreviewPlan" => {
                    #[allow(non_camel_case_types)]
                    struct PreviewPlanSvc<T: Admin>(pub Arc<T>);
                    impl<T: Admin> tonic::server::UnaryService<super::PreviewPlanRequest>
                    for PreviewPlanSvc<T> {
                        type Response = super::PreviewPlanResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::PreviewPlanRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::preview_plan(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = PreviewPlanSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ListReplicas" => {
                    #[allow(non_camel_case_types)]
                    struct ListReplicasSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ListReplicasRequest>
                    for ListReplicasSvc<T> {
                        type Response = super::ListReplicasResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ListReplicasRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::list_replicas(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ListReplicasSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Admin/ResignLeadership" => {
                    #[allow(non_camel_case_types)]
                    struct ResignLeadershipSvc<T: Admin>(pub Arc<T>);
                    impl<
                        T: Admin,
                    > tonic::server::UnaryService<super::ResignLeadershipRequest>
                    for ResignLeadershipSvc<T> {
                        type Response = super::ResignLeadershipResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ResignLeadershipRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Admin>::resign_leadership(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ResignLeadershipSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                _ => {
                    Box::pin(async move {
                        let mut response = http::Response::new(
                            tonic::body::Body::default(),
                        );
                        let headers = response.headers_mut();
                        headers
                            .insert(
                                tonic::Status::GRPC_STATUS,
                                (tonic::Code::Unimplemented as i32).into(),
                            );
                        headers
                            .insert(
                                http::header::CONTENT_TYPE,
                                tonic::metadata::GRPC_CONTENT_TYPE,
                            );
                        Ok(response)
                    })
                }
            }
        }
    }
    impl<T> Clone for AdminServer<T> {
        fn clone(&self) -> Self {
            let inner = self.inner.clone();
            Self {
                inner,
                accept_compression_encodings: self.accept_compression_encodings,
                send_compression_encodings: self.send_compression_encodings,
                max_decoding_message_size: self.max_decoding_message_size,
                max_encoding_message_size: self.max_encoding_message_size,
            }
        }
    }
    /// Generated gRPC service name
    pub const SERVICE_NAME: &str = "shardway.v1.Admin";
    impl<T> tonic::server::NamedService for AdminServer<T> {
        const NAME: &'static str = SERVICE_NAME;
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SessionRequest {
    /// In the first frame; later ones may leave it out.
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    #[prost(oneof = "session_request::Frame", tags = "2, 3, 4")]
    pub frame: ::core::option::Option<session_request::Frame>,
}
/// Nested message and enum types in `SessionRequest`.
pub mod session_request {
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum Frame {
        #[prost(message, tag = "2")]
        Register(super::Register),
        #[prost(message, tag = "3")]
        Beat(super::Beat),
        #[prost(message, tag = "4")]
        Leave(super::Leave),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SessionResponse {
    #[prost(oneof = "session_response::Frame", tags = "1, 2, 3, 4, 5")]
    pub frame: ::core::option::Option<session_response::Frame>,
}
/// Nested message and enum types in `SessionResponse`.
pub mod session_response {
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum Frame {
        #[prost(message, tag = "1")]
        Registered(super::Registered),
        #[prost(message, tag = "2")]
        Refused(super::Refused),
        #[prost(message, tag = "3")]
        Acknowledged(super::Acknowledged),
        #[prost(message, tag = "4")]
        Assigned(super::Assigned),
        #[prost(message, tag = "5")]
        Ended(super::Ended),
    }
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BeatRequest {
    #[prost(message, optional, tag = "1")]
    pub frame: ::core::option::Option<SessionRequest>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BeatResponse {
    /// The answer, then what was pushed. Empty: nothing is to be said, which happens only to repetitions.
    #[prost(message, repeated, tag = "1")]
    pub frames: ::prost::alloc::vec::Vec<SessionResponse>,
}
/// Asks for a session. Repeated, with a greater attempt, until answered.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Register {
    #[prost(string, tag = "1")]
    pub executor: ::prost::alloc::string::String,
    /// Chosen at random for each session that is asked for: the same nonce gets the same session.
    #[prost(fixed64, tag = "2")]
    pub nonce: u64,
    /// Raised with each repetition: an older attempt changes nothing.
    #[prost(uint32, tag = "3")]
    pub attempt: u32,
    #[prost(message, optional, tag = "4")]
    pub profile: ::core::option::Option<Profile>,
    /// The greatest version ever seen.
    #[prost(message, optional, tag = "5")]
    pub seen: ::core::option::Option<Version>,
}
/// A sign of life, with what has changed since the one that was acknowledged last. One is outstanding at a time.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Beat {
    #[prost(message, optional, tag = "1")]
    pub session: ::core::option::Option<SessionId>,
    /// Grows with each beat.
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    /// The version of the assignments in force.
    #[prost(message, optional, tag = "3")]
    pub applied: ::core::option::Option<Version>,
    /// The greatest version ever seen.
    #[prost(message, optional, tag = "4")]
    pub seen: ::core::option::Option<Version>,
    /// Whether it wants to be rid of its shards.
    #[prost(bool, tag = "5")]
    pub draining: bool,
    #[prost(message, repeated, tag = "6")]
    pub loads: ::prost::alloc::vec::Vec<ShardLoad>,
    /// What it holds no longer. Repeated until an assignment shows that it arrived. Absence releases nothing.
    #[prost(message, repeated, tag = "7")]
    pub released: ::prost::alloc::vec::Vec<Grant>,
    /// Ephemeral shards that are of no use any more. Repeated as well.
    #[prost(message, repeated, tag = "8")]
    pub done: ::prost::alloc::vec::Vec<Grant>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ShardLoad {
    #[prost(string, tag = "1")]
    pub shard: ::prost::alloc::string::String,
    /// Finite, not negative, in any unit that is the same for all.
    #[prost(double, tag = "2")]
    pub load: f64,
}
/// Everything has been stopped; the session is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Leave {
    #[prost(message, optional, tag = "1")]
    pub session: ::core::option::Option<SessionId>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Registered {
    #[prost(fixed64, tag = "1")]
    pub nonce: u64,
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    #[prost(message, optional, tag = "3")]
    pub session: ::core::option::Option<SessionId>,
    #[prost(message, optional, tag = "4")]
    pub pace: ::core::option::Option<Pace>,
}
/// What an acknowledgement promises, and what is expected of the executor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Pace {
    /// How long shards may be held, by the executor's own clock, which must count suspend, from when it *sent* what this
    /// answers. What clocks may be off is taken off already.
    #[prost(message, optional, tag = "1")]
    pub hold: ::core::option::Option<::prost_types::Duration>,
    /// How often to beat.
    #[prost(message, optional, tag = "2")]
    pub beat_every: ::core::option::Option<::prost_types::Duration>,
    /// How long to wait for an answer before sending again.
    #[prost(message, optional, tag = "3")]
    pub answer_within: ::core::option::Option<::prost_types::Duration>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Refused {
    #[prost(fixed64, tag = "1")]
    pub nonce: u64,
    #[prost(enumeration = "refused::Why", tag = "2")]
    pub why: i32,
}
/// Nested message and enum types in `Refused`.
pub mod refused {
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Why {
        Unspecified = 0,
        /// A later process has the id.
        Superseded = 1,
        /// The namespace has as many executors as it may.
        TooMany = 2,
        /// The profile breaks a bound.
        BadProfile = 3,
    }
    impl Why {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "WHY_UNSPECIFIED",
                Self::Superseded => "WHY_SUPERSEDED",
                Self::TooMany => "WHY_TOO_MANY",
                Self::BadProfile => "WHY_BAD_PROFILE",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "WHY_UNSPECIFIED" => Some(Self::Unspecified),
                "WHY_SUPERSEDED" => Some(Self::Superseded),
                "WHY_TOO_MANY" => Some(Self::TooMany),
                "WHY_BAD_PROFILE" => Some(Self::BadProfile),
                _ => None,
            }
        }
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Acknowledged {
    #[prost(message, optional, tag = "1")]
    pub session: ::core::option::Option<SessionId>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    /// Counted from when the beat was sent.
    #[prost(message, optional, tag = "3")]
    pub pace: ::core::option::Option<Pace>,
}
/// The shards of a session: all of them, or changes.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Assigned {
    #[prost(message, optional, tag = "1")]
    pub session: ::core::option::Option<SessionId>,
    /// Changes since this version, to be applied on top of it alone; absent: this is everything.
    #[prost(message, optional, tag = "2")]
    pub since: ::core::option::Option<Version>,
    #[prost(message, optional, tag = "3")]
    pub version: ::core::option::Option<Version>,
    #[prost(message, repeated, tag = "4")]
    pub granted: ::prost::alloc::vec::Vec<Grant>,
    /// To be stopped, then released. In a list of everything they stand only here.
    #[prost(message, repeated, tag = "5")]
    pub revoked: ::prost::alloc::vec::Vec<Grant>,
    /// No longer the session's.
    #[prost(message, repeated, tag = "6")]
    pub cleared: ::prost::alloc::vec::Vec<Grant>,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Ended {
    #[prost(message, optional, tag = "1")]
    pub session: ::core::option::Option<SessionId>,
    #[prost(enumeration = "ended::Why", tag = "2")]
    pub why: i32,
}
/// Nested message and enum types in `Ended`.
pub mod ended {
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Why {
        Unspecified = 0,
        /// It was not heard for a lease.
        Expired = 1,
        /// A later process has registered under its id.
        Superseded = 2,
        Left = 3,
        /// The store was restored from a backup.
        Voided = 4,
        /// An operator removed it.
        Removed = 5,
    }
    impl Why {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "WHY_UNSPECIFIED",
                Self::Expired => "WHY_EXPIRED",
                Self::Superseded => "WHY_SUPERSEDED",
                Self::Left => "WHY_LEFT",
                Self::Voided => "WHY_VOIDED",
                Self::Removed => "WHY_REMOVED",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "WHY_UNSPECIFIED" => Some(Self::Unspecified),
                "WHY_EXPIRED" => Some(Self::Expired),
                "WHY_SUPERSEDED" => Some(Self::Superseded),
                "WHY_LEFT" => Some(Self::Left),
                "WHY_VOIDED" => Some(Self::Voided),
                "WHY_REMOVED" => Some(Self::Removed),
                _ => None,
            }
        }
    }
}
/// Generated client implementations.
pub mod executor_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    #[derive(Debug, Clone)]
    pub struct ExecutorClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> ExecutorClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> ExecutorClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            ExecutorClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        /// A session's conversation with its namespace's leader: what is decided is pushed. The first frame registers, or
        /// resumes by a beat. Ends when the replica leads no more; Problem.leader then says where to go.
        ///
        /// A message is as large as what it assigns, and may take 64 MiB: let your client take that much.
        pub async fn session(
            &mut self,
            request: impl tonic::IntoStreamingRequest<Message = super::SessionRequest>,
        ) -> std::result::Result<
            tonic::Response<tonic::codec::Streaming<super::SessionResponse>>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Executor/Session",
            );
            let mut req = request.into_streaming_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("shardway.v1.Executor", "Session"));
            self.inner.streaming(req, path, codec).await
        }
        /// The same, one frame at a time, for those who cannot keep a stream. An answer carries what
        /// was pushed meanwhile, and is as large as that. Forwarded to the leader.
        pub async fn beat(
            &mut self,
            request: impl tonic::IntoRequest<super::BeatRequest>,
        ) -> std::result::Result<tonic::Response<super::BeatResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/shardway.v1.Executor/Beat",
            );
            let mut req = request.into_request();
            req.extensions_mut().insert(GrpcMethod::new("shardway.v1.Executor", "Beat"));
            self.inner.unary(req, path, codec).await
        }
    }
}
/// Generated server implementations.
pub mod executor_server {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    /// Generated trait containing gRPC methods that should be implemented for use with ExecutorServer.
    #[async_trait]
    pub trait Executor: std::marker::Send + std::marker::Sync + 'static {
        /// Server streaming response type for the Session method.
        type SessionStream: tonic::codegen::tokio_stream::Stream<
                Item = std::result::Result<super::SessionResponse, tonic::Status>,
            >
            + std::marker::Send
            + 'static;
        /// A session's conversation with its namespace's leader: what is decided is pushed. The first frame registers, or
        /// resumes by a beat. Ends when the replica leads no more; Problem.leader then says where to go.
        ///
        /// A message is as large as what it assigns, and may take 64 MiB: let your client take that much.
        async fn session(
            &self,
            request: tonic::Request<tonic::Streaming<super::SessionRequest>>,
        ) -> std::result::Result<tonic::Response<Self::SessionStream>, tonic::Status>;
        /// The same, one frame at a time, for those who cannot keep a stream. An answer carries what
        /// was pushed meanwhile, and is as large as that. Forwarded to the leader.
        async fn beat(
            &self,
            request: tonic::Request<super::BeatRequest>,
        ) -> std::result::Result<tonic::Response<super::BeatResponse>, tonic::Status>;
    }
    #[derive(Debug)]
    pub struct ExecutorServer<T> {
        inner: Arc<T>,
        accept_compression_encodings: EnabledCompressionEncodings,
        send_compression_encodings: EnabledCompressionEncodings,
        max_decoding_message_size: Option<usize>,
        max_encoding_message_size: Option<usize>,
    }
    impl<T> ExecutorServer<T> {
        pub fn new(inner: T) -> Self {
            Self::from_arc(Arc::new(inner))
        }
        pub fn from_arc(inner: Arc<T>) -> Self {
            Self {
                inner,
                accept_compression_encodings: Default::default(),
                send_compression_encodings: Default::default(),
                max_decoding_message_size: None,
                max_encoding_message_size: None,
            }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> InterceptedService<Self, F>
        where
            F: tonic::service::Interceptor,
        {
            InterceptedService::new(Self::new(inner), interceptor)
        }
        /// Enable decompressing requests with the given encoding.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.accept_compression_encodings.enable(encoding);
            self
        }
        /// Compress responses with the given encoding, if the client supports it.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.send_compression_encodings.enable(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.max_decoding_message_size = Some(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.max_encoding_message_size = Some(limit);
            self
        }
    }
    impl<T, B> tonic::codegen::Service<http::Request<B>> for ExecutorServer<T>
    where
        T: Executor,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;
        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/shardway.v1.Executor/Session" => {
                    #[allow(non_camel_case_types)]
                    struct SessionSvc<T: Executor>(pub Arc<T>);
                    impl<
                        T: Executor,
                    > tonic::server::StreamingService<super::SessionRequest>
                    for SessionSvc<T> {
                        type Response = super::SessionResponse;
                        type ResponseStream = T::SessionStream;
                        type Future = BoxFuture<
                            tonic::Response<Self::ResponseStream>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<
                                tonic::Streaming<super::SessionRequest>,
                            >,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Executor>::session(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = SessionSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.streaming(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/shardway.v1.Executor/Beat" => {
                    #[allow(non_camel_case_types)]
                    struct BeatSvc<T: Executor>(pub Arc<T>);
                    impl<T: Executor> tonic::server::UnaryService<super::BeatRequest>
                    for BeatSvc<T> {
                        type Response = super::BeatResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::BeatRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Executor>::beat(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = BeatSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                _ => {
                    Box::pin(async move {
                        let mut response = http::Response::new(
                            tonic::body::Body::default(),
                        );
                        let headers = response.headers_mut();
                        headers
                            .insert(
                                tonic::Status::GRPC_STATUS,
                                (tonic::Code::Unimplemented as i32).into(),
                            );
                        headers
                            .insert(
                                http::header::CONTENT_TYPE,
                                tonic::metadata::GRPC_CONTENT_TYPE,
                            );
                        Ok(response)
                    })
                }
            }
        }
    }
    impl<T> Clone for ExecutorServer<T> {
        fn clone(&self) -> Self {
            let inner = self.inner.clone();
            Self {
                inner,
                accept_compression_encodings: self.accept_compression_encodings,
                send_compression_encodings: self.send_compression_encodings,
                max_decoding_message_size: self.max_decoding_message_size,
                max_encoding_message_size: self.max_encoding_message_size,
            }
        }
    }
    /// Generated gRPC service name
    pub const SERVICE_NAME: &str = "shardway.v1.Executor";
    impl<T> tonic::server::NamedService for ExecutorServer<T> {
        const NAME: &'static str = SERVICE_NAME;
    }
}
