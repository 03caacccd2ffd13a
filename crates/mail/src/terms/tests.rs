//! What is found, and what is not.

use super::*;
use proptest::prelude::*;

fn terms(text: &str) -> Vec<String> {
    words::words(text).map(|word| word.term).collect()
}

fn message(subject: &str, text: &str) -> Parsed {
    let person = |name: &str, address: &str| Correspondent { name: Some(name.into()), address: address.into() };
    Parsed {
        subject: subject.into(),
        from: vec![person("Ana Díaz", "Ana.Diaz@Acme.test")],
        to: vec![person("Ben", "ben@old.test")],
        text: Some(text.into()),
        ..Parsed::default()
    }
}

/// What a database does: the document has the terms in a row.
fn finds(document: &Document, query: &str) -> bool {
    let all: Vec<&str> = document.terms().collect();
    Query::parse(query).clauses.iter().all(|clause| {
        let want: Vec<String> = clause.terms.iter().map(|term| format!("{}{term}", clause.field.prefix())).collect();
        let there = all.windows(want.len()).any(|row| {
            row.iter().zip(&want).enumerate().all(|(i, (have, want))| {
                if clause.prefix && i + 1 == clause.terms.len() {
                    have.starts_with(want.as_str())
                } else {
                    have == want
                }
            })
        });
        there != clause.negated
    })
}

#[test]
fn words_lose_case_and_diacritics_in_every_script() {
    for (text, want) in [
        ("Grüße, ÄRGER naïve", "grusse arger naive"),
        ("Gru\u{308}ße", "grusse"),
        ("İstanbul ISTANBUL ıstanbul istanbul", "istanbul istanbul istanbul istanbul"),
        ("Łódź Ørsted Æon þing", "lodz orsted aeon thing"),
        ("ΟΔΥΣΣΕΥΣ Οδυσσεύς", "οδυσσευσ οδυσσευσ"),
        ("ЁЛКА ёлка", "елка елка"),
        ("ｆｕｌｌ ﬁne in\u{ad}voice", "full fine invoice"),
        ("don't 2026-114 a_b", "don t 2026 114 a b"),
        ("مُحَمَّد שָׁלוֹם", "محمد שלום"),
        ("no\u{200b}space so\u{200d}ft", "no space soft"),
        ("", ""),
        ("... — \u{1f600} \u{0}", ""),
    ] {
        assert_eq!(terms(text).join(" "), want, "{text}");
    }
}

#[test]
fn scripts_without_spaces_are_found_by_any_part_of_a_run() {
    assert_eq!(terms("東京都"), ["東京", "京都", "都"]);
    assert_eq!(terms("iPhone用2台"), ["iphone", "用", "2", "台"]);
    assert_eq!(terms("ﾊﾟﾊﾟ"), terms("パパ"));
    let found = message("東京都の天気 2026", "안녕하세요 여러분");
    let found = Document::of(&found);
    for query in ["東京都", "京都", "都", "天", "東京", "\"天気 2026\"", "안녕", "하세요", "여", "subject:東京都の天気"]
    {
        assert!(finds(&found, query), "{query}");
    }
    for query in ["東都", "気天", "京 都の人", "안하", "from:東京"] {
        assert!(!finds(&found, query), "{query}");
    }
}

#[test]
fn a_message_is_found_by_each_of_its_fields() {
    let mut mail = message("Your quote", "See müller@old-host.test, or call.\nInvoice attached");
    mail.attachments = vec![crate::parsed::Attachment {
        index: 0,
        name: "Angebot-März.pdf".into(),
        content_type: "application/pdf".into(),
        size: 1,
        inline: false,
        content_id: None,
    }];
    let document = Document::of(&mail);
    for query in [
        "quote",
        "quo",
        "subject:quote",
        "ana",
        "DIAZ",
        "from:diaz",
        "from:ana.diaz@acme.test",
        "ana.diaz@acme.test",
        "from:\"Ana Díaz\"",
        "acme",
        "acme.test",
        "@acme.test",
        "ana.di",
        "to:ben",
        "to:ben@old.test",
        "angebot marz pdf",
        "\"marz pdf\"",
        "müller@old-host.test",
        "old-host",
        "\"invoice attached\"",
        "-draft",
        "invoice -from:ben",
        "ana.diaz@ac",
        "",
        "\"\"",
        "-",
        ":",
    ] {
        assert!(finds(&document, query), "{query}");
    }
    for query in [
        "subject:invoice",
        "from:ben",
        "to:ana",
        "\"quote ana\"",
        "\"call invoice\" x",
        "-quote",
        "uote",
        "\"invo\" attached",
    ] {
        assert!(!finds(&document, query), "{query}");
    }
}

#[test]
fn operators_are_taken_and_what_makes_no_sense_is_words() {
    let query = Query::parse(
        "has:attachment -is:unread in:\"Old mail\" before:2026-02-28 after:2024-02-29 account:Ana@x.test Is:FLAGGED Label:Kunden",
    );
    let day = |year, month, day| Some(Day { year, month, day });
    assert_eq!(query.clauses, []);
    assert_eq!(
        query.filters,
        Filters {
            attachment: Some(true),
            unread: Some(false),
            flagged: Some(true),
            folders: vec!["Old mail".into()],
            labels: vec!["Kunden".into()],
            accounts: vec!["Ana@x.test".into()],
            before: day(2026, 2, 28),
            after: day(2024, 2, 29),
            ..Filters::default()
        }
    );
    let query =
        Query::parse("-in:Trash -folder:\"Old mail\" -label:x -account:Ana -after:2026-02-28 -before:2024-02-29");
    assert_eq!(query.clauses, []);
    assert_eq!(
        query.filters,
        Filters {
            without_folders: vec!["Trash".into(), "Old mail".into()],
            without_labels: vec!["x".into()],
            without_accounts: vec!["Ana".into()],
            before: day(2026, 2, 28),
            after: day(2024, 2, 29),
            ..Filters::default()
        }
    );
    let query = Query::parse(
        "before:2026-03-01 before:2026-02-28 before:2026-04-01 after:2024-01-01 after:2024-02-29 in:a in:b",
    );
    assert_eq!((query.filters.before, query.filters.after), (day(2026, 2, 28), day(2024, 2, 29)));
    assert_eq!(query.filters.folders, ["a", "b"]);
    for text in ["is:read is:unread", "is:flagged -is:flagged", "has:file -has:attachment"] {
        assert!(Query::parse(text).filters.contradictory, "{text}");
    }
    assert!(!Query::parse("is:read -is:unread is:seen").filters.contradictory);
    for (text, want) in [
        ("before:2026-02-30", "before 2026 02 30"),
        ("before:yesterday", "before yesterday"),
        ("has:fun", "has fun"),
        ("-in: in:", "in in"),
        ("label: -label:", "label label"),
        ("http://x.test/ab", "http x test ab"),
        ("re: hello", "re hello"),
        ("NEAR(a, b*) \"un", "near a b un"),
    ] {
        let query = Query::parse(text);
        let all: Vec<String> = query.clauses.iter().flat_map(|clause| clause.terms.clone()).collect();
        assert_eq!((all.join(" "), query.filters), (want.to_owned(), Filters::default()), "{text}");
    }
    let typing = Query::parse("old inv").clauses;
    assert_eq!((typing[0].prefix, typing[1].prefix), (false, true));
    assert!(!Query::parse("old -inv").clauses[1].prefix);
    assert!(!Query::parse("\"old inv\"").clauses[0].prefix && !Query::parse("a").clauses[0].prefix);
    // One letter after another piece of a word is not looked for as long as it may be the first of more.
    for (text, want) in [
        ("max.m", "max"),
        ("max.mu", "max mu"),
        ("\"könig w", "konig"),
        ("\"könig w\"", "konig w"),
        ("from:ana.d", "ana"),
        ("日本語A", "日本 本語"),
        ("vitamin c", "vitamin c"),
        ("-plan.b", "plan b"),
        ("plan.b ", "plan b"),
    ] {
        let all: Vec<String> = Query::parse(text).clauses.into_iter().flat_map(|clause| clause.terms).collect();
        assert_eq!(all.join(" "), want, "{text}");
    }
    assert!(Query::parse(" \t\n").is_empty());
}

#[test]
fn hits_are_marked_where_they_stand() {
    let show = |parts: Vec<Part>| {
        parts.iter().map(|p| if p.hit { format!("[{}]", p.text) } else { p.text.clone() }).collect::<String>()
    };
    let query = |text| Query::parse(text);
    assert_eq!(show(marks("Die GRÜSSE an Grußmann", Field::Any, &query("gruß"))), "Die [GRÜSSE] an [Grußmann]");
    assert_eq!(
        show(marks("your quote, your own", Field::Subject, &query("\"your quote\" from:your"))),
        "[your quote], your own"
    );
    assert_eq!(show(marks("東京都です", Field::Any, &query("京都"))), "東[京都]です");
    assert_eq!(show(marks("write ana@x.test", Field::From, &query("from:ana@x.test -write"))), "write [ana@x.test]");
    assert_eq!(show(marks("nothing", Field::Any, &query("else"))), "nothing");
    let long = format!("{} the needle in it {}", "hay ".repeat(500), "hay ".repeat(500));
    assert_eq!(
        show(excerpt(&long, 60, &query("needle")).unwrap()),
        "… hay hay hay hay hay hay hay hay the [needle] in it hay hay hay"
    );
    assert_eq!(excerpt("nothing", 60, &query("needle")), None);
}

#[test]
fn a_message_has_bounds() {
    let long = "x".repeat(10_000);
    let mut mail = message(&format!("{long} short"), &format!("{}end", "many words here and there ".repeat(2_000)));
    mail.to = vec![Correspondent { name: Some("Somebody Else".into()), address: "list@x.test".into() }; 1_000];
    mail.cc = (0..1_000).map(|n| Correspondent { name: None, address: format!("p{n}@x.test") }).collect();
    let document = Document::of(&mail);
    assert!(document.terms().count() <= MAX_TERMS);
    assert!(document.terms().all(|term| term.len() <= MAX_TERM_OCTETS + 2));
    for query in [long.as_str(), "\"many words\"", "from:ana", "short", "to:p3@x.test", "p3@x.test"] {
        assert!(finds(&document, query), "{}", crate::cut(query, 5));
    }
}

#[test]
fn what_is_said_a_thousand_times_is_in_its_place_each_time() {
    let links: String = (0..1_000).map(|n| format!("www.p{n}.test ")).collect();
    let document = Document::of(&message("Links", &links));
    assert!(finds(&document, "www.p999.test") && finds(&document, "\"p998 test www\""));
    assert!(!finds(&document, "\"p998 www\"") && !finds(&document, "\"p998 p999\""));
}

#[test]
fn the_beginnings_of_words_are_told_once() {
    let document = Document::of(&message("in größe", "invoice inn i größe"));
    let found: Vec<&str> = document.beginnings([2, 3]).filter(|b| "ingr".contains(crate::cut(b, 2))).collect();
    assert_eq!(found, ["in", "gr", "gro", "inv", "inn"]);
}

proptest! {
    #[test]
    fn every_word_of_a_message_finds_it(subject in "\\PC{0,40}", text in "[\\PC\n]{0,200}") {
        let document = Document::of(&message(&subject, &text));
        for word in words::words(&text).filter(|word| !word.tail) {
            let typed = text.get(word.at.clone()).unwrap();
            prop_assert!(finds(&document, &format!("\"{}\"", typed.replace('"', " "))), "{typed:?} in {text:?}");
        }
        for word in words::words(&subject).take(3) {
            let typed = subject.get(word.at.clone()).unwrap();
            prop_assert!(finds(&document, &format!("subject:\"{typed}\"")), "{typed:?} in {subject:?}");
        }
    }

    #[test]
    fn no_query_fails_and_its_marks_are_the_text(typed in "\\PC{0,80}", text in "\\PC{0,120}") {
        let query = Query::parse(&typed);
        let parts = marks(&text, Field::Any, &query);
        prop_assert_eq!(parts.into_iter().map(|p| p.text).collect::<String>(), text);
    }
}
