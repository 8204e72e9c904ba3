//! A name server for tests: one socket, one name, a few kinds of answer.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;

const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

/// What to answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Addresses(Vec<IpAddr>),
    /// Priority, weight, port, target.
    Services(Vec<(u16, u16, u16, &'static str)>),
    Failure,
    UnknownName,
    Silence,
}

/// Runs until dropped.
pub(super) struct Server {
    socket: UdpSocket,
    answer: Arc<Mutex<Answer>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn answering(answer: Answer) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let answer = Arc::new(Mutex::new(answer));
        let serving = (socket.try_clone().unwrap(), answer.clone());
        let thread = thread::spawn(move || serve(&serving.0, &serving.1));
        Self { socket, answer, thread: Some(thread) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.answer.lock() = answer;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An empty datagram ends the thread.
        let _ = self.socket.send_to(&[], self.address());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(socket: &UdpSocket, answer: &Mutex<Answer>) {
    let mut query = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut query) {
        if length == 0 {
            return;
        }
        if let Some(response) = respond(&query[..length], &answer.lock()) {
            let _ = socket.send_to(&response, from);
        }
    }
}

/// Header and question of the query, then the records of the type asked for. Names in records point at the question's.
fn respond(query: &[u8], answer: &Answer) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let name_length = query[HEADER..].iter().position(|byte| *byte == 0)? + 1;
    let question = &query[HEADER..HEADER + name_length + 4];
    let wanted = u16::from_be_bytes([question[name_length], question[name_length + 1]]);
    let (code, records) = match answer {
        Answer::Addresses(addresses) => {
            (0, addresses.iter().filter_map(|ip| address_record(*ip, wanted)).collect())
        }
        Answer::Services(services) if wanted == SRV => (0, services.iter().map(service_record).collect()),
        Answer::Services(_) => (0, vec![]),
        Answer::Failure => (SERVFAIL, vec![]),
        Answer::UnknownName => (NXDOMAIN, vec![]),
        Answer::Silence => return None,
    };
    let records: Vec<Vec<u8>> = records;
    let count = u16::try_from(records.len()).unwrap().to_be_bytes();
    // Response, recursion desired and available.
    let header = [query[0], query[1], 0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0];
    let mut response = [&header, question].concat();
    for data in records {
        // A pointer to the question's name, the type, class IN, 60 seconds to live.
        response.extend([0xc0, 0x0c, question[name_length], question[name_length + 1], 0, 1, 0, 0, 0, 60]);
        response.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        response.extend(data);
    }
    Some(response)
}

fn address_record(ip: IpAddr, wanted: u16) -> Option<Vec<u8>> {
    match (ip, wanted) {
        (IpAddr::V4(ip), A) => Some(ip.octets().to_vec()),
        (IpAddr::V6(ip), AAAA) => Some(ip.octets().to_vec()),
        _ => None,
    }
}

fn service_record((priority, weight, port, target): &(u16, u16, u16, &'static str)) -> Vec<u8> {
    let mut data: Vec<u8> = [priority, weight, port].into_iter().flat_map(|n| n.to_be_bytes()).collect();
    for label in target.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).unwrap());
        data.extend(label.bytes());
    }
    data.push(0);
    data
}
