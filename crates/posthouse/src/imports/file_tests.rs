//! Files as spreadsheets write them.

use super::*;

fn addresses(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap_or_else(|e| panic!("{e}")).lines.iter().map(|l| l.cells["address"].clone()).collect()
}

fn utf16(text: &str, marked: bool, low_first: bool) -> Vec<u8> {
    let mark = if marked { "\u{feff}" } else { "" };
    let units = format!("{mark}{text}");
    units.encode_utf16().flat_map(|u| if low_first { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
}

#[test]
fn every_way_that_spreadsheets_write_a_table_is_read() {
    let comma = "address,display_name,password\r\nana@x.test,\"Díaz, \"\"Ana\"\"\",p;1\r\n\r\nben@x.test,Ben,p2\r\n";
    let semicolon = "Address;Display name;Password\nana@x.test;\"Díaz, \"\"Ana\"\"\";\"p;1\"\nben@x.test;Ben;p2";
    let tab = "EMAIL\tname\tpassword\nana@x.test\t\"Díaz, \"\"Ana\"\"\"\tp;1\n\t\t\nben@x.test\tBen\tp2\n";
    let mut files: Vec<Vec<u8>> = vec![format!("sep=;\r\n{semicolon}").into_bytes()];
    for text in [comma, semicolon, tab] {
        files.push(text.as_bytes().to_vec());
        files.push(format!("\u{feff}{text}").into_bytes());
        for (marked, low_first) in [(true, true), (true, false), (false, true), (false, false)] {
            files.push(utf16(text, marked, low_first));
        }
        files.push(WINDOWS_1252.encode(text).0.into_owned());
    }
    for (n, file) in files.iter().enumerate() {
        let sheet = read(file).unwrap_or_else(|e| panic!("{n}: {e}"));
        assert_eq!(sheet.lines.len(), 2, "{n}");
        let ana = &sheet.lines[0];
        assert_eq!(ana.cells["display_name"], "Díaz, \"Ana\"", "{n}");
        assert_eq!(ana.passwords["password"].expose(), "p;1", "{n}");
        assert!(!ana.cells.contains_key("password"), "{n}");
        assert_eq!(sheet.lines[1].cells["address"], "ben@x.test", "{n}");
    }
    let ansi = read(&WINDOWS_1252.encode(comma).0).unwrap_or_else(|e| panic!("{e}"));
    assert!(ansi.notes[0].contains("Windows-1252"), "{:?}", ansi.notes);
    assert_eq!(addresses("address\na@x.test\n\n\nb@x.test".as_bytes()), ["a@x.test", "b@x.test"]);
}

#[test]
fn rows_are_named_by_their_line() {
    let sheet =
        read(b"address,x\n\na@x.test,1\nb@x.test,2,3,\nc@x.test,2,,\nd@x.test\n\"e@x.test\n\",1\nf@x.test,\"1\n2\"\n");
    let sheet = sheet.unwrap_or_else(|e| panic!("{e}"));
    let numbers: Vec<(u64, Option<Slip>)> = sheet.lines.iter().map(|l| (l.number, l.slip)).collect();
    let (many, few) = (Some(Slip::TooMany), Some(Slip::TooFew));
    assert_eq!(numbers, [(3, None), (4, many), (5, None), (6, few), (7, None), (9, None)]);
    for text in ["address\n\na@x.test\nb@x.test", "sep=,\naddress\na@x.test\nb@x.test"] {
        for ending in ["\n", "\r\n", "\r"] {
            let sheet =
                read(text.replace('\n', ending).as_bytes()).unwrap_or_else(|e| panic!("{e} {text:?} {ending:?}"));
            assert_eq!(sheet.lines.iter().map(|l| l.number).collect::<Vec<_>>(), [3, 4], "{text:?} {ending:?}");
        }
    }
    assert_eq!(sheet.notes, ["Columns that are not known here are not used: \"x\"."]);
}

#[test]
fn what_is_no_table_of_accounts_is_told() {
    let wrong = |bytes: &[u8]| read(bytes).err().unwrap_or_else(|| panic!("it was read"));
    assert_eq!(wrong(b""), FileError::Empty);
    assert_eq!(wrong(b"address,password\n,\n"), FileError::Empty);
    assert_eq!(wrong(b"PK\x03\x04rest"), FileError::Workbook);
    assert_eq!(wrong(b"address\na\0b\n\x01\x02"), FileError::NotText);
    assert_eq!(wrong(b"address,Email\na@x.test,b"), FileError::Twice("address".into()));
    let first_is_data = wrong(b"ana@x.test,SECRET12,Ana\nben@x.test,other,Ben\n").to_string();
    assert!(first_is_data.contains("\"address\"") && first_is_data.contains("3 columns"), "{first_is_data}");
    assert!(!first_is_data.contains("SECRET12") && !first_is_data.contains("ana"), "{first_is_data}");
    let no_address = wrong(b"mail;Password;imap_host\na@x.test;p;h").to_string();
    assert!(
        no_address.ends_with("It has 3 columns; of the names that are known here: password, imap_host."),
        "{no_address}"
    );
    assert_eq!(wrong(b"address,password\na@x.test,p\n\nb@x.test,\"p\nc@x.test,p"), FileError::Unclosed(4));
    assert_eq!(wrong(b"sep=;\r\naddress;password\r\n\"a@x.test;p\r\n"), FileError::Unclosed(3));
    let rows = |n: usize| format!("address\n{}", "a@x.test\n".repeat(n));
    assert_eq!(addresses(rows(MAX_ROWS).as_bytes()).len(), MAX_ROWS);
    assert_eq!(wrong(rows(MAX_ROWS + 1).as_bytes()), FileError::TooMany);
}

#[test]
fn a_row_whose_cells_slipped_has_nothing_but_its_line() {
    let header = "address,display_name,password,imap_host,smtp_host";
    let rows = [
        ("x@l.test,Smith, Ann,SECRET,i.b.test,s.b.test", Slip::TooMany),
        ("x@l.test;Ann;SECRET;i.b.test;s.b.test", Slip::TooFew),
        ("x@l.test,SECRET,i.b.test,s.b.test", Slip::TooFew),
        ("x@l.test,\"Ann,SECRET,i.b.test,s.b.test\ny@l.test,\"Ben,\"SECRET\",,", Slip::Lines),
        ("\"x@l.test\ny@l.test\",Ann,SECRET,,", Slip::Lines),
    ];
    for (row, want) in rows {
        let sheet = read(format!("{header}\n{row}\n").as_bytes()).unwrap_or_else(|e| panic!("{e}: {row}"));
        let line = &sheet.lines[0];
        assert_eq!((line.number, line.slip), (2, Some(want)), "{row}");
        assert!(line.cells.is_empty() && line.passwords.is_empty(), "{row}: {:?}", line.cells);
    }
    // An account that slipped into the first line is not told with its columns.
    let sheet = read(b"address,password,b@x.test,SECRET\na@x.test,p,,").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sheet.notes, ["Columns that are not known here are not used: 2 of them."]);
}

#[test]
fn no_cell_that_is_written_is_run_and_each_comes_back_as_it_was() {
    let names = ["=1+1", "+49", "-x", "@sum", "\tt", "\rr", "O'Hara", "'quoted'", "a,b", "say \"x\"", "Díaz"];
    let rows = names.iter().map(|name| {
        (Cells::from([("address".into(), "a@x.test".into()), ("display_name".into(), (*name).into())]), "=why".into())
    });
    let file = failed(rows).unwrap();
    let text = String::from_utf8(file.clone()).unwrap();
    assert!(text.starts_with("\u{feff}address,display_name,password,"), "{text}");
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    for record in reader.records() {
        let record = record.unwrap();
        assert!(record.iter().all(|cell| !begins_formula(cell)), "{record:?}");
        assert_eq!(record.iter().next_back(), Some("'=why"));
    }
    let back = read(&file).unwrap_or_else(|e| panic!("{e}"));
    // A line break in a cell is a slip, which is never kept and so never written.
    let back: Vec<Option<&str>> = back.lines.iter().map(|l| l.cells.get("display_name").map(String::as_str)).collect();
    assert_eq!(back, names.map(|n| (n != "\rr").then_some(n)));
    assert!(read(&sample().unwrap()).is_ok_and(|sheet| sheet.lines.len() == 3 && sheet.notes.is_empty()));
}
