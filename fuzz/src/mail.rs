//! Mail of strangers in, mail of ours out.

use std::collections::HashSet;

use mail::address::{self, EmailAddress, Mailbox};
use mail::compose::{self, Outgoing, OutgoingFile};
use mail::html_in::{self, Images, Sanitised};
use mail::parsed::{self, Correspondent, Parsed};
use mail::terms;

/// A control character or line separator: what must never stand in a header value.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_line(text: &str, max: usize) -> bool {
    text.len() <= max && !text.chars().any(is_control)
}

/// The input is a header block: values are bounded and on one line, and can be written into a header of ours.
pub fn mail_headers(input: &[u8]) {
    let header = parsed::header_block(input);
    assert!(input.starts_with(header));
    let parsed = parsed::parse(header);
    check_parsed(&parsed);
    for person in parsed.from.iter().chain(&parsed.to).chain(&parsed.cc).take(20) {
        let Some(mailbox) = person.mailbox() else { continue };
        let printed = mailbox.to_string();
        assert!(is_line(&printed, 2_000), "{printed:?}");
        assert_eq!(address::parse_list(&printed, 1).map(|mut list| list.pop()), Ok(Some(mailbox.clone())));
        answer(&parsed, mailbox);
    }
}

/// An answer to such a message can be written, or is refused; nothing of the stranger becomes a field of its own.
fn answer(parsed: &Parsed, to: Mailbox) {
    let mut message = plain(to);
    message.subject = parsed.subject.chars().take(200).collect();
    message.in_reply_to.clone_from(&parsed.message_id);
    message.references.clone_from(&parsed.references);
    let bytes = compose::compose(&message, 1 << 20).expect("an answer to a parsed message can be written");
    check_composed(&message, &bytes);
}

fn plain(to: Mailbox) -> Outgoing {
    Outgoing {
        from: Mailbox::bare(EmailAddress::parse("me@example.com").expect("an address")),
        reply_to: None,
        to: vec![to],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: String::new(),
        text: "Hello".to_owned(),
        html: None,
        message_id: compose::message_id([7; 16], "example.com"),
        date_micros: 1_700_000_000_000_000,
        in_reply_to: None,
        references: Vec::new(),
        attachments: Vec::new(),
    }
}

fn check_parsed(parsed: &Parsed) {
    assert!(is_line(&parsed.subject, parsed::MAX_SUBJECT_OCTETS), "{:?}", parsed.subject);
    let ids = parsed.message_id.iter().chain(&parsed.in_reply_to).chain(&parsed.references);
    assert!(ids.into_iter().all(|id| parsed::is_message_id(id)));
    assert!(parsed.references.len() <= parsed::MAX_REFERENCES);
    for people in [&parsed.from, &parsed.to, &parsed.cc, &parsed.bcc, &parsed.reply_to] {
        assert!(people.len() <= parsed::MAX_CORRESPONDENTS);
        people.iter().for_each(check_person);
    }
    let body = |body: &Option<String>| body.as_ref().map_or(0, String::len);
    assert!(body(&parsed.text) <= parsed::MAX_BODY_OCTETS && body(&parsed.html) <= parsed::MAX_BODY_OCTETS);
    let text = parsed.text.as_deref().unwrap_or_default();
    assert!(!text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
    assert!(parsed.snippet.chars().count() <= parsed::MAX_SNIPPET_CHARS && !parsed.snippet.chars().any(is_control));
    for (at, problem) in parsed.problems.iter().enumerate() {
        assert!(!parsed.problems[..at].contains(problem), "{problem} twice");
    }
    assert!(!parsed.problems.contains(&parsed::Problem::Unreadable), "the parser panicked");
}

fn check_person(person: &Correspondent) {
    assert!(is_line(&person.address, parsed::MAX_SUBJECT_OCTETS), "{person:?}");
    assert!(is_line(person.name.as_deref().unwrap_or_default(), address::MAX_NAME_OCTETS), "{person:?}");
    assert!(person.name.is_some() || !person.address.is_empty());
}

/// Parts are bounded in number and size, lie inside the message, and can be opened one by one.
pub fn mail_mime(input: &[u8]) {
    let parsed = parsed::parse(input);
    check_parsed(&parsed);
    assert!(parsed.attachments.len() <= parsed::MAX_PARTS);
    let total: usize = parsed.attachments.iter().map(|file| file.size).sum();
    assert!(total <= input.len(), "{total} octets of files in {}", input.len());
    for (index, file) in parsed.attachments.iter().enumerate() {
        assert!(file.index == index && !file.name.is_empty());
        assert!(is_line(&file.name, parsed::MAX_FILE_NAME_OCTETS), "{:?}", file.name);
        assert!(!file.name.contains(['/', '\\', '<', '>', '"', ':']) && !file.name.starts_with('.'), "{}", file.name);
        assert!(file.content_type.split_once('/').is_some() && is_line(&file.content_type, 255));
        assert!(is_line(file.content_id.as_deref().unwrap_or("x"), 254));
    }
    let last = parsed.attachments.len();
    for index in (0..last.min(8)).chain(last.checked_sub(1)) {
        let (file, bytes) = parsed::attachment(input, index).expect("an attachment that was listed");
        assert!(file == parsed.attachments[index] && bytes.len() == file.size);
    }
    assert!(parsed::attachment(input, last).is_none());
    if let Some(html) = &parsed.html {
        show(html);
    }
}

fn show(html: &str) -> Sanitised {
    let shown = html_in::sanitise(html, Images::Blocked, Box::new(|_| None));
    check_document(&shown.document, false);
    shown
}

/// What comes out has no way to run, load or move anything, and going through again changes nothing.
pub fn html_in(input: &[u8]) {
    let html = String::from_utf8_lossy(input);
    let once = show(&html);
    let body = body_of(&once.document);
    let again = show(body).document;
    let (text, values) = content_of(body);
    let (text_again, values_again) = content_of(body_of(&again));
    assert_eq!(text_again, text, "other text a second time");
    assert!(values_again.is_subset(&values), "new attributes a second time: {values_again:?}, not {values:?}");
    let proxy = Images::Proxied(Box::new(|index| format!("/image/{index}")));
    let inline = |id: &str| (id == "a").then(|| "data:image/png;base64,QUJD".to_owned());
    let proxied = html_in::sanitise(&html, proxy, Box::new(inline));
    check_document(&proxied.document, true);
    assert!(proxied.remote_images == once.remote_images && proxied.remote_images.len() <= html_in::MAX_REMOTE_IMAGES);
    for url in &proxied.remote_images {
        assert!(url.starts_with("http://") || url.starts_with("https://"), "{url}");
        assert!(is_line(url, html_in::MAX_URL_OCTETS));
    }
    assert!(html_in::text_of(&html).len() <= 4 * html.len() + 200);
}

fn body_of(document: &str) -> &str {
    let (_, rest) = document.split_once("<body>").expect("a body");
    rest.rsplit_once("</body></html>").expect("its end").0
}

/// The text without blanks, and all attributes. Nested links and what stands between the cells of a table may move
/// when a browser reads the document, or we do it again; but nothing may come or go.
fn content_of(body: &str) -> (String, HashSet<&str>) {
    let (mut text, mut values) = (String::new(), HashSet::new());
    let mut rest = body;
    while let Some((before, markup)) = rest.split_once('<') {
        text.extend(before.chars().filter(|c| !c.is_whitespace()));
        let (tag, after) = markup.split_at(tag_end(markup));
        values.extend(tag.split_inclusive('"').collect::<Vec<_>>().chunks_exact(2).map(|pair| pair[1]));
        rest = after.strip_prefix('>').expect("a tag ends");
    }
    text.extend(rest.chars().filter(|c| !c.is_whitespace()));
    (text, values)
}

/// Where a tag of ours ends: a `>` may stand in quotes.
fn tag_end(markup: &str) -> usize {
    let mut quoted = false;
    let end = |(_, c): &(usize, char)| {
        quoted ^= *c == '"';
        *c == '>' && !quoted
    };
    markup.char_indices().find(end).expect("a tag ends").0
}

const TAGS: &str = " a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd \
    del dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre \
    q s samp section small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr ";
const ATTRIBUTES: &str = " align alt bgcolor border cellpadding cellspacing colspan dir height href lang rel rowspan \
    span src start style target title type valign width ";

fn is_one_of(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split(' ').any(|known| known == word)
}

/// Reads the document by the strictest grammar there is, which means the same to every browser.
fn check_document(document: &str, images: bool) {
    let mut rest = body_of(document);
    while let Some((_, markup)) = rest.split_once('<') {
        let end = markup.find([' ', '>']).expect("a tag has an end");
        let (name, mut tail) = markup.split_at(end);
        assert!(is_one_of(TAGS, name.strip_prefix('/').unwrap_or(name)), "<{name}");
        while let Some(attribute) = tail.strip_prefix(' ') {
            let (key, value) = attribute.split_once("=\"").expect("a quoted value");
            let (value, after) = value.split_once('"').expect("a closed quote");
            assert!(is_one_of(ATTRIBUTES, key) && !name.starts_with('/'), "{name} {key}");
            assert!(is_harmless(name, key, value, images), "{name} {key}={value:?}");
            tail = after;
        }
        rest = tail.strip_prefix('>').expect("a tag ends");
    }
}

fn is_harmless(element: &str, key: &str, value: &str, images: bool) -> bool {
    let lower = value.to_ascii_lowercase();
    let signs = ["url", "expression", "import", "javascript", "position", "\\", "@", "/*", "<", "&lt", "{", "}"];
    match key {
        "href" => ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme)),
        "src" => element == "img" && (is_raster(value) || images && value.starts_with("/image/")),
        "style" => !signs.iter().any(|sign| lower.contains(sign)),
        "target" => value == "_blank",
        "rel" => value == "noopener noreferrer nofollow",
        _ => true,
    }
}

fn is_raster(source: &str) -> bool {
    let Some((kind, data)) = source.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,")) else {
        return false;
    };
    is_one_of("png jpeg gif webp bmp avif", kind)
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// What is read as addresses prints and reads back the same, on one line.
pub fn addresses(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(address) = EmailAddress::parse(&text) {
        check_address(&address);
    }
    let Ok(list) = address::parse_list(&text, 100) else {
        return;
    };
    assert!(list.len() <= 100);
    for mailbox in &list {
        check_address(&mailbox.address);
        let printed = mailbox.to_string();
        assert!(!printed.chars().any(is_control), "{printed:?}");
        assert!(mailbox.name.as_ref().is_none_or(|name| !name.is_empty() && name.len() <= address::MAX_NAME_OCTETS));
    }
    let printed = list.iter().map(Mailbox::to_string).collect::<Vec<_>>().join(", ");
    if printed.len() <= address::MAX_LIST_OCTETS {
        assert_eq!(address::parse_list(&printed, 100), Ok(list), "printed as {printed:?}");
    }
}

fn check_address(address: &EmailAddress) {
    let text = address.as_str();
    assert!(is_line(text, address::MAX_ADDRESS_OCTETS), "{text:?}");
    assert_eq!(EmailAddress::parse(text).as_ref(), Ok(address));
    assert_eq!(text, format!("{}@{}", address.local_part(), address.domain()));
    assert!(address.domain().is_ascii() && !address.domain().bytes().any(|b| b.is_ascii_uppercase()));
    assert!(address.local_part().len() <= address::MAX_LOCAL_OCTETS && !text.contains([' ', '\t']));
}

/// The input as fields between NULs: what can be composed says exactly what was put in, and no more.
pub fn compose(input: &[u8]) {
    let mut fields = input.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let mut field = || fields.next().unwrap_or_default();
    let people = |text: &str| address::parse_list(text, 20).unwrap_or_default();
    let from = people(&field()).pop();
    let mut message = plain(Mailbox::bare(EmailAddress::parse("you@example.com").expect("an address")));
    message.from = from.unwrap_or(message.from);
    message.to = people(&field());
    message.cc = people(&field());
    message.bcc = people(&field());
    message.subject = field().into_owned();
    message.text = field().into_owned();
    message.html = Some(field().into_owned()).filter(|html| !html.is_empty());
    message.in_reply_to = Some(field().into_owned()).filter(|id| !id.is_empty());
    message.references = field().split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    message.reply_to = people(&field()).pop();
    for mailbox in message.to.iter_mut().chain(&mut message.cc) {
        // A caller may make the type by hand: its name is checked again.
        if mailbox.name.as_deref() == Some("raw") {
            mailbox.name = Some(message.subject.clone());
        }
    }
    while let Some(name) = fields.next().filter(|_| message.attachments.len() < 3) {
        let content_type = fields.next().unwrap_or_default().into_owned();
        let data = fields.next().unwrap_or_default().into_owned().into_bytes();
        message.attachments.push(OutgoingFile { name: name.into_owned(), content_type, data });
    }
    if let Ok(bytes) = compose::compose(&message, 1 << 20) {
        check_composed(&message, &bytes);
    }
}

const FIELDS: [&str; 13] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
];

fn check_composed(message: &Outgoing, bytes: &[u8]) {
    check_lines(message, bytes);
    let parsed = parsed::parse(bytes);
    assert_eq!(parsed.subject, on_one_line(&message.subject));
    let header = |people: &[Mailbox]| people.iter().map(|mailbox| mailbox.address.clone()).collect::<Vec<_>>();
    let read = |people: &[Correspondent]| {
        people.iter().filter_map(Correspondent::mailbox).map(|mailbox| mailbox.address).collect::<Vec<_>>()
    };
    assert_eq!(read(&parsed.from), header(std::slice::from_ref(&message.from)));
    assert_eq!(read(&parsed.to), header(&message.to));
    assert_eq!(read(&parsed.cc), header(&message.cc));
    assert_eq!(read(&parsed.reply_to), header(message.reply_to.as_slice()));
    assert!(parsed.bcc.is_empty());
    assert_eq!(parsed.message_id.as_ref(), Some(&message.message_id));
    assert_eq!(parsed.in_reply_to, message.in_reply_to);
    assert_eq!(parsed.date_micros, Some(message.date_micros));
    for (mailbox, person) in message.to.iter().zip(&parsed.to) {
        let name = mailbox.name.as_deref().map(on_one_line).filter(|name| !name.is_empty());
        assert_eq!(person.name, name, "the name of {}", mailbox.address);
    }
    let text = message.text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let read = parsed.text.as_deref().unwrap_or_default();
    assert_eq!(read.strip_suffix('\n').unwrap_or(read), text.strip_suffix('\n').unwrap_or(&text));
    assert_eq!(parsed.html.is_some(), message.html.is_some());
    assert_eq!(parsed.attachments.len(), message.attachments.len());
    for (index, file) in message.attachments.iter().enumerate() {
        let (_, data) = parsed::attachment(bytes, index).expect("an attachment that was put in");
        assert!(data == file.data, "the bytes of attachment {index}");
    }
    let envelope: Vec<String> = message.envelope().iter().map(EmailAddress::key).collect();
    assert_eq!(envelope.iter().collect::<HashSet<_>>().len(), envelope.len());
}

/// A value as the parser gives it: blanks single, nothing that overrides the direction.
fn on_one_line(value: &str) -> String {
    let overrides = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words = value.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.map(|word| word.chars().filter(|c| !overrides(*c)).collect::<String>());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Lines end in CRLF and nothing else, none is too long, all is 7-bit unless an address is not, and the header has
/// each of its fields once and no other.
fn check_lines(message: &Outgoing, bytes: &[u8]) {
    let eight_bit = std::iter::once(&message.from)
        .chain(&message.reply_to)
        .chain(&message.to)
        .chain(&message.cc)
        .any(|mailbox| mailbox.address.needs_smtputf8());
    assert!(eight_bit || bytes.is_ascii(), "8-bit bytes without need");
    let header = parsed::header_block(bytes);
    assert!(header.ends_with(b"\r\n\r\n"));
    let mut seen = HashSet::new();
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let content = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("line {at} does not end in CRLF"));
        assert!(!content.contains(&b'\r'), "a bare CR in line {at}");
        assert!(content.len() <= 998, "line {at} has {} octets", content.len());
    }
    for line in header.split(|byte| *byte == b'\n').filter(|line| line.len() > 1) {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            assert!(!line.trim_ascii().is_empty(), "a folded line of blanks");
            continue;
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let name = FIELDS.iter().find(|known| known.as_bytes() == name);
        let name = name.unwrap_or_else(|| panic!("a strange field: {}", String::from_utf8_lossy(line)));
        assert!(seen.insert(*name), "{name} twice");
    }
}

/// The input as subject and text, and as what is typed to find it: no query fails, all is bounded, marks are the text itself.
pub fn terms(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (typed, rest) = text.split_once('\n').unwrap_or((&text, &text));
    let query = terms::Query::parse(typed);
    assert!(query.clauses.len() <= terms::MAX_CLAUSES);
    for clause in &query.clauses {
        assert!(!clause.terms.is_empty());
        clause.terms.iter().for_each(|term| check_term(term));
    }
    for text in [typed, rest] {
        let whole: String = terms::marks(text, terms::Field::Any, &query).into_iter().map(|part| part.text).collect();
        assert_eq!(whole, text);
    }
    if let Some(parts) = terms::excerpt(rest, 100, &query) {
        assert!(parts.iter().map(|part| part.text.chars().count()).sum::<usize>() <= 102);
    }
    let mut message = parsed::parse(input);
    message.subject = typed.to_owned();
    message.text = Some(rest.to_owned());
    let document = terms::Document::of(&message);
    assert!(document.terms().count() <= terms::MAX_TERMS);
    document.terms().filter(|term| *term != terms::GAP).for_each(check_term);
}

/// Databases keep it as one: nothing in it ends a word.
fn check_term(term: &str) {
    let bare = ["s:", "f:", "t:"].iter().find_map(|prefix| term.strip_prefix(prefix)).unwrap_or(term);
    assert!((1..=terms::MAX_TERM_OCTETS).contains(&bare.len()), "{term:?}");
    assert!(bare.chars().any(char::is_alphanumeric) || !bare.is_ascii(), "{term:?}");
    let other = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"._%+-@".contains(*c);
    assert!(!bare.chars().any(|c| c.is_whitespace() || is_control(c) || other(&c)), "{term:?}");
}
