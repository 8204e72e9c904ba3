//! Questions that the operating system's resolver cannot be asked: SRV records, and a name server of one's own.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, rdata::SRV},
};

use super::Question;
use crate::{
    membership::{MAX_MEMBERS, MemberSourceError},
    types::{MAX_WEIGHT, Member},
};

impl Question {
    pub(super) async fn services(&self) -> Result<Vec<Member>, MemberSourceError> {
        let resolver = self.resolver(self.name_server).map_err(|error| self.failure(&error))?;
        let found = resolver.srv_lookup(self.name.as_str()).await.map_err(|error| self.failure(&error))?;
        let records = found.answers().iter().filter_map(|record| match &record.data {
            RData::SRV(srv) if !srv.target.is_root() => Some(srv),
            _ => None,
        });
        let records: Vec<&SRV> = records.take(MAX_MEMBERS + 1).collect();
        let best = records.iter().map(|srv| srv.priority).min();
        let best = records.iter().filter(|srv| Some(srv.priority) == best);
        best.map(|srv| self.member_of(srv)).collect()
    }

    pub(super) async fn addresses_from(
        &self,
        name_server: SocketAddr,
    ) -> Result<Vec<IpAddr>, MemberSourceError> {
        let resolver = self.resolver(Some(name_server)).map_err(|error| self.failure(&error))?;
        let found = resolver.lookup_ip(self.name.as_str()).await.map_err(|error| self.failure(&error))?;
        Ok(found.iter().take(MAX_MEMBERS + 1).collect())
    }

    /// A new one for each question, so that a changed `/etc/resolv.conf` is followed, and without a cache, so that an
    /// answer is as fresh as it is said to be.
    fn resolver(&self, name_server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
        let mut builder = match name_server {
            None => TokioResolver::builder_tokio()?,
            Some(address) => {
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                for connection in &mut server.connections {
                    connection.port = address.port();
                }
                let config = ResolverConfig::from_parts(None, vec![], vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        builder.options_mut().cache_size = 0;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build()
    }

    fn member_of(&self, srv: &SRV) -> Result<Member, MemberSourceError> {
        // Names mean the same in any case, so they are made to look the same.
        let target = srv.target.to_ascii().to_ascii_lowercase();
        let member = Member::new(format!("{}:{}", target.trim_end_matches('.'), srv.port));
        let weight = if self.weighted { srv.weight.clamp(1, MAX_WEIGHT) } else { 1 };
        member
            .and_then(|member| member.with_weight(weight))
            .map_err(|error| MemberSourceError::Invalid { what: self.what(), reason: error.to_string() })
    }

    fn failure(&self, error: &NetError) -> MemberSourceError {
        if error.is_no_records_found() {
            MemberSourceError::Empty { what: self.what() }
        } else {
            self.unreachable(error.to_string())
        }
    }
}
