//! The sanitiser on the corpus and on any text, read again by a strict grammar of its own.

use proptest::prelude::*;

use super::*;

const BODY_TAGS: &[&str] = &[
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
const BODY_ATTRIBUTES: &[&str] = &[
    "align",
    "alt",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "colspan",
    "dir",
    "height",
    "href",
    "lang",
    "rel",
    "rowspan",
    "span",
    "src",
    "start",
    "style",
    "target",
    "title",
    "type",
    "valign",
    "width",
];

fn no_inline() -> InlineImages {
    Box::new(|_| None)
}

fn blocked(html: &str) -> Sanitised {
    sanitise(html, Images::Blocked, no_inline())
}

fn proxied(html: &str) -> Sanitised {
    let inline: InlineImages = Box::new(|id| (id == "logo@x.test").then(|| "data:image/png;base64,QUJD".to_owned()));
    sanitise(html, Images::Proxied(Box::new(|index| format!("/image/{index}"))), inline)
}

fn body(document: &str) -> &str {
    let start = document.find("<body>").unwrap() + "<body>".len();
    document.get(start..document.rfind("</body></html>").unwrap()).unwrap()
}

/// Reads a sanitised body by the strictest grammar there is: each `<` starts `<name a="v" …>` or `</name>`. What fits
/// it means the same to every browser. Shares no code with the sanitiser. Gives (element, attribute, value).
fn strictly_read(body: &str) -> Result<Vec<(String, String, String)>, String> {
    let mut attributes = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        let refused = || format!("odd markup: <{}", rest.chars().take(60).collect::<String>());
        let name_end = rest.find([' ', '>']).ok_or_else(refused)?;
        let (name, mut tail) = rest.split_at(name_end);
        if !BODY_TAGS.contains(&name.strip_prefix('/').unwrap_or(name)) {
            return Err(refused());
        }
        while let Some(attribute) = tail.strip_prefix(' ') {
            let (key, value) = attribute.split_once("=\"").ok_or_else(refused)?;
            let (value, after) = value.split_once('"').ok_or_else(refused)?;
            if !BODY_ATTRIBUTES.contains(&key) || name.starts_with('/') {
                return Err(refused());
            }
            attributes.push((name.to_owned(), key.to_owned(), value.to_owned()));
            tail = after;
        }
        rest = tail.strip_prefix('>').ok_or_else(refused)?;
    }
    Ok(attributes)
}

/// The promises of the sanitiser, checked on its output. `src` says what an image may show.
fn is_safe(document: &str, src: impl Fn(&str) -> bool) -> Result<(), String> {
    for (element, attribute, value) in strictly_read(body(document))? {
        let lower = value.to_ascii_lowercase();
        let safe = match attribute.as_str() {
            "href" => ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme)),
            "src" => element == "img" && src(&value),
            "style" => {
                !["url", "expression", "import", "javascript", "position", "\\", "@", "/*", "<", "&lt", "{", "}"]
                    .iter()
                    .any(|sign| lower.contains(sign))
            }
            "target" => value == "_blank",
            "rel" => value == "noopener noreferrer nofollow",
            _ => true,
        };
        if !safe {
            return Err(format!("{element} {attribute}={value:?}"));
        }
    }
    Ok(())
}

fn is_raster(src: &str) -> bool {
    src.strip_prefix("data:image/").is_some_and(|rest| {
        let (kind, data) = rest.split_once(";base64,").unwrap_or_default();
        ["png", "jpeg", "gif", "webp", "bmp", "avif"].contains(&kind)
            && data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    })
}

fn corpus_html(name: &str) -> String {
    let path = format!("{}/corpus/{name}.eml", env!("CARGO_MANIFEST_DIR"));
    crate::parsed::parse(&std::fs::read(path).unwrap()).html.unwrap()
}

#[test]
fn the_corpus_is_made_safe() {
    for name in [
        "02-multilingual",
        "13-calendar",
        "14-inline-images",
        "15-hostile-html",
        "16-mutation-html",
        "18-newsletter",
        "20-mixed-bodies",
    ] {
        let html = corpus_html(name);
        let without = blocked(&html);
        let with = proxied(&html);
        is_safe(&without.document, is_raster).unwrap();
        is_safe(&with.document, |src| is_raster(src) || src.starts_with("/image/")).unwrap();
        assert_eq!(without.remote_images, with.remote_images);
        let shown = format!(
            "blocked: {:?}\nremote: {:#?}\n\n{}\n\nwith images:\n{}\n\nas text:\n{}",
            without.blocked,
            without.remote_images,
            body(&without.document),
            body(&with.document),
            text_of(&html)
        );
        insta::assert_snapshot!(name, shown);
    }
}

#[test]
fn links_open_elsewhere_and_tell_nothing() {
    let html = "<a href=https://x.test/ rel=opener target=_top ping=https://evil.test>a</a><a href=#top>b</a><a href=ftp://x.test>c</a>";
    let shown = blocked(html);
    let attributes = strictly_read(body(&shown.document)).unwrap();
    let values = |name: &str| -> Vec<&str> {
        attributes.iter().filter(|(_, attribute, _)| attribute == name).map(|(_, _, value)| value.as_str()).collect()
    };
    assert_eq!(values("href"), ["https://x.test/"]);
    assert_eq!(values("target"), ["_blank"; 3]);
    assert_eq!(values("rel"), ["noopener noreferrer nofollow"; 3]);
    assert_eq!(attributes.len(), 7);
    assert_eq!(shown.blocked.links, 1);
}

#[test]
fn the_document_stands_alone() {
    let document = blocked("<p>Hi").document;
    insta::assert_snapshot!(document);
    let coloured = blocked("<p style='color:#333'>Hi").document;
    assert!(coloured.contains("color-scheme:light}") && coloured.contains("background:#fff"));
    assert!(!document.contains("http") && !coloured.contains("http"));
}

#[test]
fn the_policy_loads_nothing_else() {
    insta::assert_snapshot!(format!("{}\n{}", csp(false), csp(true)));
}

#[test]
fn remote_images_keep_their_numbers() {
    let html =
        "<img src=http://a.test/1><img src='data:image/gif;base64,R0lG'><img src=cid:x><IMG SRC=//b.test/2 alt=two>";
    let shown = proxied(html);
    assert_eq!(shown.remote_images, ["http://a.test/1", "https://b.test/2"]);
    assert!(shown.document.contains("src=\"/image/0\"") && shown.document.contains("src=\"/image/1\""));
    let hidden = blocked(html);
    assert_eq!(hidden.remote_images, shown.remote_images);
    assert!(!hidden.document.contains("test/") && hidden.document.contains("alt=\"two\""));
}

#[test]
fn the_number_of_remote_images_is_limited() {
    let html: String = (0..600).map(|n| format!("<img src=https://x.test/{n}>")).collect();
    let shown = proxied(&html);
    assert_eq!(shown.remote_images.len(), MAX_REMOTE_IMAGES);
    assert_eq!(shown.blocked.images, 100);
    assert_eq!(shown.document.matches("src=").count(), MAX_REMOTE_IMAGES);
}

/// A small mail can show one large image ten thousand times.
#[test]
fn inline_images_are_bounded_together() {
    let image = data_url("image/png", &[7; 700_000]).unwrap();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (given, count) = (image.clone(), Arc::clone(&asked));
    let inline = Box::new(move |_: &str| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Some(given.clone())
    });
    let shown = sanitise(&"<img src=cid:x>".repeat(20_000), Images::Blocked, inline);
    assert_eq!(shown.document.matches("data:image/png").count(), MAX_INLINE_OCTETS / image.len());
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), MAX_INLINE_OCTETS / image.len() + 1);
    assert!(shown.document.len() < MAX_INLINE_OCTETS + 1024 * 1024);
}

#[test]
fn only_raster_images_are_inlined() {
    assert_eq!(data_url("image/PNG", b"ABC").as_deref(), Some("data:image/png;base64,QUJD"));
    assert_eq!(data_url("image/svg+xml", b"<svg/>"), None);
    assert_eq!(data_url("text/html", b"x"), None);
    let large = vec![0; MAX_DATA_URL_OCTETS];
    assert_eq!(data_url("image/png", &large), None);
    let largest = data_url("image/jpeg", &large[..MAX_DATA_URL_OCTETS / 4 * 3 - 64]).unwrap();
    assert!(blocked(&format!("<img src=\"{largest}\">")).document.contains(&largest));
}

/// What makes tree builders slow or large: each stays small here.
#[test]
fn hostile_shapes_stay_small() {
    let attributes: String = (0..100_000).map(|n| format!(" a{n}")).collect();
    let formatting: String = (0..10_000).map(|n| format!("<b title={n}>")).collect();
    for html in [
        "<div>".repeat(200_000),
        "<b><p>".repeat(100_000),
        format!("<p>{formatting}</p>{}", "<p>x</p>".repeat(10_000)),
        format!("<div{attributes}>x"),
        "<svg>".repeat(100_000),
        "<!--".repeat(100_000),
        "<!--x-->".repeat(100_000),
        "<table><tr><td>".repeat(50_000),
        "<a href=x>".repeat(50_000),
        "<".repeat(200_000),
        "</p>".repeat(100_000),
        "<p><font color=red>".repeat(20_000),
    ] {
        let shown = blocked(&html);
        assert!(shown.document.len() < 4 * html.len() + 2_000, "{} grew to {}", html.len(), shown.document.len());
        is_safe(&shown.document, |_| false).unwrap();
        assert!(text_of(&html).len() <= 2 * html.len());
    }
    assert!(blocked(&"<i></i>".repeat(tags::MAX_TAGS + 1)).truncated);
    assert!(blocked(&"x".repeat(MAX_HTML_OCTETS + 1)).truncated);
}

#[test]
fn unclosed_elements_of_old_mails_do_not_nest() {
    let paragraphs = blocked(&"<p>a".repeat(1_000)).document;
    assert_eq!(paragraphs.matches("<p>a</p>").count(), 1_000);
    let styled = blocked("<li>b<li><b style='color:red'>c").document;
    assert_eq!(body(&styled), "<li>b</li><li><b><span style=\"color:red\">c</span></b></li>");
    let list = blocked(&format!("<ul>{}</ul>", "<li>b".repeat(1_000))).document;
    assert_eq!(list.matches("<li>b</li>").count(), 1_000);
}

#[test]
fn text_of_html_reads_well() {
    let html = "<style>p{}</style><h1>Title</h1><p>One<br>two &amp; <b>three</b></p><ul><li>a<li>b</ul>\
                <table><tr><td>left<td>right</table><hr><a href=https://x.test>link</a><img src=x alt=Logo>";
    insta::assert_snapshot!(text_of(html));
    assert_eq!(text_of(""), "");
    assert_eq!(text_of("a &lt; b"), "a < b");
    assert_eq!(text_of("<p>a</p><hr><p>b</p>"), "a\n\nb");
}

fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec![
            "<script>", "</script>", "<style>", "</style>", "<svg>", "</svg>", "<math>", "<mtext>", "<mglyph>", "<noscript>",
            "</noscript>", "<template>", "<textarea>", "</textarea>", "<title>", "</title>", "<xmp>", "<select>", "<table>",
            "</table>", "<tr>", "<td>", "</td>", "<p>", "</p>", "<b>", "</b>", "<a href=", "javascript:alert(1)", " href='",
            "<img src=", "https://evil.test/x", "//evil.test/y", "data:image/png;base64,AAAA", "data:text/html,x", "cid:a",
            " onerror=alert(1)", "/onclick=x", " style=\"", "background:url(https://evil.test)", "\\75rl(", "/*", "*/", "color:red;",
            "position:fixed", "\"", "'", "`", ">", "/>", "<", "</", "<!--", "-->", "--!>", "<!", "<?", "<![CDATA[", "]]>", "&lt;",
            "&#60;script&#62;", "&quot;", "&", "\0", "\u{feff}", "\u{202e}", "=", " ", "\n", "\t", "<font color=", "<body onload=x ",
            "<iframe srcdoc=", "<form><input>", "<base href=https://evil.test>", "<meta http-equiv=refresh>", "<li>", "<span ",
            "</b><p>", "<frameset>", "<plaintext>", "<h1>", "<col span=9999>", "<image src=https://evil.test/z>", "<isindex>",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "[<>a-z\"'=/ !-]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_dangerous_comes_out(fragments in proptest::collection::vec(fragment(), 0..40)) {
        let html = fragments.concat();
        let hidden = blocked(&html);
        if let Err(what) = is_safe(&hidden.document, is_raster) {
            prop_assert!(false, "{what} in {}", hidden.document);
        }
        let lower = hidden.document.to_lowercase();
        prop_assert!(!lower.contains("<script"));
        let shown = proxied(&html);
        if let Err(what) = is_safe(&shown.document, |src| is_raster(src) || src.starts_with("/image/")) {
            prop_assert!(false, "{what} in {}", shown.document);
        }
        prop_assert_eq!(hidden.remote_images, shown.remote_images);
    }

    #[test]
    fn what_is_safe_stays_the_same(fragments in proptest::collection::vec(fragment(), 0..20)) {
        let once = blocked(&fragments.concat()).document;
        let twice = blocked(body(&once)).document;
        prop_assert!(strictly_read(body(&twice)).is_ok());
        prop_assert_eq!(text_of(body(&once)), text_of(body(&twice)));
    }

    #[test]
    fn any_html_has_text(html in "\\PC{0,200}") {
        prop_assert!(text_of(&html).len() <= 4 * html.len() + 200);
    }
}

#[test]
fn text_below_the_deepest_tags_is_kept_and_what_is_left_out_is_said() {
    for (open, count) in [("<div>", 200), ("<div>", 20_000), ("<a><b><i><font>", 5_000), ("<table><tr><td>", 2_000)] {
        let html = format!("{}here it is", open.repeat(count));
        let shown = sanitise(&html, Images::Blocked, no_inline());
        assert!(shown.document.contains("here it is") && !shown.truncated, "{open} {count}");
        assert!(text_of(&html).contains("here it is"), "{open} {count}");
    }
    let html = format!("{}here it is", "<div>".repeat(100_000));
    assert!(sanitise(&html, Images::Blocked, no_inline()).truncated);
}
