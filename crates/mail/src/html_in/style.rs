//! Inline styles: declarations that can only change how text looks, never where it is or what is loaded.
//!
//! Not a CSS parser, on purpose: a declaration passes only if every character of it is of a small set, so escapes
//! (`\75rl(`), strings with brackets, comments and functions other than colours have no way in.

use std::fmt::Write;

/// Longest value of a declaration that is kept, in octets.
const MAX_VALUE_OCTETS: usize = 256;

/// Properties by what their values may be.
fn is_known(property: &str) -> bool {
    const PROPERTIES: &[&str] = &[
        "background-color",
        "border",
        "border-bottom",
        "border-bottom-color",
        "border-bottom-style",
        "border-bottom-width",
        "border-collapse",
        "border-color",
        "border-left",
        "border-left-color",
        "border-left-style",
        "border-left-width",
        "border-radius",
        "border-right",
        "border-right-color",
        "border-right-style",
        "border-right-width",
        "border-spacing",
        "border-style",
        "border-top",
        "border-top-color",
        "border-top-style",
        "border-top-width",
        "border-width",
        "clear",
        "color",
        "direction",
        "display",
        "float",
        "font",
        "font-family",
        "font-size",
        "font-style",
        "font-variant",
        "font-weight",
        "height",
        "letter-spacing",
        "line-height",
        "list-style-type",
        "margin",
        "margin-bottom",
        "margin-left",
        "margin-right",
        "margin-top",
        "max-height",
        "max-width",
        "min-height",
        "min-width",
        "overflow-wrap",
        "padding",
        "padding-bottom",
        "padding-left",
        "padding-right",
        "padding-top",
        "table-layout",
        "text-align",
        "text-decoration",
        "text-transform",
        "vertical-align",
        "white-space",
        "width",
        "word-break",
        "word-spacing",
        "word-wrap",
    ];
    PROPERTIES.contains(&property)
}

/// A filtered `style` attribute.
#[derive(Default)]
pub(super) struct Style {
    /// What may be kept; may be empty.
    pub text: String,
    /// Sets a colour of text or background.
    pub colours: bool,
    /// Declarations that would load, run or move something.
    pub refused: usize,
}

/// Keeps the harmless declarations of a `style` attribute.
pub(super) fn filter(style: &str) -> Style {
    let mut kept = Style::default();
    for declaration in without_comments(style).split(';') {
        let Some((property, value)) = declaration.split_once(':') else {
            kept.refused += usize::from(is_suspicious(declaration));
            continue;
        };
        let property = property.trim().to_ascii_lowercase();
        // Of the shorthand only its plainest form is known to be a colour.
        let property = if property == "background" { "background-color" } else { property.as_str() };
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if !is_known(property) || !is_harmless(property, &value) {
            kept.refused += usize::from(is_suspicious(declaration) || property == "position");
            continue;
        }
        kept.colours |= property == "background-color" || property == "color";
        let separator = if kept.text.is_empty() { "" } else { ";" };
        let _ = write!(kept.text, "{separator}{property}:{value}");
    }
    kept
}

fn is_suspicious(declaration: &str) -> bool {
    let lower = declaration.to_ascii_lowercase();
    ["\\", "url", "expression", "@import", "behavior", "-moz-binding", "javascript", "image("]
        .iter()
        .any(|sign| lower.contains(sign))
}

fn is_harmless(property: &str, value: &str) -> bool {
    if value.is_empty() || value.len() > MAX_VALUE_OCTETS {
        return false;
    }
    if !value.chars().all(|c| c.is_ascii_alphanumeric() || " #%.,+-!'\"()".contains(c) || is_font_letter(property, c)) {
        return false;
    }
    let balanced = ['"', '\''].iter().all(|&quote| value.matches(quote).count() % 2 == 0);
    let quoted_where_names_are = !value.contains(['"', '\'']) || property.starts_with("font");
    let words = value.to_ascii_lowercase();
    balanced
        && quoted_where_names_are
        && only_colour_functions(&words)
        && !["url", "expression", "javascript"].iter().any(|sign| words.contains(sign))
        && match property {
            "margin" | "margin-top" | "margin-bottom" | "margin-left" | "margin-right" => !words.contains('-'),
            "display" => matches!(
                words.trim_end_matches("!important").trim(),
                "block" | "inline" | "inline-block" | "none" | "table" | "table-cell" | "table-row" | "list-item"
            ),
            "background-color" => !words.contains(' ') || words.contains('(') || words.ends_with("!important"),
            _ => true,
        }
}

fn is_font_letter(property: &str, c: char) -> bool {
    property.starts_with("font") && (c.is_alphabetic() || c == '_' || c == '/')
}

/// Each bracket belongs to `rgb()`, `rgba()`, `hsl()` or `hsla()`, closed and not nested.
fn only_colour_functions(value: &str) -> bool {
    let mut pieces = value.split('(');
    let mut before = pieces.next().unwrap_or_default();
    if before.contains(')') {
        return false;
    }
    for piece in pieces {
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let Some((inside, after)) = piece.split_once(')') else {
            return false;
        };
        let numbers = inside.chars().all(|c| c.is_ascii_alphanumeric() || " %.,-".contains(c));
        if !matches!(name, "rgb" | "rgba" | "hsl" | "hsla") || !numbers || after.contains(')') {
            return false;
        }
        before = after;
    }
    true
}

/// A comment separates words as a blank does; one without end hides the rest.
fn without_comments(style: &str) -> String {
    let mut text = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        text.push(' ');
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_kept() {
        for style in [
            "color:#333;background-color:rgb(1, 2, 3)",
            "font-family:'Helvetica Neue',Arial,\"Ŝriftο\";font:12px/1.5 Arial",
            "padding:0 10px;margin:0 auto;width:100%;max-width:600px",
            "border:1px solid rgba(0,0,0,0.5);display:inline-block",
            "line-height:1.4!important",
        ] {
            assert_eq!(filter(style).text, style);
            assert_eq!(filter(style).refused, 0);
        }
        assert_eq!(filter(" COLOR : red ; background: #fff ;; ").text, "color:red;background-color:#fff");
    }

    #[test]
    fn what_loads_runs_or_moves_is_refused() {
        for style in [
            "background:url(http://e.test/x.png)",
            "background:#fff url(//e.test)",
            "background-color:\\75rl(http://e.test)",
            "background:u/**/rl(x)",
            "width:expression(alert(1))",
            "width:e\\78pression(alert(1))",
            "color:red;background-image:image-set('http://e.test/x.png' 1x)",
            "position:fixed;top:0",
            "behavior:url(x.htc)",
            "-moz-binding:url(x)",
            "@import 'http://e.test/x.css'",
            "font-family:'a;color:url(http://e.test)",
            "list-style:url(x)",
            "content:url(x)",
            "filter:progid:x(src='http://e.test')",
            "font-family:x/*';background:url(http://e.test)/*'*/",
            "color:rgb(0,0,0);width:calc(1px + var(--x))",
            "margin-left:-9999px",
            "color:red}body{background:url(x)",
            "cursor:url(http://e.test/c.cur),auto",
        ] {
            let text = filter(style).text;
            assert!(
                !["url", "expression", "position", "import", "image", "calc", "9999", "}", "\\", "http", "//"]
                    .iter()
                    .any(|sign| text.contains(sign)),
                "{style} gave {text}"
            );
        }
        assert!(filter("background:url(http://e.test/x.png)").refused > 0);
    }
}
