//! The accounts list as a CSV file (RFC 4180), page by page: never more than one page of it is in memory.
//!
//! The file begins with a byte order mark, without which spreadsheets take UTF-8 for something else. A cell that a spreadsheet
//! would take for a formula gets an apostrophe in front: names come from strangers, too.

pub mod api;

use super::list::{AccountRow, Filter, SideRow, Sort, list};
use super::{State, SyncStage};
use crate::app::App;
use crate::http::page;
use crate::team::{self, Actor};
use db::DbResult;
use db::page::Cursor;

/// Rows of one chunk of the file.
const ROWS: usize = 500;
/// What spreadsheets know UTF-8 by.
const MARK: &str = "\u{feff}";

/// The file's columns.
const HEAD: [&str; 15] = [
    "Address",
    "Display name",
    "Provider",
    "User",
    "Health",
    "Emails sent",
    "Sent today",
    "Status",
    "Receiving",
    "Receiving: why",
    "Sending",
    "Sending: why",
    "Sync",
    "Tags",
    "Connected on",
];

/// A file that is being written.
pub struct Export {
    app: App,
    actor: Actor,
    filter: Filter,
    order: (Sort, bool),
    today: String,
    next: Next,
}

/// Where the next chunk begins.
enum Next {
    Head,
    After(Cursor),
    End,
}

impl Export {
    /// Of the accounts that the actor sees and that fit.
    #[must_use]
    pub fn new(app: &App, actor: Actor, filter: Filter, order: (Sort, bool)) -> Self {
        let today = team::today(&actor.time_zone, app.clock.now());
        Self { app: app.clone(), actor, filter, order, today, next: Next::Head }
    }

    /// What the file is called.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("accounts-{}.csv", self.today)
    }

    /// The next chunk of the file; none at its end.
    ///
    /// # Errors
    /// Only the database's: the file ends in the middle.
    pub async fn chunk(&mut self) -> DbResult<Option<Vec<u8>>> {
        let (cursor, mut out) = match std::mem::replace(&mut self.next, Next::End) {
            Next::Head => (None, line(MARK.as_bytes().to_vec(), HEAD.map(str::to_owned))),
            Next::After(cursor) => (Some(cursor), vec![]),
            Next::End => return Ok(None),
        };
        let part = (cursor.as_ref(), ROWS, self.today.as_str());
        let page = list(&mut self.app.db.read().await?, &self.actor, &self.filter, self.order, part).await?;
        for row in &page.items {
            out = line(out, cells(row));
        }
        if let Some(next) = page.next {
            self.next = Next::After(next);
        }
        Ok(Some(out))
    }
}

/// Appends a line.
fn line<const N: usize>(out: Vec<u8>, cells: [String; N]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    // Writing into memory does not fail, and every line has the same number of cells.
    let _ = writer.write_record(cells.map(harmless));
    writer.into_inner().unwrap_or_default()
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn cells(row: &AccountRow) -> [String; HEAD.len()] {
    let (receiving, sending) = (row.receiving(), row.sending());
    let user = if row.user_id.is_some() { row.user_name.clone() } else { "Team".into() };
    [
        row.address.clone(),
        row.display_name.clone(),
        super::api::label(row.provider, &row.provider_name),
        user,
        row.health.map(|h| h.to_string()).unwrap_or_default(),
        row.sent_total.to_string(),
        row.sent_today.to_string(),
        word(row.status).into(),
        word(receiving.state).into(),
        why(&receiving),
        word(sending.state).into(),
        why(&sending),
        stage(row).into(),
        row.tags().join(", "),
        page::time(row.created_at),
    ]
}

/// What the reason means, and what the server said.
fn why(side: &SideRow) -> String {
    let meaning = side.reason.map(|r| r.text().to_owned());
    let said = side.server_words.as_ref().map(|w| format!("The server said: {w}"));
    [meaning, said].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

const fn word(state: State) -> &'static str {
    match state {
        State::Connected => "Connected",
        State::Connecting => "Connecting",
        State::Paused => "Paused",
        State::Disconnected => "Disconnected",
        State::ReconnectRequired => "Reconnect required",
        State::NotSetUp => "Not set up",
    }
}

const fn stage(row: &AccountRow) -> &'static str {
    match row.sync_stage {
        _ if row.paused_at.is_some() => "Waiting",
        SyncStage::Waiting => "Waiting",
        SyncStage::Importing => "Importing",
        SyncStage::Live => "Live",
        SyncStage::BackingOff => "Waits for the next attempt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_as_rfc_4180_says_and_none_is_a_formula() {
        let cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "a,b", "say \"hi\"", "two\nlines", "plain", ""];
        let text = String::from_utf8(line(vec![], cells.map(str::to_owned))).unwrap();
        let want = "'=1+1,'+1,'-1,'@x,'\tx,\"'\rx\",\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",plain,\r\n";
        assert_eq!(text, want);
    }
}
