//! Namespaces that come and go while replicas run, and what their keys are.

use std::sync::Arc;

use shardway::{
    engine::{Keying, NamespaceConfig},
    proto::v1::wire::{self, problem::Reason, router_client::RouterClient, *},
    store::MemoryStore,
    types::Namespace,
};

use super::{
    admin::{namespaces, orders, reason, until_settled},
    served::{Served, Worker},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_key_has_an_owner_where_keys_are_hashed() {
    let hashed = NamespaceConfig { keys: Keying::Hashed, ..(*namespaces()[0].1).clone() };
    let namespaces = vec![(Namespace::new("orders").unwrap(), Arc::new(hashed))];
    let replica = Served::start(Arc::new(MemoryStore::new()), 1, namespaces).await;
    let worker = Worker::join(&[&replica], "orders", "e1");
    until_settled(&replica, &[&worker]).await;
    let mut router = RouterClient::new(replica.channel.clone());
    for key in ["order-17", "7", "größe"] {
        let request = LookupRequest { namespace: orders(), key: key.into(), ..Default::default() };
        let found = router.lookup(request).await.unwrap().into_inner();
        let shard = shardway::hash::shard_of(key.as_bytes(), 12).to_string();
        assert_eq!((&*found.owners[0].executor, &found.shard), ("e1", &shard), "{key}");
        let request = EnsureShardRequest { namespace: orders(), key: key.into() };
        assert_eq!(router.ensure_shard(request).await.unwrap().into_inner().shard, shard);
    }
    let one = GetNamespaceRequest { namespace: orders() };
    let one = replica.admin().get_namespace(one).await.unwrap().into_inner().namespace.unwrap();
    let yaml = one.config.unwrap().yaml;
    assert!(yaml.contains("\nkeys: hashed\n"), "{yaml}");
    let config = Some(wire::NamespaceConfig { yaml: yaml.replace("shards: 12", "shards: 24") });
    let grow = ConfigureNamespaceRequest { namespace: orders(), config };
    assert_eq!(reason(&replica.admin().configure_namespace(grow).await.unwrap_err()), Reason::Invalid);
}
