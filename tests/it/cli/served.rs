//! `shardway serve` in a process of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tonic::transport::Channel;

/// A distributor in a process of its own.
pub(super) struct Served {
    process: Child,
    pub(super) plan: Value,
}

impl Served {
    pub(super) fn start(args: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_shardway"))
            .args(["serve", "--listen", "127.0.0.1:0", "--output", "json"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let mut text = String::new();
        for line in lines {
            text += &line;
            if line == "}" {
                break;
            }
        }
        Self { process, plan: serde_json::from_str(&text).unwrap() }
    }

    /// Where it is reached.
    pub(super) fn address(&self) -> &str {
        self.plan["advertise"].as_str().unwrap()
    }

    pub(super) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address())).unwrap().connect().await.unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn terminate(mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

/// kill -9.
impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
