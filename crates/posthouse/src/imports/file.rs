//! The file: bytes become rows of cells, and rows become a file that a spreadsheet opens without running anything in it.
//!
//! Read are UTF-8 and UTF-16 with or without a byte order mark, else Windows-1252, as Excel writes it; commas, semicolons or
//! tabs between the cells, as the first line shows; quotes as in RFC 4180.

use super::quotes;
use crate::base::secret::Secret;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Rows of one file at most: each is two sign-ins at somebody's servers.
pub const MAX_ROWS: usize = 1_000;
/// Columns that are looked at in the first line; the names of more are not worth telling.
const MAX_COLUMNS: usize = 100;
/// Names of columns that are told at most.
const TOLD: usize = 10;

/// The columns, in the order of the sample.
pub const COLUMNS: [&str; 17] = [
    "address",
    "display_name",
    "password",
    "provider",
    "provider_name",
    "imap_host",
    "imap_port",
    "imap_encryption",
    "imap_username",
    "imap_password",
    "smtp_host",
    "smtp_port",
    "smtp_encryption",
    "smtp_username",
    "smtp_password",
    "import_days",
    "team",
];

/// Those that hold a password.
pub const PASSWORDS: [&str; 3] = ["password", "imap_password", "smtp_password"];

/// What our own file of failed rows has more: read over when that file comes back.
const ERROR: &str = "error";

/// Other names that spreadsheets have for a column.
const ALIASES: [(&str, &str); 4] =
    [("email", "address"), ("e_mail", "address"), ("email_address", "address"), ("name", "display_name")];

/// The cells of a row that are no passwords, by column; empty ones are left out.
pub type Cells = BTreeMap<String, String>;

/// A row of the file.
pub struct Line {
    /// Its line in the file, counted from 1.
    pub number: u64,
    /// What it says.
    pub cells: Cells,
    /// Its passwords, by column.
    pub passwords: BTreeMap<&'static str, Secret>,
    /// Its cells stand in other columns than they belong to: then nothing of them is here.
    pub slip: Option<Slip>,
}

/// How a row shows that its cells slipped. A password may be any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Slip {
    /// More cells than columns.
    #[error(
        "The row has more cells than the first line has columns. Put a cell that holds a comma or semicolon in quotes."
    )]
    TooMany,
    /// Fewer cells than columns.
    #[error(
        "The row has fewer cells than the first line has columns. Separate its cells as the first line does, give every column its cell, and close every quote."
    )]
    TooFew,
    /// A cell that goes over several lines.
    #[error("A cell that begins in this row goes over several lines. Look for a quote that is not closed.")]
    Lines,
}

/// A file that was read.
pub struct Sheet {
    /// Its rows; never none.
    pub lines: Vec<Line>,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// Why nothing of a file can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No rows.
    #[error("The file has no rows below its first line. Put one account into each row.")]
    Empty,
    /// A workbook.
    #[error("This is a workbook, not a CSV. In the spreadsheet choose Save as, then CSV UTF-8, and upload that file.")]
    Workbook,
    /// Zeros in the text.
    #[error("This is no text file. Save the table as CSV and upload that file.")]
    NotText,
    /// No address. The first line may be an account: only names of ours are told.
    #[error("{}", no_address(*.columns, .known))]
    NoAddress {
        /// How many columns there are.
        columns: usize,
        /// Those of them that are known here.
        known: Vec<&'static str>,
    },
    /// A column twice.
    #[error("The column \"{0}\" is there twice. Remove or rename one of them.")]
    Twice(String),
    /// Too many rows.
    #[error("The file has more than {MAX_ROWS} rows. Split it, and upload the parts one after the other.")]
    TooMany,
    /// A quote that does not end.
    #[error(
        "A cell in line {0} begins with a quote that is not closed. Close it, or remove it. A quote that belongs to a cell is written twice, and the cell stands in quotes."
    )]
    Unclosed(u64),
    /// What the reader refuses.
    #[error("The file cannot be read as CSV at line {0}. Look at the quotes there.")]
    Broken(u64),
}

fn no_address(columns: usize, known: &[&str]) -> String {
    let has = if columns == 1 { "1 column".to_owned() } else { format!("{columns} columns") };
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!(
        "The first line must name the columns, and one of them must be \"address\". It has {has}; of the names that are known here: {known}."
    )
}

/// Reads a file.
///
/// # Errors
/// When nothing of it can be used.
pub fn read(bytes: &[u8]) -> Result<Sheet, FileError> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(FileError::Workbook);
    }
    let mut notes = vec![];
    let text = decoded(bytes, &mut notes)?;
    let mut at = LineCount { text: text.as_bytes(), counted: 0, line: 1 };
    let (separator, table) = separated(&text);
    let above = text.len().saturating_sub(table.len());
    if let Some(open) = quotes::unclosed(table.as_bytes(), separator) {
        return Err(FileError::Unclosed(at.line_of(above.saturating_add(open))));
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(table.as_bytes());
    let mut records = reader.records();
    let line_of = |e: &csv::Error| e.position().map_or(1, csv::Position::line);
    let first = records.next().ok_or(FileError::Empty)?.map_err(|e| FileError::Broken(line_of(&e)))?;
    let columns = columns(&first, &mut notes)?;
    let named =
        first.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()).last().map_or(0, |(last, _)| last + 1);
    let mut lines = vec![];
    for record in records {
        let record = record.map_err(|e| FileError::Broken(line_of(&e)))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if lines.len() == MAX_ROWS {
            return Err(FileError::TooMany);
        }
        let begin = record.position().and_then(|p| usize::try_from(p.byte()).ok()).unwrap_or_default();
        lines.push(line((&columns, named), &record, at.line_of(above.saturating_add(begin))));
    }
    if lines.is_empty() { Err(FileError::Empty) } else { Ok(Sheet { lines, notes }) }
}

/// Counts lines as people see them. The reader's own count stands before the empty lines above a row, and before the second
/// half of a CRLF.
struct LineCount<'t> {
    text: &'t [u8],
    counted: usize,
    line: u64,
}

impl LineCount<'_> {
    /// The line of what begins here; asked in the order of the text.
    fn line_of(&mut self, begin: usize) -> u64 {
        let ends = |b: &u8| [b'\r', b'\n'].contains(b);
        let rest = self.text.get(begin..).unwrap_or_default();
        let begin = begin + rest.iter().take_while(|b| ends(b)).count();
        let passed = self.text.get(self.counted..begin).unwrap_or_default();
        for (n, byte) in passed.iter().enumerate() {
            let half = *byte == b'\r' && self.text.get(self.counted + n + 1) == Some(&b'\n');
            self.line += u64::from(ends(byte) && !half);
        }
        self.counted = begin;
        self.line
    }
}

fn decoded(bytes: &[u8], notes: &mut Vec<String>) -> Result<Zeroizing<String>, FileError> {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = marked
        .or_else(|| sixteen_bits(bytes))
        .unwrap_or_else(|| if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 });
    let (text, _, broken) = encoding.decode(bytes);
    if text.contains('\0') {
        return Err(FileError::NotText);
    }
    if encoding == WINDOWS_1252 {
        notes.push(
            "The file is not UTF-8 and was read as Windows-1252: look at names and passwords with accents.".into(),
        );
    } else if broken {
        notes.push("Some characters of the file could not be read: look at names and passwords with accents.".into());
    }
    Ok(Zeroizing::new(text.into_owned()))
}

/// UTF-16 without a mark: mostly Latin text, so every second byte is zero.
fn sixteen_bits(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
    let (high_first, low_first) = (zeros(0), zeros(1));
    let many = head.len() / 4;
    if low_first > many && high_first == 0 {
        Some(UTF_16LE)
    } else if high_first > many && low_first == 0 {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// What stands between the cells: what the first line has most of. Excel's own line `sep=;` says it.
fn separated(text: &str) -> (u8, &str) {
    let (first, rest) = text.split_at(text.find(['\r', '\n']).unwrap_or(text.len()));
    if let Some(&[separator]) = first.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        return (separator, rest);
    }
    let count = |separator: char| {
        let mut quoted = false;
        first
            .chars()
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted && *c == separator
            })
            .count()
    };
    let most = [(b',', count(',')), (b';', count(';')), (b'\t', count('\t'))];
    let separator = most.into_iter().rev().max_by_key(|(_, n)| *n).map_or(b',', |(separator, _)| separator);
    (separator, text)
}

/// Which column each cell belongs to; none for one that is not known.
fn columns(first: &csv::StringRecord, notes: &mut Vec<String>) -> Result<Vec<Option<&'static str>>, FileError> {
    let mut out: Vec<Option<&'static str>> = vec![];
    let mut unknown = vec![];
    for cell in first.iter().take(MAX_COLUMNS) {
        let name = cell.trim().to_lowercase().replace([' ', '-'], "_");
        let meant = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, column)| column);
        let column = COLUMNS.iter().find(|column| **column == meant).copied();
        if let Some(column) = column
            && out.contains(&Some(column))
        {
            return Err(FileError::Twice(column.into()));
        }
        if column.is_none() && !name.is_empty() && name != ERROR {
            unknown.push(cell.trim());
        }
        out.push(column);
    }
    if !out.contains(&Some("address")) {
        return Err(FileError::NoAddress { columns: first.len(), known: out.into_iter().flatten().collect() });
    }
    if !unknown.is_empty() {
        notes.push(format!("Columns that are not known here are not used: {}.", told(&unknown)));
    }
    Ok(out)
}

/// Columns that are not known, for a text. An account that slipped into the first line may hold a password: names are told
/// only when all of them can be names.
fn told(unknown: &[&str]) -> String {
    let plain = |c: char| c.is_alphanumeric() || [' ', '_', '-'].contains(&c);
    if !unknown.iter().all(|cell| cell.chars().all(plain)) {
        return format!("{} of them", unknown.len());
    }
    let short = |cell: &&str| format!("\"{}\"", cell.chars().take(30).collect::<String>());
    unknown.iter().take(TOLD).map(short).collect::<Vec<_>>().join(", ")
}

/// A row. `named` is the number of columns up to the last one that has a name.
fn line((columns, named): (&[Option<&'static str>], usize), record: &csv::StringRecord, number: u64) -> Line {
    if let Some(slip) = slip((columns, named), record) {
        return Line { number, cells: Cells::new(), passwords: BTreeMap::new(), slip: Some(slip) };
    }
    let (mut cells, mut passwords) = (Cells::new(), BTreeMap::new());
    for (column, cell) in columns.iter().zip(record) {
        let Some(column) = column else { continue };
        if PASSWORDS.contains(column) {
            if !cell.is_empty() {
                passwords.insert(*column, Secret::new(cell.to_owned()));
            }
        } else if !cell.trim().is_empty() {
            cells.insert((*column).to_owned(), unguarded(cell.trim()).to_owned());
        }
    }
    Line { number, cells, passwords, slip: None }
}

fn slip((columns, named): (&[Option<&'static str>], usize), record: &csv::StringRecord) -> Option<Slip> {
    // A column of notes that is not used here may go over lines.
    let used = columns.iter().zip(record).filter(|(column, _)| column.is_some());
    if used.into_iter().any(|(_, cell)| cell.trim().contains(['\r', '\n'])) {
        Some(Slip::Lines)
    } else if record.len() < named {
        Some(Slip::TooFew)
    } else {
        record.iter().skip(named).any(|cell| !cell.trim().is_empty()).then_some(Slip::TooMany)
    }
}

/// What spreadsheets take for a formula (OWASP, CSV injection).
fn begins_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A cell as it is written: one that a spreadsheet would run begins with an apostrophe.
fn guarded(cell: &str) -> Cow<'_, str> {
    if begins_formula(cell) { format!("'{cell}").into() } else { cell.into() }
}

/// A cell as we wrote it, read again.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| begins_formula(rest)).unwrap_or(cell)
}

/// Writes a file: UTF-8 with the mark that Excel needs to take it for such.
fn written(rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    for row in rows {
        writer.write_record(row.iter().map(|cell| guarded(cell).into_owned()))?;
    }
    writer.into_inner().map_err(|e| csv::Error::from(std::io::Error::other(e.to_string())))
}

/// The failed rows with why they failed, in the columns that are read again. There is no password in them.
///
/// # Errors
/// None that happens: it is written into memory.
pub fn failed(rows: impl Iterator<Item = (Cells, String)>) -> Result<Vec<u8>, csv::Error> {
    let header = COLUMNS.iter().chain([&ERROR]).map(|c| (*c).to_owned()).collect();
    let rows = rows.map(|(cells, error)| {
        COLUMNS.iter().map(|c| cells.get(*c).cloned().unwrap_or_default()).chain([error]).collect()
    });
    written(std::iter::once(header).chain(rows))
}

/// A file to begin with.
///
/// # Errors
/// None that happens: it is written into memory.
pub fn sample() -> Result<Vec<u8>, csv::Error> {
    let rows: [&[(&str, &str)]; 3] = [
        &[("address", "ana@example.com"), ("display_name", "Ana Diaz"), ("password", "password-of-ana")],
        &[
            ("address", "ben@example.org"),
            ("display_name", "Ben Kim"),
            ("password", "app-password-of-ben"),
            ("provider", "google"),
            ("import_days", "90"),
        ],
        &[
            ("address", "sales@example.net"),
            ("display_name", "Sales"),
            ("password", "password-of-sales"),
            ("provider", "custom"),
            ("provider_name", "Old Host"),
            ("imap_host", "imap.example.net"),
            ("imap_port", "993"),
            ("imap_encryption", "tls"),
            ("smtp_host", "smtp.example.net"),
            ("smtp_port", "587"),
            ("smtp_encryption", "starttls"),
            ("smtp_username", "sales-out"),
            ("smtp_password", "another-password"),
            ("team", "no"),
        ],
    ];
    let header = COLUMNS.map(str::to_owned).to_vec();
    let cell = |row: &[(&str, &str)], column: &str| {
        row.iter().find(|(name, _)| *name == column).map(|(_, value)| (*value).to_owned()).unwrap_or_default()
    };
    let rows = rows.iter().map(|row| COLUMNS.iter().map(|column| cell(row, column)).collect());
    written(std::iter::once(header).chain(rows))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
