//! Plays a kept corpus through a check, in the ordinary tests of the crates (`crates/*/tests`).

/// Runs a check on each file of its corpus. A panic names the file.
pub fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 3, "the corpus of {target} is missing");
    for file in files {
        let input = std::fs::read(&file).unwrap();
        let result = std::panic::catch_unwind(|| check(&input));
        assert!(result.is_ok(), "{} breaks a rule of {target}", file.display());
    }
}
