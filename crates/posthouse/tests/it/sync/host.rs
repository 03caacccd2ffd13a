//! The servers of these scenarios, and what somebody else does in a mailbox there: Dovecot's by its own tools and files, those of
//! Cyrus and Courier by another mail program.

use super::Offers;
use crate::support::{Engine, connect_request};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use testkit::{MailWorld, Mailbox, OtherProgram, Peer, PeerServer, Stored};

/// Which server, and what it does not offer.
#[derive(Debug, Clone, Copy)]
pub struct At {
    pub peer: Option<Peer>,
    pub offers: Offers,
}

impl From<Offers> for At {
    fn from(offers: Offers) -> Self {
        Self { peer: None, offers }
    }
}

impl From<Peer> for At {
    fn from(peer: Peer) -> Self {
        Self { peer: Some(peer), offers: Offers::All }
    }
}

impl At {
    /// As part of an address.
    pub fn name(self) -> String {
        self.peer.map(|p| format!("{p:?}-")).unwrap_or_default() + &format!("{:?}", self.offers)
    }

    pub fn has_move(self) -> bool {
        self.peer != Some(Peer::Courier) && matches!(self.offers, Offers::All | Offers::Condstore | Offers::Neither)
    }
}

/// A mailbox on one of them. Folders are named as in Dovecot: `/` between levels, and none in the inbox.
pub struct Host {
    pub world: &'static MailWorld,
    /// Sends by it; on Dovecot it is the mailbox itself.
    pub mailbox: Mailbox,
    peer: Option<(Peer, &'static PeerServer, Mailbox)>,
}

impl Host {
    pub fn new(engine: Engine, name: &str, peer: Option<Peer>) -> Self {
        let world = MailWorld::shared();
        let mailbox = world.add_user(&format!("{name}-{engine:?}").to_lowercase()).unwrap();
        let peer = peer.map(|peer| {
            let server = PeerServer::shared(peer);
            let (address, password) = server.user().unwrap();
            (peer, server, Mailbox { address, password })
        });
        Self { world, mailbox, peer }
    }

    /// IMAP, where a password may come without TLS.
    pub fn port(&self) -> u16 {
        self.peer.as_ref().map_or_else(|| self.world.imap_port(), |(_, server, _)| server.port)
    }

    /// What connects it, IMAP by this port.
    pub fn request(&self, port: u16) -> Value {
        let mut request = connect_request(self.world, &self.mailbox);
        request["imap"]["port"] = json!(port);
        request["imap"]["encryption"] = json!("none");
        if let Some((_, _, mailbox)) = &self.peer {
            request["imap"]["username"] = json!(mailbox.address);
            request["imap"]["password"] = json!(mailbox.password);
        }
        request
    }

    /// As the server names it: both others have all folders below the inbox, with a dot.
    pub fn named(&self, folder: &str) -> String {
        match self.peer {
            Some(_) if folder != "INBOX" => format!("INBOX.{}", folder.replace('/', ".")),
            _ => folder.to_owned(),
        }
    }

    /// As these scenarios name it.
    pub fn common(&self, name: &str) -> String {
        let inside = self.peer.as_ref().and_then(|_| name.strip_prefix("INBOX."));
        inside.map_or_else(|| name.to_owned(), |inside| inside.replace('.', "/"))
    }

    fn other(&self) -> Option<OtherProgram> {
        self.peer.as_ref().map(|(_, server, mailbox)| server.other(&mailbox.address).unwrap())
    }

    pub fn doveadm(&self, words: &[&str]) {
        let (verb, rest) = words.split_first().unwrap();
        let mut all: Vec<&str> = verb.split(' ').collect();
        all.extend(["-u", &self.mailbox.address]);
        all.extend(rest);
        self.world.doveadm(&all).unwrap();
    }

    /// Stores a message; makes the folder if it is missing.
    pub fn put(&self, folder: &str, raw: &[u8]) {
        let Some(mut other) = self.other() else {
            return self.world.put(&self.mailbox.address, folder, raw).unwrap();
        };
        let name = self.named(folder);
        if other.append(&name, raw).is_err() {
            let _ = other.command(&format!("CREATE \"{name}\""));
            other.append(&name, raw).unwrap();
        }
    }

    /// Whether Dovecot may read the file of the messages that have this text. Of one that it may not read it says
    /// `* BYE FETCH failed`, and hangs up.
    pub fn set_readable(&self, folder: &str, text: &str, readable: bool) {
        let maildir = self.world.maildir(&self.mailbox.address, folder);
        let files = ["new", "cur"].map(|part| maildir.join(part).read_dir().unwrap());
        for file in files.into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains(text) {
                let mode = if readable { 0o600 } else { 0 };
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }

    /// Delivers one to the inbox, where the server has a way for it.
    pub fn deliver(&self, raw: &[u8]) {
        match self.peer {
            None => self.world.deliver(&self.mailbox.address, raw).unwrap(),
            Some(_) => self.put("INBOX", raw),
        }
    }

    /// Sets or clears flags of the messages with this Message-ID.
    pub fn flag(&self, folder: &str, id: &str, (sets, flags): (bool, &str)) {
        let Some(mut other) = self.other() else {
            let verb = if sets { "flags add" } else { "flags remove" };
            return self.doveadm(&[verb, flags, "mailbox", folder, "header", "message-id", id]);
        };
        let sign = if sets { '+' } else { '-' };
        each(&mut other, &self.named(folder), id, &format!("UID STORE # {sign}FLAGS.SILENT ({flags})"));
    }

    pub fn expunge(&self, folder: &str, id: &str) {
        let Some(mut other) = self.other() else {
            return self.doveadm(&["expunge", "mailbox", folder, "header", "message-id", id]);
        };
        each(&mut other, &self.named(folder), id, "UID STORE # +FLAGS.SILENT (\\Deleted)");
        other.command("EXPUNGE").unwrap();
    }

    pub fn copy(&self, folder: &str, id: &str, to: &str) {
        let Some(mut other) = self.other() else {
            return self.doveadm(&["copy", to, "mailbox", folder, "header", "message-id", id]);
        };
        each(&mut other, &self.named(folder), id, &format!("UID COPY # \"{}\"", self.named(to)));
    }

    /// As other programs do where there is MOVE, and where there is none.
    pub fn move_to(&self, folder: &str, id: &str, to: &str) {
        match self.peer {
            None => self.doveadm(&["move", to, "mailbox", folder, "header", "message-id", id]),
            Some((Peer::Courier, ..)) => {
                self.copy(folder, id, to);
                self.expunge(folder, id);
            }
            Some((Peer::Cyrus, ..)) => {
                let mut other = self.other().unwrap();
                each(&mut other, &self.named(folder), id, &format!("UID MOVE # \"{}\"", self.named(to)));
            }
        }
    }

    pub fn create(&self, folder: &str) {
        match self.other() {
            None => self.world.create_folder(&self.mailbox.address, folder).unwrap(),
            Some(mut other) => drop(other.command(&format!("CREATE \"{}\"", self.named(folder))).unwrap()),
        }
    }

    pub fn rename(&self, folder: &str, to: &str) {
        let Some(mut other) = self.other() else { return self.doveadm(&["mailbox rename", folder, to]) };
        other.command(&format!("RENAME \"{}\" \"{}\"", self.named(folder), self.named(to))).unwrap();
    }

    pub fn delete(&self, folder: &str) {
        let Some(mut other) = self.other() else { return self.doveadm(&["mailbox delete", folder]) };
        other.command(&format!("DELETE \"{}\"", self.named(folder))).unwrap();
    }

    /// Deletes a folder that the server made by itself, if it did.
    pub fn strip(&self, folder: &str) {
        let (name, mut other) = (self.named(folder), self.other().unwrap());
        // A folder with a use is not deleted.
        let _ = other.command(&format!("SETMETADATA \"{name}\" (/private/specialuse NIL)"));
        let _ = other.command(&format!("DELETE \"{name}\""));
    }

    /// Gives the messages of a folder new UIDs, with a new UIDVALIDITY. No session may have it open. Cyrus does so only where a
    /// folder is made anew.
    pub fn renew_uids(&self, folder: &str) {
        let Some((peer, server, mailbox)) = &self.peer else {
            return self.world.renew_uids(&self.mailbox.address, folder).unwrap();
        };
        let name = self.named(folder);
        if *peer == Peer::Courier {
            return server.forget_uids(&mailbox.address, &name).unwrap();
        }
        let mut other = server.other(&mailbox.address).unwrap();
        for command in [
            "CREATE \"INBOX.Aside\"".to_owned(),
            format!("SELECT \"{name}\""),
            "UID MOVE 1:* \"INBOX.Aside\"".to_owned(),
            "UNSELECT".to_owned(),
            // A folder with a use is not deleted.
            format!("SETMETADATA \"{name}\" (/private/specialuse NIL)"),
            format!("DELETE \"{name}\""),
            format!("CREATE \"{name}\" (USE (\\{folder}))"),
            "SELECT \"INBOX.Aside\"".to_owned(),
            format!("UID MOVE 1:* \"{name}\""),
            "UNSELECT".to_owned(),
            "DELETE \"INBOX.Aside\"".to_owned(),
        ] {
            other.command(&command).unwrap();
        }
    }

    /// Delivers to Courier's inbox under this file name.
    pub fn lay(&self, name: &str, raw: &[u8]) {
        let (_, server, mailbox) = self.peer.as_ref().unwrap();
        server.lay(&mailbox.address, name, raw).unwrap();
    }

    /// The messages of a folder as they lie there; an absent folder is empty.
    pub fn stored(&self, folder: &str) -> Vec<Stored> {
        match self.other() {
            None => self.world.stored(&self.mailbox.address, folder).unwrap(),
            Some(mut other) => other.stored(&self.named(folder)).unwrap(),
        }
    }
}

/// The command for all messages of the folder with this Message-ID, `#` being their UIDs.
fn each(other: &mut OtherProgram, folder: &str, id: &str, command: &str) {
    let uids: Vec<String> = other.find(folder, id).unwrap().iter().map(u32::to_string).collect();
    if !uids.is_empty() {
        other.command(&command.replace('#', &uids.join(","))).unwrap();
    }
}
