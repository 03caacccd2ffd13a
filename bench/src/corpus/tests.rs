use super::*;

fn corpus() -> Corpus {
    Corpus::new(1, 1_200, 1.0)
}

#[test]
fn the_same_seed_makes_the_same_messages_and_another_others() {
    let (one, two, other) = (corpus(), corpus(), Corpus::new(2, 1_200, 1.0));
    for n in [0, 77, 1_199] {
        assert_eq!(one.message(n).raw, two.message(n).raw);
        assert_ne!(one.message(n).raw, other.message(n).raw);
    }
}

#[test]
fn the_sizes_are_those_of_the_reference() {
    let corpus = corpus();
    let mut sizes: Vec<usize> = (0..corpus.messages).map(|n| corpus.message(n).raw.len()).collect();
    sizes.sort_unstable();
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let at = |share: usize| sizes[sizes.len() * share / 100];
    println!(
        "mean {mean}, p5 {}, p50 {}, p90 {}, p99 {}, max {}",
        at(5),
        at(50),
        at(90),
        at(99),
        sizes[sizes.len() - 1]
    );
    assert!((45_000..72_000).contains(&mean), "mean {mean}");
    assert!((18_000..30_000).contains(&at(50)), "half {}", at(50));
    assert!((75_000..125_000).contains(&at(90)), "most {}", at(90));
    assert!((400_000..1_100_000).contains(&at(99)), "nearly all {}", at(99));
}

#[test]
fn it_is_mail_as_the_product_reads_it() {
    let corpus = corpus();
    let (mut files, mut answers, mut without_id) = (0, 0, 0);
    for n in 0..400 {
        let message = corpus.message(n);
        let summary = posthouse::mailbox::summarise(&message.raw);
        assert!(!summary.from_address.is_empty(), "message {n}");
        files += usize::from(summary.has_attachments);
        answers += usize::from(!summary.in_reply_to.is_empty());
        without_id += usize::from(summary.message_id.is_empty());
        if !matches!(summary.subject.rsplit(' ').next(), Some(last) if last == n.to_string()) {
            // A broken header: few of them.
            without_id += 1;
        }
    }
    assert!((40..260).contains(&files), "{files} with files");
    assert!((140..300).contains(&answers), "{answers} answers");
    assert!((1..40).contains(&without_id), "{without_id} broken");
}
