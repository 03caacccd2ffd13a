//! What the program prints, in one place: whoever reads it may stop reading.

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;

/// The first line that could not be written.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints a line on standard output, as `println!` does, and goes on when nobody takes it: `… | head -1` is no fault, and what
/// a command was asked to do is done all the same.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::base::output::say(format_args!($($text)*)) };
}

/// The same on standard error, which may end in the same pipe.
#[macro_export]
macro_rules! complain {
    ($($text:tt)*) => { $crate::base::output::complain(format_args!($($text)*)) };
}

/// See [`crate::say!`]. After the first line that was lost none is tried.
pub fn say(text: fmt::Arguments<'_>) {
    if LOST.get().is_none()
        && let Err(e) = line(&mut io::stdout().lock(), text)
    {
        let _ = LOST.set(e);
    }
}

/// See [`crate::complain!`].
pub fn complain(text: fmt::Arguments<'_>) {
    let _ = line(&mut io::stderr().lock(), text);
}

fn line(to: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    // In one piece: a reader that goes away in the middle sees no half of it.
    to.write_all(format!("{text}\n").as_bytes())?;
    to.flush()
}

/// Why a line was lost, if one was.
#[must_use]
pub fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// Whether whoever read the output has stopped.
#[must_use]
pub fn is_cut() -> bool {
    lost().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
