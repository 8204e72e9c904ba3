//! A network that loses answers.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::server::Cluster;

/// Passes on what is said to etcd, and what etcd says unless told to be mute.
pub(super) struct Proxy {
    url: String,
    is_mute: Arc<AtomicBool>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// To the first member.
    pub(super) async fn to(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let is_mute = Arc::new(AtomicBool::new(false));
        let etcd = cluster.urls().remove(0).replace("http://", "");
        let mute = is_mute.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&etcd).await.unwrap();
                tokio::spawn(pass(client, server, mute.clone()));
            }
        });
        Self { url, is_mute, _task: task }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// From now on, what etcd answers is lost.
    pub(super) fn mute(&self) {
        self.is_mute.store(true, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: TcpStream, is_mute: Arc<AtomicBool>) {
    let ((mut asks, mut hears), (mut says, mut answers)) = (client.into_split(), server.into_split());
    let asking = async { tokio::io::copy(&mut asks, &mut answers).await };
    let answering = async {
        let mut bytes = [0; 4096];
        loop {
            let count = says.read(&mut bytes).await?;
            if count == 0 {
                return std::io::Result::Ok(0);
            }
            if !is_mute.load(Ordering::SeqCst) {
                hears.write_all(&bytes[..count]).await?;
            }
        }
    };
    let _one_has_hung_up = tokio::select! { end = asking => end, end = answering => end };
}
