//! The first import of a mailbox, beside mbsync (isync, with its default settings: it calls fsync) on the same mailbox in the same run.
//!
//! Both begin with nothing and end with everything: mbsync with the messages in a Maildir, the product with every body stored and
//! every message in its conversation and in the search's index. In turns, three rounds, medians.

use crate::corpus::Corpus;
use crate::figures::{Figures, median};
use crate::house::House;
use crate::mailbox::{self, FOLDERS, Filled};
use crate::program::{children_secs, family_secs};
use anyhow::{Context, Result, ensure};
use posthouse::config::Config;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::MailWorld;

/// Rounds of each.
const ROUNDS: usize = 3;
/// How often it is looked whether the product is done.
const LOOK: Duration = Duration::from_millis(100);
/// Messages that are looked at when all are stored: of so many one.
const LOOKED_AT: usize = 100;

/// What one import took.
struct Took {
    wall: f64,
    cpu: f64,
    server: f64,
    peak_mib: f64,
}

/// What is imported, by what.
pub struct Case<'a> {
    pub world: &'a MailWorld,
    pub corpus: &'a Corpus,
    pub filled: &'a Filled,
    pub program: &'a Path,
}

/// Imports it in turns; `config` gives an empty place for each round.
///
/// # Errors
/// When something is not imported.
pub async fn measure(case: &Case<'_>, config: impl Fn() -> Result<Fresh>, figures: &mut Figures) -> Result<()> {
    let (mut ours, mut theirs) = (vec![], vec![]);
    // Kept until all is measured: ext4 passes over inodes that were freed within the last minutes, one by one, before it takes a
    // new one, and whoever comes after a round's clearing away would pay for that.
    let mut kept = vec![];
    for round in 0..ROUNDS {
        // Who was second last time is first now.
        if round % 2 == 0 {
            theirs.push(mbsync(case, &mut kept)?);
            ours.push(product(case, config()?, &mut kept).await?);
        } else {
            ours.push(product(case, config()?, &mut kept).await?);
            theirs.push(mbsync(case, &mut kept)?);
        }
    }
    drop(kept);
    let of = |all: &[Took], figure: fn(&Took) -> f64| median(all.iter().map(figure).collect());
    let messages = case.corpus.messages;
    let rate = |secs: f64| messages as f64 / secs;
    for (name, all) in [("mbsync", &theirs), ("product", &ours)] {
        let wall = of(all, |t| t.wall);
        figures.note(&format!("{name}: {messages} messages, wall, median of {ROUNDS}"), &format!("{wall:.2} s"));
        figures.note(&format!("{name}: messages a second"), &format!("{:.0}", rate(wall)));
        figures.note(&format!("{name}: own processor time"), &format!("{:.2} s", of(all, |t| t.cpu)));
        figures.note(&format!("{name}: the server's processor time"), &format!("{:.2} s", of(all, |t| t.server)));
        let rounds: Vec<String> = all.iter().map(|t| format!("{:.2}", t.wall)).collect();
        figures.note(&format!("{name}: rounds, in seconds"), &rounds.join(" "));
    }
    figures.note("product: most memory at once", &format!("{:.0} MiB", of(&ours, |t| t.peak_mib)));
    let ratio = of(&ours, |t| t.wall) / of(&theirs, |t| t.wall);
    figures.ratio_at_most(&format!("first import of {messages}, beside mbsync (goal 0.5)"), (ratio, 0.7));
    Ok(())
}

/// An empty place for a program, which goes with it.
pub struct Fresh {
    pub config: Config,
    pub folder: tempfile::TempDir,
}

async fn product(case: &Case<'_>, fresh: Fresh, kept: &mut Vec<tempfile::TempDir>) -> Result<Took> {
    let house = House::open(case.program, &fresh.config).await?;
    mailbox::settle_disk()?;
    let server = family_secs(case.world.imap_pid()?)?;
    let cpu = house.program.cpu_secs()?;
    house.program.forget_peak()?;
    let began = Instant::now();
    let account = house.connect(&case.filled.mailbox, case.world.imap_port()).await?;
    house.stored((&account, case.corpus.messages), LOOK, |_| {}).await?;
    let wall = began.elapsed().as_secs_f64();
    let took = Took {
        wall,
        cpu: house.program.cpu_secs()? - cpu,
        server: family_secs(case.world.imap_pid()?)? - server,
        peak_mib: house.program.peak_mib()?,
    };
    let some: Vec<usize> = (0..case.corpus.messages).step_by(case.corpus.messages.div_ceil(LOOKED_AT)).collect();
    house.readable(&account, &some).await?;
    kept.push(fresh.folder);
    Ok(took)
}

fn mbsync(case: &Case<'_>, kept: &mut Vec<tempfile::TempDir>) -> Result<Took> {
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("mbsyncrc");
    let (mailbox, root) = (&case.filled.mailbox, folder.path().display());
    let text = format!(
        "IMAPAccount peer\nHost 127.0.0.1\nPort {port}\nUser {user}\nPass {password}\nSSLType None\nAuthMechs PLAIN LOGIN\n\n\
         IMAPStore far\nAccount peer\n\nMaildirStore near\nPath {root}/mail/\nInbox {root}/mail/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns {folders}\nCreate Near\nSync Pull\nSyncState *\n",
        port = case.world.imap_port(),
        user = mailbox.address,
        password = mailbox.password,
        folders = FOLDERS.join(" "),
    );
    std::fs::write(&settings, text)?;
    std::fs::create_dir(folder.path().join("mail"))?;
    mailbox::settle_disk()?;
    let (server, cpu) = (family_secs(case.world.imap_pid()?)?, children_secs()?);
    let began = Instant::now();
    let output = std::process::Command::new("mbsync").arg("-c").arg(&settings).arg("all").output();
    let output = output.context("run mbsync: install the Debian package isync")?;
    let wall = began.elapsed().as_secs_f64();
    ensure!(output.status.success(), "mbsync: {}", String::from_utf8_lossy(&output.stderr));
    let took = Took {
        wall,
        cpu: children_secs()? - cpu,
        server: family_secs(case.world.imap_pid()?)? - server,
        peak_mib: f64::NAN,
    };
    let mut came = 0;
    for name in FOLDERS {
        for part in ["cur", "new"] {
            came += std::fs::read_dir(folder.path().join("mail").join(name).join(part))?.count();
        }
    }
    ensure!(came == case.corpus.messages, "mbsync brought {came} messages");
    kept.push(folder);
    Ok(took)
}
