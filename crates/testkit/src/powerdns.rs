//! PowerDNS as the authoritative name server of zones that a test writes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::keeper::Keeper;
use crate::process;

const SERVER: &str = "/usr/sbin/pdns_server";
const CONTROL: &str = "/usr/bin/pdns_control";
/// Ports that are free for TCP and taken for UDP are passed over, so many at most.
const PORT_TRIES: usize = 20;

/// A name server on one loopback port, UDP and TCP. It knows no zone at first, and refuses questions about others.
pub struct PowerDns {
    address: SocketAddr,
    folder: PathBuf,
    server: Child,
    _keeper: Keeper,
}

impl PowerDns {
    /// Starts a server; it ends when the value is dropped or the process ends.
    ///
    /// # Errors
    /// When the Debian packages `pdns-server` and `pdns-backend-bind` are missing, or it does not start.
    pub fn start() -> Result<Self> {
        process::program(SERVER, "pdns-server")?;
        process::program(CONTROL, "pdns-server")?;
        let keeper = Keeper::new(None)?;
        let folder = keeper.folder().to_owned();
        let log = folder.join("pdns.log");
        let port = port_for_both()?;
        fs::write(folder.join("named.conf"), "")?;
        fs::write(folder.join("pdns.conf"), settings(&folder, port))?;
        let file = process::append(&log)?;
        let server = Command::new(SERVER)
            .arg(config_dir(&folder))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("run pdns_server")?;
        process::wait_up("PowerDNS", &[port], &log)?;
        Ok(Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), folder, server, _keeper: keeper })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a zone: `records` are the lines of a zone file (RFC 1035 section 5), names relative to the zone; SOA and
    /// NS are written here. Answers see it at once.
    ///
    /// # Errors
    /// When PowerDNS does not take it; its words are in the error.
    pub fn add_zone(&self, zone: &str, records: &str) -> Result<()> {
        let file = self.folder.join(format!("{zone}.zone"));
        let text = format!(
            "$ORIGIN {zone}.\n$TTL 60\n@ IN SOA ns.invalid. admin.invalid. 1 3600 600 86400 60\n@ IN NS ns.invalid.\n{records}\n"
        );
        fs::write(&file, text)?;
        let path = file.display().to_string();
        let mut words = self.control(&["bind-add-zone", zone, &path])?;
        words.push_str(&self.control(&["bind-reload-now", zone])?);
        if words.contains("parsed into memory") { Ok(()) } else { bail!("PowerDNS does not take the zone: {words}") }
    }

    /// What the control program says; its exit status is 0 whatever happened.
    fn control(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(CONTROL);
        command.arg(config_dir(&self.folder)).args(words).stdin(Stdio::null());
        Ok(String::from_utf8_lossy(&command.output().context("run pdns_control")?.stdout).into_owned())
    }
}

impl Drop for PowerDns {
    fn drop(&mut self) {
        // The watch over the folder would end it too; here it is also waited for.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn config_dir(folder: &Path) -> String {
    format!("--config-dir={}", folder.display())
}

/// No cache, so that a new zone is seen at once; nothing is asked of the world.
fn settings(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "launch=bind
bind-config={folder}/named.conf
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
security-poll-suffix=
"
    )
}

fn port_for_both() -> Result<u16> {
    let mut last = None;
    for _ in 0..PORT_TRIES {
        let port = crate::ports::free()?;
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no port was tried"), Into::into))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::PowerDns;

    /// The response code and the number of answers to a question for an MX record.
    fn ask_mx(server: &PowerDns, name: &str) -> (u8, u8) {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut packet = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend(label.as_bytes());
        }
        packet.extend([0, 0, 15, 0, 1]);
        socket.send_to(&packet, server.address()).unwrap();
        let mut reply = [0; 1500];
        // A process that is stopped and goes on ends a wait with a limit early, signal(7).
        while let Err(error) = socket.recv(&mut reply) {
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        }
        (reply[3] & 15, reply[7])
    }

    #[test]
    fn a_zone_is_served_as_soon_as_it_was_added() {
        let server = PowerDns::start().unwrap();
        assert_eq!(ask_mx(&server, "example.test"), (5, 0), "a zone that nobody added is refused");
        server.add_zone("test", "example IN MX 10 mx.example\nexample IN MX 20 mx2.example").unwrap();
        assert_eq!(ask_mx(&server, "example.test"), (0, 2));
        assert_eq!(ask_mx(&server, "absent.test"), (3, 0));
        let refused = server.add_zone("broken", "$NONSENSE").unwrap_err();
        assert!(format!("{refused}").contains("$NONSENSE"), "{refused}");
    }
}
