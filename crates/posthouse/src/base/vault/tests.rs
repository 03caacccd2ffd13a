//! What an operator reads when the key file is none.

use super::*;

fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    std::fs::write(&path, bytes).unwrap();
    let e = read(&path).and_then(|text| tried(&path, &text.unwrap(), &[])).err().unwrap().to_string();
    assert!(!e.contains("c2VjcmV0"), "the key is quoted: {e}");
    e.replace(&folder.path().display().to_string(), "/data")
}

#[test]
fn what_is_no_key_file_is_named_with_what_is_wrong_and_the_ways_out() {
    let kinds: [&[u8]; 8] = [
        b"",
        b"# my key\n\n",
        b"\xff\xfe\x00",
        b"c2VjcmV0c2VjcmV0\n",
        b"one c2VjcmV0c2VjcmV0\n",
        b"1 c2VjcmV0c2VjcmV0\n",
        b"1 c2VjcmV0!\n",
        b"# my key\n300 c2VjcmV0c2VjcmV0\n",
    ];
    insta::assert_snapshot!(kinds.map(refused).join("\n"));
}

#[test]
fn the_place_of_the_key_is_looked_at_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| look_at_place(&folder.path().join(name));
    assert_eq!(at("master.key"), Ok(()));
    assert!(at("no/x").unwrap_err().contains("there is no folder"));
    assert!(look_at_place(folder.path()).unwrap_err().contains("is a folder; name the file"));
    std::fs::write(folder.path().join("master.key"), "1 x").unwrap();
    assert_eq!(at("master.key"), Ok(()));
}
