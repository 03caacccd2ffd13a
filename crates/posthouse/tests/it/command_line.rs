//! What the real program says at a terminal when it is asked for what cannot be.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    command.env_clear().env("RUST_BACKTRACE", "1").current_dir(folder);
    command
}

/// What it says on its way out, which must be a refusal.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_error_that_is_explained_has_no_stack_below_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("posthouse.toml"), "lisen = \"x\"").unwrap();
    let bad_settings = refused(program(folder.path()).arg("serve"));
    std::fs::remove_file(folder.path().join("posthouse.toml")).unwrap();
    let no_data = refused(program(folder.path()).args(["backup", "copy"]));
    std::fs::write(folder.path().join("data"), "no folder").unwrap();
    let no_folder = refused(program(folder.path()).arg("serve"));
    for (text, wanted) in [
        (bad_settings, "Error: the configuration does not fit:\n  `lisen` (posthouse.toml, line 1) is no setting"),
        (no_data, "Error: data holds no Posthouse data"),
        (
            no_folder,
            "Error: the data folder data: it is no folder: File exists (os error 17). A folder has to be there",
        ),
    ] {
        assert!(text.contains(wanted), "{text}");
        assert!(!text.to_lowercase().contains("backtrace") && !text.contains("posthouse::"), "{text}");
    }
}

#[test]
fn an_address_that_is_none_is_shown_one() {
    let folder = tempfile::tempdir().unwrap();
    let text = refused(program(folder.path()).args(["serve", "--listen", "foo"]));
    assert!(text.contains("'foo'") && text.contains("such as 127.0.0.1:8080, [::1]:8080"), "{text}");
    let one_port = program(folder.path())
        .args(["serve", "--listen", "127.0.0.1:8099"])
        .env("POSTHOUSE_METRICS__LISTEN", "127.0.0.1:8099")
        .output()
        .unwrap();
    let text = String::from_utf8(one_port.stderr).unwrap();
    assert!(text.contains("`listen` = 127.0.0.1:8099 and `metrics.listen` = 127.0.0.1:8099"), "{text}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn the_setting_of_a_key_file_that_cannot_be_is_named_with_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let text = refused(program(folder.path()).arg("serve").env("POSTHOUSE_KEY_FILE", "/nope/x"));
    let wanted = "`key_file` = \"/nope/x\" (the variable POSTHOUSE_KEY_FILE): there is no folder /nope; make it";
    assert!(text.contains(wanted), "{text}");
    assert!(!folder.path().join("data/posthouse.db").exists());
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = program(folder.path());
    let mut child = demo.args(["demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.find(|line| line.starts_with("Stop it with Ctrl-C")).expect("it never began");
    assert_eq!(said, "Stop it with Ctrl-C: that removes its data, the folder demo-data.");
    assert!(folder.path().join("demo-data/posthouse.db").exists());
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something of it stayed");
}

#[test]
fn an_empty_path_in_the_file_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data_dir", "key_file"] {
        std::fs::write(folder.path().join("x.toml"), format!("{name} = \"\"")).unwrap();
        let text = refused(program(folder.path()).args(["--config", "x.toml", "serve", "--listen", "127.0.0.1:0"]));
        assert!(text.contains(&format!("`{name}` = \"\" (x.toml, line 1): it is empty")), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_wrong_part_of_the_address_of_the_database_is_named_with_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let of_variable =
        refused(program(folder.path()).arg("serve").env("DATABASE_URL", "postgres://u:geheim@127.0.0.1:abc/x"));
    let url = "postgres://u:geheim@127.0.0.1/x?sslmode=nonsense";
    std::fs::write(folder.path().join("x.toml"), format!("\ndatabase_url = \"{url}\"")).unwrap();
    let of_file = refused(program(folder.path()).args(["--config", "x.toml", "migrate"]));
    for (text, wanted) in [
        (of_variable, "`database_url` (the variable DATABASE_URL): its port is no number from 1 to 65535"),
        (of_file, "`database_url` (x.toml, line 2): its sslmode is none of disable, allow"),
    ] {
        assert!(text.contains(wanted) && !text.contains("geheim"), "{text}");
    }
}

#[test]
fn a_postgresql_that_refuses_is_told_once_and_waited_for_aloud() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://u:geheim@127.0.0.1:{}/x", testkit::free_port().unwrap());
    let began = std::time::Instant::now();
    let doctor = program(folder.path()).arg("doctor").env("DATABASE_URL", &url).output().unwrap();
    let text = String::from_utf8(doctor.stdout).unwrap();
    let line = text.lines().find(|l| l.starts_with("failed   database")).unwrap_or_else(|| panic!("{text}"));
    assert_eq!((line.matches("os error 111").count(), line.matches("cannot be reached").count()), (1, 1), "{line}");
    // Its other looks ask name servers, which takes up to five seconds where there are none.
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());

    let mut serve = program(folder.path());
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("DATABASE_URL", &url).stderr(Stdio::piped());
    let mut running = serve.spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.any(|l| l.contains("PostgreSQL does not answer yet: waiting for it") && !l.contains("geheim"));
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(told);
}

#[test]
fn an_open_address_and_a_readable_key_are_warned_of_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |words: &[&str]| {
        let log = folder.path().join("log");
        let mut running = program(folder.path())
            .args(words)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let said = BufReader::new(running.stdout.take().unwrap()).lines().next();
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(said.is_some_and(|l| l.unwrap().contains("Posthouse serves at")));
        std::fs::read_to_string(&log).unwrap()
    };
    let quiet = serve(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(!quiet.contains("WARN"), "{quiet}");
    let key = folder.path().join("data/master.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let warned = serve(&["serve", "--listen", "0.0.0.0:0"]);
    assert!(warned.contains("public_url is not set: links that Posthouse makes lead to"), "{warned}");
    assert!(
        warned.contains("others may read the key file") && warned.contains(": chmod 600 data/master.key"),
        "{warned}"
    );
}

/// Runs it with nobody who reads its standard output, or neither of its outputs: the reading end is closed before it begins.
fn unread(command: &mut Command, errors_too: bool) -> std::process::Output {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    command.stdout(closed()).stderr(Stdio::piped());
    if errors_too {
        command.stderr(closed());
    }
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn whoever_stops_reading_the_output_of_a_command_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let ended = |args: &[&str], errors_too: bool, codes: &[i32]| {
        let output = unread(program(folder.path()).args(args), errors_too);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code().is_some_and(|c| codes.contains(&c)), "{args:?}: {:?} {said}", output.status);
        assert!(!said.contains("panicked") && !said.contains("Error"), "{args:?}: {said}");
    };
    for errors_too in [false, true] {
        // Nothing is there yet: its verdict is bad, and nobody hears it.
        ended(&["doctor"], errors_too, &[141]);
        ended(&["doctor", "--json"], errors_too, &[141]);
    }
    for errors_too in [false, true] {
        ended(&["openapi"], errors_too, &[0]);
        ended(&["--help"], errors_too, &[0]);
        ended(&["--version"], errors_too, &[0]);
        ended(&["migrate"], errors_too, &[0]);
        let at = format!("copy-{errors_too}");
        ended(&["backup", &at], errors_too, &[0]);
        assert!(folder.path().join(&at).exists(), "what it was asked to do is done");
        ended(&["restore", "--check", &at], errors_too, &[0]);
        ended(&["--data-dir", &format!("new-{errors_too}"), "restore", &at], errors_too, &[0]);
        ended(&["key", "lost"], errors_too, &[0]);
    }
}

#[test]
fn a_program_that_serves_goes_on_when_nobody_reads_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let port = testkit::free_port().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let errors = writer.try_clone().unwrap();
    drop(reader);
    let mut serve = program(folder.path());
    serve.args(["serve", "--listen", &format!("127.0.0.1:{port}")]).env("POSTHOUSE_LOG__LEVEL", "debug");
    let mut child = serve.stdout(writer).stderr(errors).spawn().unwrap();
    drop(serve);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let answers = || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.starts_with("HTTP/1.1 200").then_some(())
    };
    while answers().is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        assert!(std::time::Instant::now() < deadline, "it does not answer");
        std::thread::yield_now();
    }
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_output_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let text = refused(program(folder.path()).arg("openapi").stdout(full).stderr(Stdio::piped()));
    assert!(text.contains("the output cannot be written") && !text.contains("panicked"), "{text}");
}

#[test]
fn bodies_that_cannot_be_stored_are_told_at_the_start_before_a_database_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("blobs"), "a file").unwrap();
    let serve = refused(program(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert!(serve.contains("Error: the folder of bodies data/blobs: it is no folder: File exists"), "{serve}");
    assert!(serve.contains("move that away, or name another data folder with --data-dir"), "{serve}");
    assert!(!data.join("posthouse.db").exists() && !data.join("master.key").exists());

    std::fs::remove_file(data.join("blobs")).unwrap();
    assert!(program(folder.path()).arg("migrate").output().unwrap().status.success());
    std::fs::write(data.join("blobs"), "a file").unwrap();
    let backup = refused(program(folder.path()).args(["backup", "copy"]));
    assert!(backup.contains("Error: the folder of bodies data/blobs: it cannot be read: "), "{backup}");
    assert!(backup.contains("move that away") && !folder.path().join("copy").exists(), "{backup}");
}

#[test]
fn a_data_folder_that_cannot_be_one_is_told_by_every_command_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "kept").unwrap();
    let remedy = "name another data folder with --data-dir (data_dir)";
    for (data, wanted) in [
        ("file", "Error: the data folder file: it is no folder: File exists (os error 17)"),
        ("file/below", "Error: the data folder file/below: it cannot be made: Not a directory (os error 20)"),
        ("/proc", "Error: the data folder /proc: posthouse.lock in it cannot be written: "),
        ("/proc/below", "Error: the data folder /proc/below: it cannot be made: "),
    ] {
        for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"]] {
            let text = refused(program(folder.path()).args(["--data-dir", data]).args(words));
            assert!(text.contains(wanted) && text.contains(remedy), "{words:?}: {text}");
        }
    }
    // With PostgreSQL there is no lock: the folder of bodies is what cannot be there.
    let url = "postgres://u@127.0.0.1:1/x";
    let text = refused(
        program(folder.path())
            .args(["--data-dir", "/proc", "serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", url),
    );
    assert!(text.contains("the folder of bodies /proc/blobs: it cannot be made: ") && text.contains(remedy), "{text}");
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"kept");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_schema_that_is_made_anew_is_told_so_that_a_mistyped_folder_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let migrate = || String::from_utf8(program(folder.path()).arg("migrate").output().unwrap().stdout).unwrap();
    assert_eq!(migrate(), "There was no schema yet: it was made, and data holds a new installation.\n");
    assert_eq!(migrate(), "The schema is up to date.\n");
}

#[test]
fn a_demo_that_cannot_begin_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = refused(program(folder.path()).args(["demo", "--listen", &address]));
    assert!(text.contains("cannot listen on"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A folder with an installation that was never served.
fn migrated() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(program(folder.path()).arg("migrate").output().unwrap().status.success());
    folder
}

const ON_THE_DATABASE: [&[&str]; 5] =
    [&["serve", "--listen", "127.0.0.1:0"], &["migrate"], &["backup", "copy"], &["key", "rotate"], &["key", "lost"]];

#[test]
fn a_database_that_is_none_is_named_by_every_command_with_the_engines_words_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(
        folder.path().join("data/posthouse.db"),
        "no database, but long enough to look like one".repeat(200),
    )
    .unwrap();
    for words in ON_THE_DATABASE {
        let text = refused(program(folder.path()).args(words));
        let wanted = "Error: the database data/posthouse.db does not work: file is not a database. What to do: stop Posthouse, \
                      keep a copy of the data folder, restore a backup\n";
        assert!(text.contains(wanted) && !text.contains("Caused by"), "{words:?}: {text}");
    }
    assert!(!folder.path().join("copy").exists());
}

#[test]
fn a_database_that_does_not_open_is_named_by_every_command_with_the_engines_words_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data/posthouse.db")).unwrap();
    for words in ON_THE_DATABASE {
        let text = refused(program(folder.path()).args(words));
        let wanted = "Error: the database data/posthouse.db does not work: unable to open database file. What to do: see \
                      whether it is a file that this user may read and write";
        assert!(text.contains(wanted), "{words:?}: {text}");
    }
}

#[test]
fn a_database_in_a_damaged_place_of_which_is_written_is_named() {
    let folder = migrated();
    let path = folder.path().join("data/posthouse.db");
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 3 * 4096);
    // The first page with the list of tables stays.
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    for words in ON_THE_DATABASE {
        let text = refused(program(folder.path()).args(words));
        assert!(text.contains("data/posthouse.db") && text.contains("malformed"), "{words:?}: {text}");
        assert!(text.contains("keep a copy of the data folder, restore a backup"), "{words:?}: {text}");
    }
}

#[test]
fn a_database_that_is_only_read_is_named_before_a_key_is_made_or_changed() {
    let folder = migrated();
    let data = folder.path().join("data");
    let on_a_read_only_file = |words: &[&str]| {
        let script = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && program="$2" && shift 2 && exec "$program" "$@""#;
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", script, "sh"])
            .arg(data.join("posthouse.db"))
            .arg(env!("CARGO_BIN_EXE_posthouse"));
        refused(command.args(words).current_dir(folder.path()).env_remove("DATABASE_URL"))
    };
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "rotate"], &["key", "lost"]] {
        let text = on_a_read_only_file(words);
        let wanted = "Error: the database data/posthouse.db does not work: attempt to write a readonly database. What to do: see \
                      whether it is a file that this user may read and write, in a folder where they may write, on a disk that \
                      is mounted writable";
        assert!(text.contains(wanted), "{words:?}: {text}");
        assert!(!data.join("master.key").exists(), "{words:?}");
    }
}
