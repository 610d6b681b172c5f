//! Streams: what arrives with what, counted as the benchmarks count it.

use tinyprec::data::class_order::ClassOrder;
use tinyprec::data::{Mixed, Samples, Scenario, Stream, StreamError, cut};

const TRAIN: [usize; 12] = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3];
const TEST: [usize; 5] = [3, 2, 1, 0, 0];

fn small(scenario: &Scenario) -> Result<Stream, StreamError> {
    cut(scenario, &Samples::labelled(&TRAIN), &Samples::labelled(&TEST), 4)
}

fn nc(lists: &[&[usize]]) -> Scenario {
    Scenario::NewClasses(lists.iter().map(|l| l.to_vec()).collect())
}

#[test]
fn new_classes_bring_all_samples_of_their_classes_once() {
    let stream = small(&nc(&[&[3, 1], &[0]])).unwrap();
    assert_eq!(stream.classes, [0, 1, 3]);
    assert_eq!(stream.test, [0, 2, 3, 4]);
    assert_eq!(stream.experiences[0].classes, [1, 3]);
    assert_eq!(stream.experiences[0].train, [1, 3, 5, 7, 9, 11]);
    assert_eq!(stream.experiences[0].test, [0, 2]);
    assert_eq!(stream.experiences[1].train, [0, 4, 8]);
    let growing = Stream { growing: true, ..stream.clone() };
    assert_eq!((growing.tested(0), growing.tested(1)), (vec![0, 2], vec![0, 2, 3, 4]));
    assert_eq!(stream.tested(0), stream.test);
}

#[test]
fn new_instances_deal_every_sample_out_once_and_evenly() {
    let scenario = |seed| Scenario::NewInstances { experiences: 3, seed };
    let stream = small(&scenario(5)).unwrap();
    assert_eq!(all_of(&stream), (0..12).collect::<Vec<_>>());
    assert!(stream.experiences.iter().all(|e| e.train.len() == 4 && e.classes == [0, 1, 2, 3]), "{stream:?}");
    assert_eq!(stream, small(&scenario(5)).unwrap());
    assert_ne!(stream, small(&scenario(6)).unwrap());
}

#[test]
fn what_cannot_be_cut_says_where() {
    let wrong = |s: &Scenario| small(s).unwrap_err();
    assert!(matches!(wrong(&nc(&[])), StreamError::Empty { .. }));
    assert!(matches!(wrong(&nc(&[&[0], &[]])), StreamError::Empty { .. }));
    assert_eq!(wrong(&nc(&[&[0], &[4]])), StreamError::OutOfRange { experience: 1, class: 4, last: 3 });
    assert_eq!(wrong(&nc(&[&[0, 1], &[1]])), StreamError::Twice { class: 1, first: 0, second: 1 });
    assert!(matches!(wrong(&Scenario::NewInstances { experiences: 0, seed: 1 }), StreamError::Empty { .. }));
    assert!(matches!(wrong(&Scenario::Sessions(None)), StreamError::Unsuited { .. }));
    assert!(matches!(wrong(&Scenario::Listed), StreamError::Unsuited { .. }));
    let mixed = Mixed { experiences: 9, first_classes: 2, sequences_per_class: None, seed: 1 };
    assert!(matches!(wrong(&Scenario::Mixed(mixed)), StreamError::Unsuited { .. }));
    let few = Mixed { experiences: 20, sequences_per_class: Some(3), ..mixed };
    assert!(wrong(&Scenario::Mixed(few)).to_string().contains("12 sequences"));
    let none = cut(&nc(&[&[0]]), &Samples::labelled(&[0]), &Samples::labelled(&[1]), 2).unwrap_err();
    assert_eq!(none, StreamError::NoSamples { experience: 0, class: 0, train: 1, test: 0 });
}

#[test]
fn domains_are_stretches_of_repeated_sets() {
    let (train, test) = ([0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0]);
    let stream = cut(&Scenario::Domains(3), &Samples::labelled(&train), &Samples::labelled(&test), 2).unwrap();
    assert_eq!(stream.experiences[1].train, [2, 3]);
    assert_eq!(stream.experiences[2].test, [4, 5]);
    assert!(stream.experiences.iter().all(|e| e.classes == [0, 1]));
}

fn all_of(stream: &Stream) -> Vec<usize> {
    let mut all: Vec<usize> = stream.experiences.iter().flat_map(|e| e.train.clone()).collect();
    all.sort_unstable();
    all
}

/// CORe50's training sessions with their published numbers of images, spread over 50 objects: labels and sessions.
fn core50() -> (Vec<usize>, Vec<u32>) {
    const SIZES: [(u32, usize); 8] =
        [(1, 14_989), (2, 14_986), (4, 14_995), (5, 14_966), (6, 14_989), (8, 14_984), (9, 14_994), (11, 14_991)];
    let (mut labels, mut sessions) = (Vec::new(), Vec::new());
    for (session, n) in SIZES {
        labels.extend((0..n).map(|i| i * 50 / n));
        sessions.extend(vec![session; n]);
    }
    (labels, sessions)
}

fn core50_stream(scenario: &Scenario) -> Stream {
    let (labels, sessions) = core50();
    let train = Samples { labels: &labels, sessions: &sessions, parts: &[] };
    let test: Vec<usize> = (0..44_972).map(|i| i * 50 / 44_972).collect();
    cut(scenario, &train, &Samples::labelled(&test), 50).unwrap()
}

#[test]
fn core50s_new_instances_are_its_eight_training_sessions() {
    let stream = core50_stream(&Scenario::Sessions(None));
    let sizes: Vec<usize> = stream.experiences.iter().map(|e| e.train.len()).collect();
    assert_eq!(sizes, [14_989, 14_986, 14_995, 14_966, 14_989, 14_984, 14_994, 14_991]);
    assert_eq!((stream.test.len(), sizes.iter().sum::<usize>()), (44_972, 119_894));
    assert!(stream.experiences.iter().all(|e| e.classes.len() == 50));
    let other: Vec<usize> =
        core50_stream(&Scenario::Sessions(Some(4))).experiences.iter().map(|e| e.train.len()).collect();
    assert!(other != sizes && other.iter().all(|n| sizes.contains(n)));
}

#[test]
fn core50s_new_classes_are_ten_and_then_five_at_a_time() {
    let stream = core50_stream(&Scenario::Split(ClassOrder::Published("core50-nc", None), None));
    let classes: Vec<usize> = stream.experiences.iter().map(|e| e.classes.len()).collect();
    assert_eq!(classes, [10, 5, 5, 5, 5, 5, 5, 5, 5]);
    assert_eq!(all_of(&stream).len(), 119_894);
}

#[test]
fn core50s_mixed_streams_have_the_published_counts() {
    for (experiences, sequences, new) in [(79, 5, 36), (196, 2, 38), (391, 1, 41)] {
        let mixed = Mixed { experiences, first_classes: 10, sequences_per_class: None, seed: 1 };
        let stream = core50_stream(&Scenario::Mixed(mixed));
        assert_eq!(stream.experiences.len(), experiences);
        assert_eq!(all_of(&stream), (0..119_894).collect::<Vec<_>>());
        let first = &stream.experiences[0];
        assert!(first.classes.len() == 10 && (2990..3010).contains(&first.train.len()));
        let mut known = Vec::new();
        let mut bring = 0;
        for experience in &stream.experiences {
            bring += usize::from(experience.classes.iter().any(|c| !known.contains(c)));
            known.extend(&experience.classes);
        }
        assert!(bring >= new && bring <= 41, "{experiences}: {bring} experiences bring new classes");
        for later in &stream.experiences[1..] {
            assert!(later.classes.len() <= sequences);
            assert!((295 * sequences..=301 * sequences).contains(&later.train.len()), "{}", later.train.len());
        }
    }
}

#[test]
fn mixed_streams_of_plain_sets_use_every_sample_once() {
    for (experiences, first_classes, sequences, seed) in [(7, 2, 3, 1), (2, 4, 2, 2), (11, 1, 3, 3), (3, 1, 1, 4)] {
        let mixed = Mixed { experiences, first_classes, sequences_per_class: Some(sequences), seed };
        let stream = small(&Scenario::Mixed(mixed)).unwrap();
        assert_eq!(all_of(&stream), (0..12).collect::<Vec<_>>(), "{mixed:?}");
        assert_eq!(stream.experiences.len(), experiences);
    }
}

#[test]
fn the_papers_streams_of_cifar() {
    let labels: Vec<usize> = (0..50_000).map(|i| i % 10).collect();
    let (train, test) = (Samples::labelled(&labels), Samples::labelled(&labels[..10_000]));
    let nc = cut(&Scenario::Split(ClassOrder::Published("vorabbi-cifar10", None), None), &train, &test, 10).unwrap();
    assert!(nc.experiences.len() == 5 && nc.experiences.iter().all(|e| e.train.len() == 10_000));
    assert_eq!((&nc.experiences[0].classes[..], &nc.experiences[4].classes[..]), (&[2, 6][..], &[3, 9][..]));
    let ni = cut(&Scenario::NewInstances { experiences: 10, seed: 105 }, &train, &test, 10).unwrap();
    assert!(ni.experiences.len() == 10 && ni.experiences.iter().all(|e| e.train.len() == 5_000));
    assert_eq!((nc.test.len(), ni.test.len()), (10_000, 10_000));
}
