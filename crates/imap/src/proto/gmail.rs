//! What Gmail tells beside the standard (X-GM-EXT-1): what a message is called whatever folder it is met in, its
//! conversation, its labels.

use super::fetch::{FetchItem, Fetched};
use super::mailbox::MailboxName;
use super::tree::Value;

/// Labels of one message that are kept: Gmail allows 10,000 in a mailbox, and people see a few of a message.
const MAX_LABELS: usize = 100;

/// The capability that the items need.
pub const CAPABILITY: &str = "X-GM-EXT-1";

/// What FETCH told of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gmail {
    /// X-GM-MSGID: one message has it in every folder.
    pub message_id: Option<u64>,
    /// X-GM-THRID: the conversation.
    pub thread_id: Option<u64>,
    /// X-GM-LABELS, readable, in the server's order, without the folder that the message was fetched from (Gmail leaves that
    /// out). Gmail's own begin with a backslash: `\\Inbox`, `\\Sent`, `\\Starred`. At most 100.
    pub labels: Option<Vec<String>>,
}

impl Gmail {
    /// The items to ask for.
    #[must_use]
    pub fn items() -> [FetchItem; 3] {
        ["X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS"].map(|name| FetchItem::Other(name.to_owned()))
    }

    /// What a FETCH reply says; nothing when it says none of it.
    #[must_use]
    pub fn of(message: &Fetched) -> Option<Self> {
        let number = |name: &str| message.other(name).and_then(Value::number).filter(|number| *number > 0);
        let (message_id, thread_id) = (number("X-GM-MSGID"), number("X-GM-THRID"));
        let labels = message.other("X-GM-LABELS").and_then(Value::list).map(labels);
        (message_id.is_some() || thread_id.is_some() || labels.is_some()).then_some(Self {
            message_id,
            thread_id,
            labels,
        })
    }
}

/// Labels are written as mailbox names are.
fn labels(values: &[Value]) -> Vec<String> {
    let readable = |value: &Value| Some(MailboxName::from_raw(value.text()?).decode());
    values.iter().filter_map(readable).filter(|label| !label.is_empty()).take(MAX_LABELS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::reader::{Event, ReadLimits, Reader, Reply};
    use crate::proto::reply::Untagged;

    fn fetched(line: &str) -> Fetched {
        let mut reader = Reader::new(ReadLimits::default());
        reader.buffer_mut().extend_from_slice(line.as_bytes());
        let Ok(Some(Event::Reply(Reply::Data(values)))) = reader.next() else { panic!("{line}") };
        let Untagged::Fetch(message) = Untagged::parse(values) else { panic!("{line}") };
        *message
    }

    #[test]
    fn ids_and_labels_in_every_form() {
        let line = "* 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-MSGID 18446744073709551615 X-GM-LABELS \
            (\\Inbox \"\\\\Sent\" Important \"Muy Importante\" \"Entw&APw-rfe\" {3}\r\na(b) UID 11)\r\n";
        let told = Gmail::of(&fetched(line)).unwrap();
        assert_eq!((told.message_id, told.thread_id), (Some(u64::MAX), Some(1_278_455_344_230_334_865)));
        let labels = ["\\Inbox", "\\Sent", "Important", "Muy Importante", "Entwürfe", "a(b"];
        assert_eq!(told.labels.unwrap(), labels);
    }

    #[test]
    fn odd_values_are_absent() {
        assert_eq!(Gmail::of(&fetched("* 1 FETCH (UID 1 FLAGS ())\r\n")), None);
        let told = Gmail::of(&fetched("* 1 FETCH (X-GM-MSGID 0 X-GM-THRID x X-GM-LABELS ())\r\n")).unwrap();
        assert_eq!(told, Gmail { message_id: None, thread_id: None, labels: Some(vec![]) });
        let many = "a ".repeat(500);
        let told = Gmail::of(&fetched(&format!("* 1 FETCH (X-GM-LABELS ({many}))\r\n"))).unwrap();
        assert_eq!(told.labels.unwrap().len(), MAX_LABELS);
    }
}
