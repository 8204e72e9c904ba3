//! Who is let in, and whom we let ourselves be served by.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;
use shardway::store::{EtcdLogin, EtcdTls, WatchError};

use super::*;

#[tokio::test]
async fn only_those_with_the_right_certificates_speak_to_each_other() {
    let (ca, other) = (Authority::new(), Authority::new());
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("etcd-certificates");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, key) = ca.certify("etcd.test");
    let cluster = Cluster::start(
        1,
        &[
            &format!("--cert-file={}", file("server.pem", &certificate)),
            &format!("--key-file={}", file("server.key", &key)),
            &format!("--trusted-ca-file={}", file("ca.pem", &ca.pem)),
            "--client-cert-auth",
        ],
    )
    .await;
    let (certificate, key) = ca.certify("client");
    let (foreign_certificate, foreign_key) = other.certify("client");
    let right = |ca: &str| EtcdTls::new(ca).with_identity(&certificate, &key).with_domain("etcd.test");
    let with = |tls| open(cluster.config().with_timeouts(DEADLINE, Duration::from_secs(1)).with_tls(tls));

    commit(&with(right(&ca.pem)), put("a", "1")).await;
    let mut watch = with(right(&ca.pem)).watch("a", Revision(1)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes.len(), 1);

    for (case, tls) in [
        ("an authority that etcd's certificate is not of", right(&other.pem)),
        ("another name than etcd's", right(&ca.pem).with_domain("other.test")),
    ] {
        let refused = with(tls).transact(put("a", "2")).await;
        assert!(matches!(refused, Err(StoreError::Denied { .. })), "{case}: {refused:?}");
    }
    for (case, tls) in [
        ("no certificate", EtcdTls::new(&ca.pem).with_domain("etcd.test")),
        ("somebody else's", right(&ca.pem).with_identity(&foreign_certificate, &foreign_key)),
    ] {
        // etcd says so only once it is asked something, and then by hanging up.
        let refused = with(tls).transact(put("a", "2")).await;
        let nothing_done = matches!(refused, Err(StoreError::Denied { .. } | StoreError::Unavailable { .. }));
        assert!(nothing_done, "{case}: {refused:?}");
    }
    assert_eq!(with(right(&ca.pem)).get("a").await.unwrap().unwrap().value, "1");
}

#[tokio::test]
async fn users_may_do_what_they_may_and_their_tokens_are_renewed() {
    let cluster = Cluster::one().await;
    // "mine/" to "mine0", in base64.
    cluster.operate("auth/role/add", json!({ "name": "ours" })).await;
    let permission = json!({ "permType": "READWRITE", "key": "bWluZS8=", "range_end": "bWluZTA=" });
    cluster.operate("auth/role/grant", json!({ "name": "ours", "perm": permission })).await;
    for (user, password, role) in [("root", "toor", "root"), ("shardway", "secret", "ours")] {
        cluster.operate("auth/user/add", json!({ "name": user, "password": password })).await;
        cluster.operate("auth/user/grant", json!({ "user": user, "role": role })).await;
    }
    let with = |password: &str| open(cluster.config().with_login(EtcdLogin::new("shardway", password)));
    let store = with("secret");
    commit(&store, put("mine/before", "etcd asks nobody who they are yet")).await;
    cluster.operate("auth/enable", json!({})).await;

    let at = commit(&store, put("mine/a", "1")).await;
    assert_eq!(store.get("mine/a").await.unwrap().unwrap().changed, at);
    assert_eq!(store.range(Range::prefix("mine/", 10)).await.unwrap().rows.len(), 2);
    commit(&store, Transaction::default().when(Compare::Changed("mine/a".into(), at))).await;
    let mut watch = store.watch("mine/", at).await.unwrap();
    told(&mut *watch, at).await;

    let denied = |answer: Result<_, StoreError>| matches!(answer, Err(StoreError::Denied { .. }));
    assert!(denied(store.transact(put("others/a", "1")).await));
    assert!(denied(store.get("others/a").await.map(|_| Outcome::Refused)));
    let watch_error = store.watch("others/", at).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&watch_error, WatchError::Broken { reason } if reason.contains("refuses")),
        "{watch_error}"
    );
    let wrong = with("wrong").transact(put("mine/a", "2")).await;
    assert!(matches!(&wrong, Err(StoreError::Denied { reason }) if !reason.contains("wrong")), "{wrong:?}");
    assert!(denied(open(cluster.config()).transact(put("mine/a", "2")).await), "nobody is not let in");

    // All tokens end with the session of authentication that they are of.
    let root = cluster.operate("auth/authenticate", json!({ "name": "root", "password": "toor" })).await;
    let root = root["token"].as_str().unwrap().to_owned();
    cluster.gateway(0, "auth/disable", json!({}), Some(&root)).await.unwrap();
    cluster.operate("auth/enable", json!({})).await;
    let at = commit(&store, put("mine/a", "2")).await;
    told(&mut *watch, at).await;

    cluster.gateway(0, "auth/disable", json!({}), Some(&root)).await.unwrap_err();
    let root = cluster.operate("auth/authenticate", json!({ "name": "root", "password": "toor" })).await;
    cluster.gateway(0, "auth/disable", json!({}), root["token"].as_str()).await.unwrap();
    cluster.operate("auth/enable", json!({})).await;
    let mut watch = store.watch("mine/", at.next()).await.unwrap();
    let at = commit(&store, put("mine/a", "3")).await;
    told(&mut *watch, at).await;
}

/// Whoever signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name, and its key.
    fn certify(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}
