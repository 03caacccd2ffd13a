//! Somebody else's HTML, made safe to show and readable as text.
//!
//! Three layers, each enough for what it is for: [`sanitise`] lets through known elements, attributes and style
//! properties only; [`csp`] tells the browser to load and run nothing else; the page shows the document in an iframe
//! with `sandbox="allow-popups allow-popups-to-escape-sandbox"`, which has no scripts and no origin of its own.
//! Style sheets (`<style>`) are left out: their selectors and escapes cannot be judged as simply as a declaration.
//!
//! A sandboxed frame has no origin, so browsers send no `SameSite` cookie with its images: inline images go into the
//! document as `data:` URLs ([`data_url`]), proxied ones need an address that is its own permission.

mod style;
mod tags;

use std::borrow::Cow;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use ammonia::{Builder, Url, UrlRelative};

use self::tags::{ATTRIBUTES, KNOWN};

/// Octets of HTML that are read; the rest is left out.
pub const MAX_HTML_OCTETS: usize = 2 * 1024 * 1024;
/// Most remote images of one message; further ones are dropped.
pub const MAX_REMOTE_IMAGES: usize = 500;
/// Longest address of a remote image or link.
pub const MAX_URL_OCTETS: usize = 8 * 1024;
/// Largest `data:` URL of an image.
pub const MAX_DATA_URL_OCTETS: usize = 1024 * 1024;
/// Octets of all inline images of one document, as `data:` URLs; further ones are dropped. An image counts as often as it
/// is shown: a small mail could fill the memory by showing a large image ten thousand times.
pub const MAX_INLINE_OCTETS: usize = 8 * 1024 * 1024;
/// Octets of HTML that [`text_of`] reads.
pub const MAX_TEXT_INPUT_OCTETS: usize = 1024 * 1024;
/// Columns after which [`text_of`] breaks a line.
const TEXT_COLUMNS: usize = 100;
/// Image types without scripts in them.
const RASTER_TYPES: [&str; 6] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"];

/// What becomes of images from other servers.
pub enum Images {
    /// They are not loaded: text and size stay.
    Blocked,
    /// They are loaded from the address that this gives for their number in [`Sanitised::remote_images`].
    Proxied(Box<dyn Fn(usize) -> String + Send + Sync>),
}

/// Gives the address of an inline image by its Content-ID, best a [`data_url`]; `None` if there is no such part.
pub type InlineImages = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// HTML that may be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sanitised {
    /// A complete document that loads nothing but images, for a response with [`csp`].
    pub document: String,
    /// Addresses of remote images in the order of the document, whether shown or not; at most [`MAX_REMOTE_IMAGES`].
    pub remote_images: Vec<String>,
    /// What was left out.
    pub blocked: Blocked,
    /// The end is missing, because the HTML is longer than [`MAX_HTML_OCTETS`] or has too many elements.
    pub truncated: bool,
}

/// How much was left out, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Blocked {
    /// Scripts, forms, frames, objects, style sheets and the like.
    pub active_elements: usize,
    /// `onclick` and its kin.
    pub event_handlers: usize,
    /// Links to other than web, mail and telephone addresses.
    pub links: usize,
    /// Style declarations that load, run or move something.
    pub styles: usize,
    /// Images that are neither remote, inline nor raster data, and remote ones over the limit.
    pub images: usize,
}

/// Makes a safe document of the HTML of a mail.
#[must_use]
pub fn sanitise(html: &str, images: Images, inline: InlineImages) -> Sanitised {
    let input = crate::cut(html, MAX_HTML_OCTETS);
    let flat = tags::flatten(input, true);
    let found = Arc::new(Mutex::new(Found::default()));
    let judge = Judge { images, inline, found: Arc::clone(&found) };
    let body = builder(judge).clean(&flat.html).to_string();
    let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    Sanitised {
        document: document(&body, found.colours),
        remote_images: found.remote_images,
        blocked: Blocked {
            active_elements: flat.active_elements,
            event_handlers: flat.event_handlers,
            links: flat.links.saturating_sub(found.links),
            styles: found.styles,
            images: flat.images.saturating_sub(found.images),
        },
        truncated: flat.truncated || input.len() < html.len(),
    }
}

/// The Content-Security-Policy of a response with a [`Sanitised::document`]. Images of our own server (the proxy's)
/// load only with `images`; `data:` images always do.
#[must_use]
pub fn csp(images: bool) -> String {
    let own = if images { "'self' " } else { "" };
    format!(
        "default-src 'none'; img-src {own}data:; style-src 'unsafe-inline'; \
         sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    )
}

/// An image as a `data:` URL, if it is a raster image by name and not too large.
#[must_use]
pub fn data_url(content_type: &str, bytes: &[u8]) -> Option<String> {
    let content_type = RASTER_TYPES.into_iter().find(|raster| content_type.eq_ignore_ascii_case(raster))?;
    (bytes.len() <= MAX_DATA_URL_OCTETS / 4 * 3 - 64)
        .then(|| format!("data:{content_type};base64,{}", data_encoding::BASE64.encode(bytes)))
}

/// The text of HTML, for previews, search and mails that have no text part. Links and images leave their texts only.
#[must_use]
pub fn text_of(html: &str) -> String {
    let flat = tags::flatten(crate::cut(html, MAX_TEXT_INPUT_OCTETS), false).html;
    let render = || {
        html2text::config::plain_no_decorate()
            .raw_mode(true)
            .no_link_wrapping()
            .allow_width_overflow()
            .string_from_read(flat.as_bytes(), TEXT_COLUMNS)
    };
    let text = catch_unwind(AssertUnwindSafe(render)).ok().and_then(Result::ok).unwrap_or_default();
    let mut plain = String::with_capacity(text.len());
    let mut blank_lines = 0;
    for line in text.lines().map(str::trim_end) {
        blank_lines = if line.is_empty() { blank_lines + 1 } else { 0 };
        if blank_lines < 2 && !(line.is_empty() && plain.is_empty()) {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// A piece of plain text inside an HTML body: mailing lists add such footers.
pub(crate) fn of_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<div style=\"white-space:pre-wrap\">{escaped}</div>")
}

#[derive(Default)]
struct Found {
    remote_images: Vec<String>,
    /// Links that were kept.
    links: usize,
    /// Images that were recognised, shown or not.
    images: usize,
    /// Octets of inline images so far.
    inline_octets: usize,
    /// Style declarations that were refused.
    styles: usize,
    /// The mail sets colours of its own.
    colours: bool,
}

/// Decides about each attribute that the allow-list lets through.
struct Judge {
    images: Images,
    inline: InlineImages,
    found: Arc<Mutex<Found>>,
}

impl Judge {
    fn attribute<'u>(&self, element: &str, name: &str, value: &'u str) -> Option<Cow<'u, str>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match (element, name) {
            ("img", "src") => self.image(value, &mut found).map(Cow::Owned),
            ("a", "href") => {
                let link = link(value);
                found.links += usize::from(link.is_some());
                link.map(Cow::Owned)
            }
            // Ours: no sender's attribute of these names comes this far.
            ("a", "target" | "rel") => Some(Cow::Borrowed(value)),
            (_, "style") => {
                let style = style::filter(value);
                found.styles += style.refused;
                found.colours |= style.colours;
                (!style.text.is_empty()).then_some(Cow::Owned(style.text))
            }
            (_, "alt" | "title" | "lang") => Some(Cow::Borrowed(value)),
            (_, "bgcolor") => {
                let colour = value.strip_prefix('#').unwrap_or(value);
                let plain = (1..=32).contains(&colour.len()) && colour.bytes().all(|b| b.is_ascii_alphanumeric());
                found.colours |= plain;
                plain.then_some(Cow::Borrowed(value))
            }
            (_, "colspan" | "rowspan" | "span") => {
                value.trim().parse::<u16>().is_ok_and(|n| (1..=100).contains(&n)).then_some(Cow::Borrowed(value))
            }
            (
                _,
                "align" | "valign" | "dir" | "type" | "start" | "width" | "height" | "border" | "cellpadding"
                | "cellspacing",
            ) => {
                let plain =
                    value.len() <= 16 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"%. ".contains(&b));
                plain.then_some(Cow::Borrowed(value))
            }
            _ => None,
        }
    }

    fn image(&self, source: &str, found: &mut Found) -> Option<String> {
        let source = source.trim();
        if let Some(id) = strip_scheme(source, "cid:") {
            if found.inline_octets > MAX_INLINE_OCTETS {
                return None;
            }
            found.images += 1;
            let url = (self.inline)(&percent_decoded(id))?;
            found.inline_octets += url.len();
            return Some(url).filter(|_| found.inline_octets <= MAX_INLINE_OCTETS);
        }
        if strip_scheme(source, "data:").is_some() {
            let image = raster_data(source);
            found.images += usize::from(image.is_some());
            return image;
        }
        let url = remote(source).filter(|_| found.remote_images.len() < MAX_REMOTE_IMAGES)?;
        found.images += 1;
        found.remote_images.push(url);
        match &self.images {
            Images::Blocked => None,
            Images::Proxied(address) => Some(address(found.remote_images.len() - 1)),
        }
    }
}

fn builder(judge: Judge) -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .tags(KNOWN.iter().copied().collect())
        .clean_content_tags(HashSet::from([
            "script", "style", "title", "textarea", "svg", "math", "template", "iframe",
        ]))
        .generic_attributes(ATTRIBUTES.iter().copied().collect())
        .tag_attributes(std::collections::HashMap::new())
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid", "data"]))
        // Nothing is relative to a mail; the judge drops what is.
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .set_tag_attribute_value("a", "target", "_blank")
        .attribute_filter(move |element, name, value| judge.attribute(element, name, value));
    builder
}

/// A link that may be followed, in its normal form: host names in ASCII show what they imitate.
fn link(href: &str) -> Option<String> {
    let url = Url::parse(href.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https" | "mailto" | "tel") && url.as_str().len() <= MAX_URL_OCTETS)
        .then(|| url.into())
}

/// The address of an image on another server. `//host/path` means https here.
fn remote(source: &str) -> Option<String> {
    let absolute = if source.starts_with("//") { Cow::Owned(format!("https:{source}")) } else { Cow::Borrowed(source) };
    let url = Url::parse(&absolute).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host() && url.as_str().len() <= MAX_URL_OCTETS)
        .then(|| url.into())
}

fn raster_data(source: &str) -> Option<String> {
    let (head, data) = source.split_once(',').filter(|_| source.len() <= MAX_DATA_URL_OCTETS)?;
    let head = head.to_ascii_lowercase();
    let content_type = head.strip_prefix("data:")?.strip_suffix(";base64")?;
    let content_type = RASTER_TYPES.into_iter().find(|raster| *raster == content_type)?;
    let data: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let is_base64 = data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    is_base64.then(|| format!("data:{content_type};base64,{data}"))
}

fn strip_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Content-IDs in `cid:` URLs are percent-encoded (RFC 2392).
fn percent_decoded(id: &str) -> String {
    let mut bytes = Vec::with_capacity(id.len());
    let mut rest = id.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pair = after.split_first_chunk::<2>().and_then(|([a, b], tail)| Some((digit(*a)? << 4 | digit(*b)?, tail)));
        match pair.filter(|_| first == b'%') {
            Some((byte, tail)) => {
                bytes.push(byte);
                rest = tail;
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A mail that sets colours was made for white paper and gets it in dark mode too; another follows the reader.
fn document(body: &str, own_colours: bool) -> String {
    let scheme = if own_colours { "light" } else { "light dark" };
    let paper = if own_colours { "background:#fff;color:#1a1a1a;" } else { "" };
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"referrer\" content=\"no-referrer\">\
         <meta name=\"color-scheme\" content=\"{scheme}\">\
         <style>:root{{color-scheme:{scheme}}}\
         body{{margin:12px;{paper}font:14px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}}\
         img{{max-width:100%;height:auto}}table{{max-width:100%}}pre{{white-space:pre-wrap}}\
         blockquote{{margin:0 0 0 8px;padding-left:12px;border-left:2px solid #8888}}</style>\
         </head><body>{body}</body></html>\n"
    )
}

#[cfg(test)]
mod tests;
