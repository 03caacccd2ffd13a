//! What stands in a message where a remote image could not be fetched: its alternative text and why, as quiet as paper.
//!
//! The frame of a message runs no script, so only the answer itself can take the place of the browser's broken image.

use net::NetError;
use std::fmt::Write as _;

/// Sizes in pixels where the message names none.
const USUAL: (u32, u32) = (320, 64);
/// Largest sizes that are drawn; the page makes wider ones fit.
const MOST: (u32, u32) = (1_200, 600);
/// Up to this many pixels it was made not to be seen, and nothing is drawn.
const UNSEEN: u32 = 3;
/// Smallest sizes that have room for words.
const ROOM: (u32, u32) = (64, 24);
/// What a letter takes, in pixels, and the space around the words.
const LETTER: u32 = 7;
const PADDING: u32 = 12;

/// How an image is meant to be shown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shown {
    alt: String,
    width: Option<u32>,
    height: Option<u32>,
}

/// Whether whoever asks shows what it gets as an image. Whoever opens the address itself takes pages as well.
pub fn is_for(accepted: &str) -> bool {
    accepted.contains("image/") && !accepted.contains("text/html")
}

/// What a cleaned document says of its image with this address.
pub fn shown(document: &str, source: &str) -> Shown {
    document.split("<img").skip(1).find_map(|tag| of_tag(tag, source)).unwrap_or_default()
}

/// Reads the attributes of one tag, as they are written after cleaning: each in double quotes, which no value has.
fn of_tag(mut rest: &str, source: &str) -> Option<Shown> {
    let mut found = Shown::default();
    let mut ours = false;
    while let Some((name, after)) = rest.trim_start().split_once("=\"") {
        let (value, next) = after.split_once('"')?;
        match name {
            "src" => ours = value == source,
            "alt" => found.alt = plain(value),
            "width" => found.width = value.parse().ok(),
            "height" => found.height = value.parse().ok(),
            _ if name.contains(['<', '>']) => break,
            _ => {}
        }
        rest = next;
    }
    ours.then_some(found)
}

fn plain(value: &str) -> String {
    let value = value.replace("&quot;", "\"").replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">");
    value.replace("&amp;", "&").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why an image could not be fetched, for people.
pub const fn why(error: &NetError) -> &'static str {
    match error {
        NetError::NameNotFound { .. } | NetError::NameServers { .. } => "The server of this image was not found.",
        NetError::InvalidHost { .. }
        | NetError::PrivateAddress { .. }
        | NetError::PortNotAllowed { .. }
        | NetError::UrlRefused { .. } => "The address of this image may not be fetched.",
        NetError::Refused { .. } => "Nothing answers at the server of this image.",
        NetError::TimedOut { .. } => "The server of this image did not answer in time.",
        NetError::Tls(_) | NetError::NotTls => "The encryption with the server of this image failed.",
        NetError::TooLarge { .. } => "This image is larger than 10 MB.",
        _ => "The image could not be fetched from its server.",
    }
}

/// The same for an answer that is none of the images that are passed on.
pub const fn why_not(status: u16) -> &'static str {
    match status {
        200 => "What the server answered is no image.",
        404 | 410 => "This image is no longer on its server.",
        401 | 403 => "The server of this image does not give it out.",
        _ => "The server of this image answered with an error.",
    }
}

/// A drawing of the size that the image would have.
pub fn drawing(of: &Shown, why: &str) -> String {
    let (width, height) = (of.width.unwrap_or(USUAL.0).min(MOST.0), of.height.unwrap_or(USUAL.1).min(MOST.1));
    if width <= UNSEEN || height <= UNSEEN {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"/>".into();
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         <style>@media(prefers-color-scheme:dark){{rect{{fill:#151922;stroke:#3a4252}}text{{fill:#a3acbc}}}}</style>\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"#f8f9fb\" stroke=\"#d3d8e1\" stroke-dasharray=\"4 3\"/>",
        width - 1,
        height - 1
    );
    if width >= ROOM.0 && height >= ROOM.1 {
        words(&mut svg, of, why, (width, height));
    }
    svg.push_str("</svg>");
    svg
}

fn words(svg: &mut String, of: &Shown, why: &str, (width, height): (u32, u32)) {
    let room = width.saturating_sub(2 * PADDING) / LETTER;
    let alt = of.alt.trim();
    let lines = if alt.is_empty() { vec![why] } else { vec![alt, why] };
    // A line is 18 pixels high.
    let lines: Vec<&str> = lines.into_iter().take(if height >= 44 { 2 } else { 1 }).collect();
    let first = height / 2 + 4 - if lines.len() > 1 { 9 } else { 0 };
    for (at, line) in (0u32..).zip(lines) {
        let weight = if at == 0 && !alt.is_empty() { " font-weight=\"600\"" } else { "" };
        let _ = write!(
            svg,
            "<text x=\"{PADDING}\" y=\"{}\" font-family=\"system-ui,sans-serif\" font-size=\"12\"{weight} fill=\"#5a6476\">{}</text>",
            first + at * 18,
            escaped(&cut(line, room))
        );
    }
}

/// As much of a text as fits; letters of some scripts are twice as wide.
fn cut(text: &str, room: u32) -> String {
    let wide = |c: char| if c >= '\u{2e80}' { 2 } else { 1 };
    if text.chars().map(wide).sum::<u32>() <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let fits = text.chars().take_while(|c| {
        let fits = wide(*c) <= left;
        left = left.saturating_sub(wide(*c));
        fits
    });
    let mut short: String = fits.collect();
    short.push('…');
    short
}

/// What no XML has is left out: a sender's text must not break the drawing.
fn escaped(text: &str) -> String {
    let known = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    known.collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::html_in::{Images, sanitise};

    fn cleaned(html: &str) -> String {
        sanitise(html, Images::Proxied(Box::new(|n| format!("/{n}"))), Box::new(|_| None)).document
    }

    #[test]
    fn an_image_is_found_by_its_address_whatever_its_text_says() {
        let html = "<p><img alt='<img src=\"/1\" alt=\"x\">' src=https://a.test/0>\
            <img width=600 height=\"200\" src=https://a.test/1 alt='Tom &amp; \"Jerry\" > all'><img src=https://a.test/2>";
        let document = cleaned(html);
        let second = Shown { alt: "Tom & \"Jerry\" > all".into(), width: Some(600), height: Some(200) };
        assert_eq!(shown(&document, "/1"), second, "{document}");
        assert_eq!(shown(&document, "/0").alt, "<img src=\"/1\" alt=\"x\">");
        assert_eq!(shown(&document, "/2"), Shown::default());
        assert_eq!(shown(&document, "/3"), Shown::default());
    }

    #[test]
    fn what_was_not_to_be_seen_stays_unseen() {
        let pixel = Shown { width: Some(1), height: Some(1), ..Shown::default() };
        assert!(!drawing(&pixel, "Gone.").contains("rect"));
    }

    #[test]
    fn a_drawing_has_the_size_of_the_image_its_text_and_why_and_is_well_formed() {
        let alt = "<script>&\"\u{0}\u{8}".repeat(40);
        let drawn =
            drawing(&Shown { alt, width: Some(240), height: Some(80) }, "This image is no longer on its server.");
        assert!(drawn.starts_with("<svg") && drawn.contains("width=\"240\" height=\"80\""), "{drawn}");
        assert!(drawn.contains("&lt;script&gt;&amp;&quot;") && !drawn.contains("<script"), "{drawn}");
        assert!(drawn.contains('…') && drawn.contains("This image is no longer"), "{drawn}");
        let small = drawing(&Shown { width: Some(20), height: Some(20), ..Shown::default() }, "Gone.");
        assert!(small.contains("rect") && !small.contains("text "), "{small}");
    }
}
