//! A name server whose answers change from one question to the next: what an attacker runs to be judged by one address
//! and dialled at another (DNS rebinding).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

const A: u16 = 1;
const AAAA: u16 = 28;

/// Answers A and AAAA over UDP on a loopback port, with a lifetime of 0 s. Ends when dropped.
pub struct NameServer {
    address: SocketAddr,
    names: Arc<Mutex<HashMap<String, Name>>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Name {
    rounds: Vec<Vec<IpAddr>>,
    asked: HashMap<u16, usize>,
}

impl Name {
    /// What the next question of this type gets.
    fn next(&mut self, kind: u16) -> Vec<IpAddr> {
        let turn = self.asked.entry(kind).or_default();
        let round = self.rounds.get(*turn).or(self.rounds.last());
        *turn += 1;
        round.into_iter().flatten().copied().filter(|a| a.is_ipv4() == (kind == A)).collect()
    }
}

impl NameServer {
    /// Starts one that knows no name.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let names = Arc::<Mutex<HashMap<String, Name>>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(socket, names.clone()));
        Ok(Self { address, names, _tasks: tasks })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The n-th lookup of the name gets the n-th round of addresses, and later ones the last.
    pub fn answer(&self, name: &str, rounds: &[&[&str]]) -> Result<()> {
        let round = |texts: &&[&str]| texts.iter().map(|t| Ok(t.parse()?)).collect::<Result<Vec<IpAddr>>>();
        let rounds = rounds.iter().map(round).collect::<Result<Vec<_>>>()?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned(), Name { rounds, asked: HashMap::new() });
        Ok(())
    }

    /// How often the name was looked up: questions of the type that came most often.
    pub fn lookups(&self, name: &str) -> usize {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(name).and_then(|n| n.asked.values().max().copied()).unwrap_or(0)
    }
}

async fn serve(socket: UdpSocket, names: Arc<Mutex<HashMap<String, Name>>>) {
    let mut packet = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        let reply = packet.get(..length).and_then(|question| {
            let (name, kind, end) = question_of(question)?;
            let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
            let answers = names.get_mut(&name).map(|n| n.next(kind));
            reply_to(question.get(..end)?, answers.as_deref())
        });
        if let Some(reply) = reply {
            let _ = socket.send_to(&reply, client).await;
        }
    }
}

/// Name and type of the one question, and where it ends (RFC 1035 section 4.1).
fn question_of(packet: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut labels) = (12, vec![]);
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = packet.get(at..at + 2)?.try_into().map(u16::from_be_bytes).ok()?;
    Some((labels.join("."), kind, at + 4))
}

/// The reply to a packet that ends with its question. No answers: the name is known, but not in this type; `None`: the
/// name is not known.
fn reply_to(question: &[u8], answers: Option<&[IpAddr]>) -> Option<Vec<u8>> {
    let code: u8 = if answers.is_some() { 0 } else { 3 };
    let answers = answers.unwrap_or_default();
    let mut reply = question.get(..2)?.to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(answers.len()).ok()?, 0, 0, 0, 0]);
    reply.extend(question.get(12..)?);
    for address in answers {
        let (kind, octets) = match address {
            IpAddr::V4(v4) => (A, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AAAA, v6.octets().to_vec()),
        };
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0, 0]);
        reply.push(u8::try_from(octets.len()).ok()?);
        reply.extend(octets);
    }
    Some(reply)
}
