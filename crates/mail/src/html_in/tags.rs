//! HTML as a flat, balanced and bounded sequence of known tags, before any parser that builds a tree sees it.
//!
//! Tree builders of the HTML standard take quadratic time and memory on hostile input (deep nesting, thousands of
//! attributes, unclosed formatting elements that each paragraph opens again). What this pass writes has none of that:
//! known tags only, closed in order, [`MAX_DEPTH`] deep, few attributes, all quoted; no comments, scripts or styles.
//! It decides nothing about safety: [`super::sanitise`] gives its output to the sanitiser like any other input.

use std::fmt::Write;

/// Deepest nesting that is kept; the content of deeper elements stays.
pub(super) const MAX_DEPTH: usize = 128;
/// Most start tags; what follows is left out.
pub(super) const MAX_TAGS: usize = 30_000;
const MAX_ATTRIBUTES: usize = 24;
const MAX_VALUE_OCTETS: usize = 8 * 1024;

/// What the pass wrote, and what it met.
#[derive(Default)]
pub(super) struct Flat {
    pub html: String,
    /// Scripts, forms, frames, styles and the like that were left out.
    pub active_elements: usize,
    /// `on…` attributes that were left out.
    pub event_handlers: usize,
    /// Links to anything but a place in the same page.
    pub links: usize,
    /// Images with an address.
    pub images: usize,
    /// The input was cut at [`MAX_TAGS`].
    pub truncated: bool,
}

/// Elements that are left out with all that is in them.
const WITH_CONTENT: &[&str] = &[
    "applet",
    "audio",
    "canvas",
    "datalist",
    "frameset",
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "video",
    "xmp",
];
/// Those of them whose content is no markup (HTML standard, 13.2.5): without an end tag they hold all the rest.
const RAW_TEXT: &[&str] =
    &["iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp"];
/// Left out without being counted as active.
const HARMLESS: &[&str] = &["title", "noscript"];
/// Further active elements, of which only the tags are left out.
const ACTIVE: &[&str] = &["base", "button", "embed", "form", "frame", "input", "link", "meta", "param", "portal"];
/// Elements without end tag.
const VOID: &[&str] = &["br", "col", "hr", "img", "wbr"];
/// Known elements.
pub(super) const KNOWN: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];
/// Formatting elements (HTML standard, 13.2.4.3): written bare, because a tree builder opens them again and again.
const FORMATTING: &[&str] = &["b", "big", "code", "em", "i", "s", "small", "strike", "strong", "tt", "u"];
/// Elements that end an open paragraph.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];
/// Attributes that are handed on, for any element.
pub(super) const ATTRIBUTES: &[&str] = &[
    "align",
    "alt",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "color",
    "colspan",
    "dir",
    "height",
    "href",
    "lang",
    "rowspan",
    "span",
    "src",
    "start",
    "style",
    "title",
    "type",
    "valign",
    "width",
];
/// What `font` may say besides `style`.
const FONT: &[&str] = &["color", "face", "size"];
const FONT_SIZES: [&str; 7] = ["x-small", "small", "medium", "large", "x-large", "xx-large", "xxx-large"];

/// Writes `html` flat. `with_attributes` is false where only the text matters.
pub(super) fn flatten(html: &str, with_attributes: bool) -> Flat {
    let mut pass = Pass { input: html, with_attributes, ..Pass::default() };
    pass.run();
    for element in pass.open.iter().rev() {
        element.close(&mut pass.flat.html);
    }
    pass.flat
}

#[derive(Default)]
struct Pass<'a> {
    input: &'a str,
    at: usize,
    with_attributes: bool,
    open: Vec<Open>,
    /// Start tags that were too deep to keep: as many end tags are left out.
    too_deep: usize,
    tags: usize,
    /// Elements that have no further end tag, so that the search for it is not repeated.
    endless: Vec<&'static str>,
    flat: Flat,
}

struct Open {
    name: &'static str,
    /// A formatting element with a style is two elements.
    styled: bool,
}

impl Open {
    fn close(&self, html: &mut String) {
        let styled = if self.styled { "</span>" } else { "" };
        let _ = write!(html, "{styled}</{}>", self.name);
    }
}

struct Tag<'a> {
    name: String,
    attributes: Vec<(String, &'a str)>,
    handlers: usize,
}

impl<'a> Pass<'a> {
    fn rest(&self) -> &'a str {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn run(&mut self) {
        while self.at < self.input.len() {
            let rest = self.rest();
            let text = rest.find('<').map_or(rest, |end| rest.get(..end).unwrap_or_default());
            self.text(text);
            self.at += text.len();
            let mut following = self.rest().chars().skip(1);
            match following.next() {
                Some('!' | '?') => self.comment(),
                Some('/') if following.next().is_some_and(|c| c.is_ascii_alphabetic()) => {
                    self.at += 2;
                    let tag = self.tag();
                    self.end(&tag.name);
                }
                Some('/') => self.comment(),
                Some(c) if c.is_ascii_alphabetic() => {
                    self.at += 1;
                    if self.tags == MAX_TAGS {
                        self.flat.truncated = true;
                        return;
                    }
                    self.tags += 1;
                    let tag = self.tag();
                    self.start(&tag);
                }
                Some(_) | None if !self.rest().is_empty() => {
                    self.flat.html.push_str("&lt;");
                    self.at += 1;
                }
                _ => {}
            }
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars().filter(|&c| c != '\0') {
            match c {
                '>' => self.flat.html.push_str("&gt;"),
                c => self.flat.html.push(c),
            }
        }
    }

    /// Comments, declarations and what the standard calls bogus comments.
    fn comment(&mut self) {
        let rest = self.rest();
        let end = if rest.starts_with("<!--") {
            // One search for both ends: two would read to the end of the mail for each comment. `<!-->` is whole.
            rest.match_indices('-').find_map(|(at, _)| {
                let after = rest.get(at..)?;
                let after = after.strip_prefix("-->").or_else(|| after.strip_prefix("--!>"))?;
                Some(rest.len() - after.len())
            })
        } else {
            rest.find('>').map(|at| at + 1)
        };
        self.at += end.unwrap_or(rest.len());
    }

    /// Reads name and attributes (HTML standard, 13.2.5.8 and 13.2.5.32 to 13.2.5.39) and leaves `at` after the `>`.
    fn tag(&mut self) -> Tag<'a> {
        let name = self.take(|c| !c.is_ascii_whitespace() && c != '/' && c != '>').to_ascii_lowercase();
        let mut tag = Tag { name, attributes: Vec::new(), handlers: 0 };
        loop {
            self.take(|c| c.is_ascii_whitespace() || c == '/');
            if self.at >= self.input.len() || self.skip('>') {
                return tag;
            }
            let start = self.at;
            self.skip('=');
            self.take(|c| !c.is_ascii_whitespace() && !matches!(c, '/' | '>' | '='));
            let name = self.input.get(start..self.at).unwrap_or_default();
            self.take(|c| c.is_ascii_whitespace());
            let value = if self.skip('=') { self.value() } else { "" };
            if name.get(..2).is_some_and(|on| on.eq_ignore_ascii_case("on")) {
                tag.handlers += 1;
            } else if self.with_attributes && tag.attributes.len() < MAX_ATTRIBUTES && name.len() <= 16 {
                let name = name.to_ascii_lowercase();
                if !tag.attributes.iter().any(|(other, _)| *other == name) {
                    tag.attributes.push((name, value));
                }
            }
        }
    }

    fn value(&mut self) -> &'a str {
        self.take(|c| c.is_ascii_whitespace());
        for quote in ['"', '\''] {
            if self.skip(quote) {
                let value = self.take(|c| c != quote);
                self.skip(quote);
                return value;
            }
        }
        self.take(|c| !c.is_ascii_whitespace() && c != '>')
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = rest.find(|c| !wanted(c)).map_or(rest, |end| rest.get(..end).unwrap_or_default());
        self.at += taken.len();
        taken
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn start(&mut self, tag: &Tag<'_>) {
        self.flat.event_handlers += tag.handlers;
        if let Some(name) = known(WITH_CONTENT, &tag.name) {
            self.flat.active_elements += usize::from(!HARMLESS.contains(&name));
            return self.skip_content(name);
        }
        if ACTIVE.contains(&tag.name.as_str()) {
            self.flat.active_elements += 1;
            return;
        }
        let alias = self.alias(&tag.name);
        let Some(name) = known(KNOWN, alias) else { return };
        self.close_implied(name);
        if VOID.contains(&name) {
            return self.write_tag(name, tag);
        }
        if self.open.len() >= MAX_DEPTH {
            self.too_deep += 1;
            return;
        }
        let styled = FORMATTING.contains(&name) && tag.attributes.iter().any(|(attribute, _)| attribute == "style");
        if FORMATTING.contains(&name) {
            let _ = write!(self.flat.html, "<{name}>");
        }
        if styled {
            self.write_tag("span", tag);
        } else if !FORMATTING.contains(&name) {
            self.write_tag(name, tag);
        }
        self.open.push(Open { name, styled });
    }

    /// The page's own body becomes a block that keeps its colours; in plain text a heading is a paragraph.
    fn alias<'n>(&self, name: &'n str) -> &'n str {
        match name {
            "body" => "div",
            "font" => "span",
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if !self.with_attributes => "p",
            name => name,
        }
    }

    fn skip_content(&mut self, name: &'static str) {
        if self.endless.contains(&name) {
            return;
        }
        let rest = self.rest().as_bytes();
        let end = rest.windows(name.len() + 2).position(|window| {
            window.strip_prefix(b"</").is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        });
        match end {
            Some(end) => {
                self.at += end + 2;
                self.tag();
            }
            None if RAW_TEXT.contains(&name) => self.at = self.input.len(),
            None => self.endless.push(name),
        }
    }

    /// Ends the elements that a start tag ends by itself, so that unclosed `<p>` and `<li>` do not nest.
    fn close_implied(&mut self, name: &str) {
        if BLOCKS.contains(&name) {
            self.close_to(&["p"], &["table", "td", "th", "caption"]);
        }
        match name {
            "li" => self.close_to(&["li"], &["ul", "ol", "table", "td", "th"]),
            "dd" | "dt" => self.close_to(&["dd", "dt"], &["dl", "table", "td", "th"]),
            "a" => self.close_to(&["a"], &["table", "td", "th", "caption"]),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.close_to(&["h1", "h2", "h3", "h4", "h5", "h6"], &["table", "td", "th"]);
            }
            "td" | "th" => self.close_to(&["td", "th"], &["tr", "table"]),
            "tr" => self.close_to(&["tr"], &["table"]),
            "tbody" | "thead" | "tfoot" => {
                self.close_to(&["tbody", "thead", "tfoot", "caption", "colgroup"], &["table"]);
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        let alias = self.alias(name);
        if let (true, Some(_)) = (self.too_deep > 0, known(KNOWN, alias)) {
            self.too_deep -= 1;
            return;
        }
        let structure = ["table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption"];
        match alias {
            "table" => self.close_to(&["table"], &[]),
            name if structure.contains(&name) => self.close_to(&[name], &["table"]),
            name => self.close_to(&[name], &structure),
        }
    }

    /// Ends the innermost of `names`, and all inside it, unless one of `barriers` lies between.
    fn close_to(&mut self, names: &[&str], barriers: &[&str]) {
        let found = self.open.iter().rposition(|open| names.contains(&open.name) || barriers.contains(&open.name));
        let Some(at) = found.filter(|&at| self.open.get(at).is_some_and(|open| names.contains(&open.name))) else {
            return;
        };
        for element in self.open.drain(at..).rev() {
            element.close(&mut self.flat.html);
        }
    }

    fn write_tag(&mut self, name: &str, tag: &Tag<'_>) {
        let _ = write!(self.flat.html, "<{name}");
        let font = font_style(tag);
        let said_as_style: &[&str] = if font.is_empty() { &[] } else { &["color", "style"] };
        for (attribute, value) in &tag.attributes {
            let attribute = attribute.as_str();
            // An image inside the text is as long as the image.
            let fits = value.len() <= MAX_VALUE_OCTETS || attribute == "src";
            if fits && ATTRIBUTES.contains(&attribute) && !said_as_style.contains(&attribute) {
                match (name, attribute) {
                    ("a", "href") if !value.trim_start().starts_with('#') => self.flat.links += 1,
                    ("img", "src") => self.flat.images += 1,
                    _ => {}
                }
                let _ = write!(self.flat.html, " {attribute}=\"{}\"", value.replace('"', "&quot;").replace('\0', ""));
            }
        }
        if !font.is_empty() {
            let _ = write!(self.flat.html, " style=\"{}\"", font.replace('"', "&quot;").replace('\0', ""));
        }
        self.flat.html.push('>');
    }
}

/// `<font color face size>` as declarations, before its own `style`. Empty for every other element.
fn font_style(tag: &Tag<'_>) -> String {
    let mut style = String::new();
    for (attribute, value) in
        tag.attributes.iter().filter(|(name, _)| tag.name == "font" && FONT.contains(&name.as_str()))
    {
        let value = value.trim();
        let _ = match attribute.as_str() {
            "color" => write!(style, "color:{value};"),
            "face" => write!(style, "font-family:{value};"),
            _ => {
                let base = if value.starts_with(['+', '-']) { 3 } else { 0 };
                let size = value.parse::<i32>().map_or(3, |size| (base + size).clamp(1, 7));
                let keyword = usize::try_from(size - 1).ok().and_then(|at| FONT_SIZES.get(at)).unwrap_or(&"medium");
                write!(style, "font-size:{keyword};")
            }
        };
    }
    if let Some((_, own)) = tag.attributes.iter().find(|(name, _)| !style.is_empty() && name == "style") {
        style.push_str(own);
    }
    style
}

fn known(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().copied().find(|known| *known == name)
}
