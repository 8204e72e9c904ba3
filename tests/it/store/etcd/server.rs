//! Real etcd, as many members as a test wants, for as long as it runs.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use shardway::store::EtcdConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// Longer than etcd takes to start or to elect on a machine that does something else besides.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often to look whether something has come true.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Another process may take a port between our letting go of it and etcd's taking it.
const STARTS: usize = 5;

/// A cluster. Ended, and its data with it, when dropped.
pub(crate) struct Cluster {
    members: Vec<Member>,
    options: Vec<String>,
    folder: PathBuf,
    is_secure: bool,
}

struct Member {
    name: String,
    ports: Ports,
    process: Option<Child>,
}

#[derive(Clone, Copy)]
struct Ports {
    client: u16,
    peer: u16,
    /// Where it says, always in plain text, whether it is well.
    health: u16,
}

impl Cluster {
    /// One member.
    pub(crate) async fn one() -> Self {
        Self::start(1, &[]).await
    }

    /// So many members, with further options for each. Returns when all of them know a leader.
    pub(crate) async fn start(members: usize, options: &[&str]) -> Self {
        for _ in 1..STARTS {
            if let Ok(cluster) = Self::try_start(members, options).await {
                return cluster;
            }
        }
        Self::try_start(members, options).await.unwrap_or_else(|log| panic!("etcd does not start:\n{log}"))
    }

    async fn try_start(members: usize, options: &[&str]) -> Result<Self, String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("etcd-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let ports = free_ports(3 * members);
        let members = ports.chunks(3).enumerate().map(|(index, ports)| Member {
            name: format!("m{index}"),
            ports: Ports { client: ports[0], peer: ports[1], health: ports[2] },
            process: None,
        });
        let mut cluster = Self {
            members: members.collect(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            is_secure: options.iter().any(|option| option.starts_with("--cert-file")),
            folder,
        };
        for member in 0..cluster.members.len() {
            cluster.spawn(member);
        }
        for member in 0..cluster.members.len() {
            cluster.wait_until_well(member).await?;
        }
        Ok(cluster)
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        (0..self.members.len()).map(|member| self.url(member)).collect()
    }

    /// How to reach the members, in this order.
    pub(crate) fn config_of(&self, members: impl IntoIterator<Item = usize>) -> EtcdConfig {
        EtcdConfig::new(members.into_iter().map(|member| self.url(member))).unwrap()
    }

    pub(crate) fn config(&self) -> EtcdConfig {
        EtcdConfig::new(self.urls()).unwrap()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, member: usize) {
        let mut process = self.members[member].process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts what was killed, with the data that it had.
    pub(crate) async fn restart(&mut self, member: usize) {
        self.spawn(member);
        self.wait_until_well(member).await.unwrap();
    }

    /// Takes away all that a killed member knew.
    pub(crate) fn wipe(&self, member: usize) {
        fs::remove_dir_all(self.folder.join(&self.members[member].name)).unwrap();
    }

    /// From the next start on.
    pub(crate) fn add_option(&mut self, option: &str) {
        self.options.push(option.to_owned());
    }

    /// SIGSTOP, until what is returned is dropped.
    pub(crate) async fn pause(&self, member: usize) -> Paused {
        let process = self.members[member].process.as_ref().expect("it runs").id();
        signal(process, "STOP");
        let paused = Paused { process };
        // The signal is on its way: its threads stop one by one.
        let deadline = Instant::now() + DEADLINE;
        while !paused.has_stopped() {
            assert!(Instant::now() < deadline, "etcd does not stop");
            sleep(LOOK_EVERY).await;
        }
        paused
    }

    /// The member that leads, when all that run agree.
    pub(crate) async fn leader(&self) -> usize {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut led_by = Vec::new();
            let mut ids = Vec::new();
            for (index, member) in
                self.members.iter().enumerate().filter(|(_, member)| member.process.is_some())
            {
                let status = self.gateway(index, "maintenance/status", json!({}), None).await;
                let status = status.unwrap_or_else(|error| panic!("{}: {error}", member.name));
                ids.push((index, status["header"]["member_id"].clone()));
                led_by.push(status["leader"].clone());
            }
            if led_by.windows(2).all(|pair| pair[0] == pair[1]) {
                let leader = ids.iter().find(|(_, id)| *id == led_by[0]);
                if let Some((index, _)) = leader {
                    return *index;
                }
            }
            assert!(Instant::now() < deadline, "etcd's members do not agree on a leader: {led_by:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Does what only an operator does, through etcd's JSON gateway. Names and values in base64.
    pub(crate) async fn gateway(
        &self,
        member: usize,
        path: &str,
        body: Value,
        token: Option<&str>,
    ) -> Result<Value, String> {
        let token = token.map(|token| format!("Authorization: {token}\r\n")).unwrap_or_default();
        let body = body.to_string();
        let request = format!(
            "POST /v3/{path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{token}\r\n{body}",
            body.len()
        );
        let (status, answer) = http(self.members[member].ports.client, &request).await?;
        if status != 200 {
            return Err(answer);
        }
        serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}"))
    }

    /// The same for what must succeed.
    pub(crate) async fn operate(&self, path: &str, body: Value) -> Value {
        let answer = self.gateway(0, path, body.clone(), None).await;
        answer.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    fn url(&self, member: usize) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.members[member].ports.client)
    }

    fn spawn(&mut self, member: usize) {
        let url = |port| format!("http://127.0.0.1:{port}");
        let peers: Vec<_> =
            self.members.iter().map(|member| format!("{}={}", member.name, url(member.ports.peer))).collect();
        let client = self.url(member);
        let Member { name, ports, .. } = &self.members[member];
        let (client, peer) = (client.as_str(), url(ports.peer));
        let log = File::options().create(true).append(true).open(self.log(member)).unwrap();
        let process = Command::new(binary())
            .args(["--name", name])
            .arg("--data-dir")
            .arg(self.folder.join(name))
            .args(["--listen-client-urls", client, "--advertise-client-urls", client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--listen-metrics-urls", &url(ports.health)])
            .args(["--initial-cluster", &peers.join(",")])
            // What a killed process has written, the kernel keeps.
            .args(["--unsafe-no-fsync", "--log-level=warn", "--logger=zap"])
            // Old versions say of their own accord only how far a quiet watch is.
            .arg("--experimental-watch-progress-notify-interval=100ms")
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.members[member].process = Some(process.unwrap_or_else(|error| {
            panic!("{}: {error}; `make test` installs it, or apt-get install etcd-server", binary().display())
        }));
    }

    /// The log, if it ends before.
    async fn wait_until_well(&mut self, member: usize) -> Result<(), String> {
        let deadline = Instant::now() + DEADLINE;
        let request = "GET /health HTTP/1.0\r\n\r\n";
        loop {
            let answer = http(self.members[member].ports.health, request).await;
            if answer.as_ref().is_ok_and(|(_, body)| body.contains("\"health\":\"true\"")) {
                return Ok(());
            }
            let process = self.members[member].process.as_mut().expect("it was started");
            if process.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return Err(format!("{answer:?}\n{}", fs::read_to_string(self.log(member)).unwrap()));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn log(&self, member: usize) -> PathBuf {
        self.folder.join(format!("{}.log", self.members[member].name))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.members.iter_mut().filter_map(|member| member.process.as_mut()) {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A member that does nothing, and does not know.
pub(crate) struct Paused {
    process: u32,
}

impl Paused {
    fn has_stopped(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process)).unwrap();
        threads.flatten().all(|thread| {
            let status = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // Number, name in brackets, state.
            status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
        })
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        signal(self.process, "CONT");
    }
}

/// Set `ETCD` to test with another one than the system's.
fn binary() -> PathBuf {
    std::env::var_os("ETCD").unwrap_or_else(|| "etcd".into()).into()
}

fn signal(process: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap();
    assert!(status.success(), "kill -{name}");
}

/// Ports that nobody has. All are held until all are found, so that they differ.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Asks, and reads to the end: status and body.
async fn http(port: u16, request: &str) -> Result<(u16, String), String> {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(DEADLINE, ask).await.map_err(|_| "no answer".to_owned())?;
    let answer = answer.map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| answer.clone())?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| head.to_owned())?, body.to_owned()))
}
