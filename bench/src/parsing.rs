//! What it costs to read a message: the product's own reading, as an import does it (what lists show, what search finds it by, what
//! joins it to a conversation), beside `simpleParser` of npm's mailparser over the same messages. Processor time, one thread each.

use crate::corpus::Corpus;
use crate::figures::{Figures, median};
use anyhow::{Context, Result, ensure};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

/// Rounds over all messages; the median counts.
const ROUNDS: usize = 5;

/// `parser` is the folder in which mailparser is installed.
///
/// # Errors
/// When Node or mailparser does not run.
pub fn measure(corpus: &Corpus, parser: &Path, figures: &mut Figures) -> Result<()> {
    let messages: Vec<Vec<u8>> = (0..corpus.messages).map(|n| corpus.message(n).raw).collect();
    let ours = median((0..ROUNDS).map(|_| ours(&messages)).collect::<Result<_>>()?);
    let folder = tempfile::tempdir()?;
    for (n, raw) in messages.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{n:06}.eml")), raw)?;
    }
    let theirs = theirs(folder.path(), parser)?;
    let count = messages.len();
    figures.note(&format!("mailparser: a message, mean of {count}"), &format!("{:.3} ms", theirs * 1_000.0));
    figures.note(&format!("product: a message, mean of {count}"), &format!("{:.3} ms", ours * 1_000.0));
    figures.ratio_at_most("reading a message, beside mailparser", (ours / theirs, 0.05));
    Ok(())
}

fn ours(messages: &[Vec<u8>]) -> Result<f64> {
    let before = thread_secs()?;
    for raw in messages {
        black_box((posthouse::mailbox::summarise(raw), posthouse::mailbox::header_hash(raw)));
    }
    Ok((thread_secs()? - before) / messages.len() as f64)
}

/// Seconds that this thread was on a processor.
fn thread_secs() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split_whitespace().next().context("an odd schedstat")?.parse()?;
    Ok(nanos / 1e9)
}

fn theirs(messages: &Path, parser: &Path) -> Result<f64> {
    let script = parser.join("read.mjs");
    std::fs::write(&script, include_str!("parsing.mjs"))?;
    let output =
        Command::new("node").arg(&script).arg(messages).arg(ROUNDS.to_string()).output().context("run node")?;
    ensure!(output.status.success(), "mailparser: {}", String::from_utf8_lossy(&output.stderr));
    let rounds = String::from_utf8(output.stdout)?;
    let rounds = rounds.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    ensure!(rounds.len() == ROUNDS, "mailparser gave {} rounds", rounds.len());
    Ok(median(rounds))
}
