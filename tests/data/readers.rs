//! Data sets in their official layouts, made small by hand here, and the same cut off or falsified.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;
use tinyprec::data::core50::{self, Level, Lists, Options, TestList};
use tinyprec::data::npy::{self, ArrayFile};
use tinyprec::data::pickle::Pickle;
use tinyprec::data::{Split, cifar, folder, stored};

fn golden(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data").join(name)).unwrap()
}

fn tar_gz(path: &Path, members: &[(&str, &[u8])]) {
    let mut archive = tar::Builder::new(GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast()));
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

/// Python wrote two CIFAR batches of two images, pixel byte i of image n is (7 i + 100 n) mod 251; labels 3, 9 and 42, 99.
#[test]
fn python_batches_of_every_protocol_are_read() {
    let pixel = |n: usize, i: usize| u8::try_from((7 * i + 100 * n) % 251).unwrap();
    for protocol in 0..=5 {
        for (name, n_classes, labels) in [("cifar10", 10, [3u16, 9]), ("cifar100", 100, [42, 99])] {
            let dir = tempfile::tempdir().unwrap();
            let bytes = golden(&format!("{name}_p{protocol}.pkl"));
            let archive = dir.path().join("set.tar.gz");
            tar_gz(&archive, &[("some-folder/meta", b"x"), ("some-folder/test_batch", &bytes)]);
            // Protocols 0 and 1 have no magic byte; the numpy that CIFAR's authors used wrote 2.
            if protocol < 2 {
                assert!(Pickle::parse(bytes).is_ok(), "protocol {protocol}");
                continue;
            }
            let set = cifar::read_split(&archive, Split::Test).unwrap();
            assert_eq!((set.n_classes(), set.labels()), (n_classes, &labels[..]), "protocol {protocol}");
            let second = set.image(1).unwrap().pixels;
            assert_eq!(second[..3], [pixel(1, 0), pixel(1, 1024), pixel(1, 2048)]);
            assert!(cifar::read_split(&archive, Split::Train).unwrap_err().to_string().contains("data_batch_1"));
        }
    }
}

#[test]
fn binary_archives_join_their_batches_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let record = |label: u8| [vec![label], vec![label * 2; 3072]].concat();
    let (one, two) = ([record(1), record(2)].concat(), record(3));
    let archive = dir.path().join("cifar-10-binary.tar.gz");
    let members: [(&str, &[u8]); 3] = [
        ("cifar-10-batches-bin/data_batch_2.bin", &two),
        ("cifar-10-batches-bin/data_batch_1.bin", &one),
        ("cifar-10-batches-bin/test_batch.bin", &two),
    ];
    tar_gz(&archive, &members);
    let train = cifar::read_split(&archive, Split::Train).unwrap();
    assert_eq!((train.labels(), train.image(2).unwrap().pixels[0]), (&[1, 2, 3][..], 6));
    // The same, unpacked.
    let folder = dir.path().join("cifar-10-batches-bin");
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in members {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    for place in [dir.path(), folder.as_path()] {
        assert_eq!(cifar::read_split(place, Split::Test).unwrap().labels(), [3]);
    }
    // Cut off anywhere: an error that names the file, never a shorter set.
    let whole = fs::read(&archive).unwrap();
    for end in [0, 10, whole.len() / 2, whole.len() - 9] {
        fs::write(&archive, &whole[..end]).unwrap();
        let error = cifar::read_split(&archive, Split::Train).unwrap_err().to_string();
        assert!(error.contains("cifar-10-binary.tar.gz"), "{end}: {error}");
    }
}

#[test]
fn hostile_pickles_are_errors() {
    let good = golden("cifar10_p2.pkl");
    for end in 0..good.len().min(400) {
        assert!(Pickle::parse(good[..end].to_vec()).is_err(), "cut at {end}");
    }
    // Lengths beyond the file, empty stacks, marks and memos that are not there, opcodes that would import or run.
    let cases: [&[u8]; 12] = [
        b"",
        b".",
        b"B\xff\xff\xff\xff.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"e.",
        b"(.",
        b"h\x07.",
        b"a.",
        b"s.",
        b"\x87.",
        b"ios\nsystem\n.",
        b"Pid\n.",
    ];
    for case in cases {
        assert!(Pickle::parse(case.to_vec()).is_err(), "{case:?}");
    }
    // A call is noted, not made; and it is no array.
    let call = Pickle::parse(b"cos\nsystem\n(S'true'\ntR.".to_vec()).unwrap();
    assert!(call.array(call.root()).is_none() && call.list(call.root()).is_none());
    // A list of itself, and shared lists of lists: read without being walked.
    let own = Pickle::parse(b"]q\x00h\x00a.".to_vec()).unwrap();
    assert_eq!(own.list(own.root()).unwrap().len(), 1);
    assert_eq!(own.ints(own.root()), None);
    // Flipped bytes never panic.
    for at in 0..300 {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            if let Ok(pickle) = Pickle::parse(bytes) {
                let _ = pickle.get(pickle.root(), "data").map(|d| pickle.array(d));
            }
        }
    }
}

fn ppm(path: &Path, shape: [usize; 2], value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let head = format!("P6\n{} {}\n255\n", shape[1], shape[0]);
    fs::write(path, [head.into_bytes(), vec![value; shape[0] * shape[1] * 3]].concat()).unwrap();
}

#[test]
fn folders_and_tables_of_images_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ppm(&at("train/stop/a.ppm"), [2, 3], 9);
    ppm(&at("train/go/b.ppm"), [2, 3], 7);
    ppm(&at("test/stop/c.ppm"), [2, 3], 5);
    fs::write(at("train/go/notes.txt"), "no image").unwrap();
    let classes = folder::classes(&at("train")).unwrap();
    assert_eq!(classes, ["go", "stop"]);
    let train = folder::read_folder(&at("train"), &classes).unwrap();
    assert_eq!((train.labels(), train.shape(), train.image(0).unwrap().pixels[0]), (&[0, 1][..], [2, 3, 3], 7));
    assert_eq!(folder::read_folder(&at("test"), &classes).unwrap().labels(), [1]);
    ppm(&at("test/slow/d.ppm"), [2, 3], 5);
    assert!(folder::read_folder(&at("test"), &classes).unwrap_err().to_string().contains("`slow`"));
    // Another size is named, a broken file too.
    ppm(&at("train/stop/e.ppm"), [4, 3], 1);
    let mixed = folder::read_folder(&at("train"), &classes).unwrap();
    assert!(mixed.image(2).unwrap_err().to_string().contains("resize"));
    fs::write(at("train/stop/e.ppm"), "P6\n99999 99999\n255\nxx").unwrap();
    assert!(mixed.image(2).unwrap_err().to_string().contains("e.ppm"));
    // GTSRB: a table in each class' folder, or one for all.
    let head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId";
    ppm(&at("signs/00000/00000_00000.ppm"), [2, 2], 3);
    ppm(&at("signs/00002/00000_00000.ppm"), [2, 2], 4);
    for class in ["00000", "00002"] {
        let row = format!("{head}\n00000_00000.ppm;2;2;0;0;1;1;{}\n", &class[4..]);
        fs::write(at(&format!("signs/{class}/GT-{class}.csv")), row).unwrap();
    }
    let signs = folder::read_tables(&at("signs")).unwrap();
    assert_eq!((signs.n_classes(), signs.labels(), signs.image(1).unwrap().pixels[0]), (3, &[0, 2][..], 4));
    ppm(&at("final/Final_Test/Images/00000.ppm"), [2, 2], 3);
    let table = at("final/GT-final_test.csv");
    fs::write(&table, format!("{head}\r\n00000.ppm;2;2;0;0;1;1;16\r\n")).unwrap();
    assert_eq!(folder::read_tables(&table).unwrap().labels(), [16]);
    for (text, word) in [
        ("a;b\n".to_owned(), "Filename"),
        (format!("{head}\nno.ppm;2;2;0;0;1;1;1"), "line 2"),
        (format!("{head}\nx;1"), "line 2"),
    ] {
        fs::write(&table, &text).unwrap();
        assert!(folder::read_tables(&table).unwrap_err().to_string().contains(word), "{text}");
    }
}

#[test]
fn png_and_jpeg_come_out_as_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["rgb.png", "grey16.png", "flat.jpg"] {
        fs::write(dir.path().join(name), golden(name)).unwrap();
    }
    let read = |name: &str| folder::decode(&dir.path().join(name)).unwrap();
    assert_eq!((read("rgb.png").shape, &read("rgb.png").pixels[..]), ([1, 2, 3], &[255, 0, 10, 1, 2, 3][..]));
    assert_eq!((read("grey16.png").shape, &read("grey16.png").pixels[..]), ([1, 2, 1], &[0, 255][..]));
    let flat = read("flat.jpg");
    assert!(flat.shape == [8, 8, 3] && flat.pixels.iter().all(|p| p.abs_diff(128) <= 1), "{flat:?}");
    let png = golden("rgb.png");
    for end in 0..png.len() - 12 {
        fs::write(dir.path().join("rgb.png"), &png[..end]).unwrap();
        assert!(folder::decode(&dir.path().join("rgb.png")).is_err(), "cut at {end}");
    }
}

fn npy_bytes(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let len = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], header.as_bytes(), data].concat()
}

#[test]
fn arrays_and_stored_features_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("x.npy"), npy_bytes("<i2", "(2, 3)", &[1, 0, 255, 255, 3, 0, 4, 0, 5, 0, 0, 128])).unwrap();
    fs::write(at("x_labels.npy"), npy_bytes("<i8", "(2,)", &[7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])).unwrap();
    let x = stored::read(&at("x.npy")).unwrap();
    assert_eq!(
        (x.width, &x.labels[..], x.matrix),
        (3, &[7, 2][..], stored::Matrix::Ints(vec![1, -1, 3, 4, 5, -32768]))
    );
    fs::write(at("r.npy"), npy_bytes("<f8", "(1, 2)", &[0.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat()))
        .unwrap();
    fs::write(at("r_labels.npy"), npy_bytes("|u1", "(1,)", &[1])).unwrap();
    assert_eq!(stored::read(&at("r.npy")).unwrap().matrix, stored::Matrix::Reals(vec![0.5, -2.0]));
    assert_eq!(ArrayFile::open(&at("x.npy")).unwrap().read(1, 1).unwrap(), [4, 0, 5, 0, 0, 128]);
    let good = fs::read(at("x.npy")).unwrap();
    let (huge, big) = (npy_bytes("<i2", "(99999999999, 99999999999)", &[]), npy_bytes(">i2", "(1, 1)", &[0, 0]));
    let objects = npy_bytes("|O", "(1, 1)", &[0]);
    let long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    for bad in [good[..good.len() - 1].to_vec(), good[..9].to_vec(), Vec::new(), huge, big, objects, long] {
        fs::write(at("x.npy"), bad).unwrap();
        assert!(stored::read(&at("x.npy")).unwrap_err().to_string().contains("x.npy"));
    }
    fs::write(at("f.npy"), npy_bytes("<f4", "(1, 1)", &f32::NAN.to_le_bytes())).unwrap();
    fs::write(at("f_labels.npy"), npy_bytes("|u1", "(1,)", &[1])).unwrap();
    assert!(stored::read(&at("f.npy")).unwrap_err().to_string().contains("not finite"));
    assert!(npy::labels(&at("f.npy")).unwrap_err().to_string().contains("not integers"));
}

/// Sessions 1, 2 and 3 of objects 1, 2, 6 and 7, two frames each, in the layout of the official archive.
fn core50_tree(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for session in [1, 2, 3] {
        for object in [1, 2, 6, 7] {
            for frame in [0, 1] {
                let name = format!("s{session}/o{object}/C_{session:02}_{object:02}_{frame:03}.png");
                let path = root.join("core50_128x128").join(&name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, golden("rgb.png")).unwrap();
                names.push(name);
            }
        }
    }
    names
}

fn options(lists: Option<Lists>) -> Options {
    Options { level: Level::Object, test: TestList::Full, lists }
}

#[test]
fn core50s_tree_splits_by_session_and_labels_by_object_or_category() {
    let dir = tempfile::tempdir().unwrap();
    core50_tree(dir.path());
    let (train, test) = core50::read(dir.path(), &options(None)).unwrap();
    assert_eq!((train.len(), test.len(), train.n_classes(), train.shape()), (16, 8, 50, [1, 2, 3]));
    assert_eq!(train.labels()[..8], [0, 0, 1, 1, 5, 5, 6, 6]);
    assert_eq!((train.sessions()[0], train.sessions()[15]), (1, 2));
    assert_eq!(test.image(7).unwrap().pixels, [255, 0, 10, 1, 2, 3]);
    let category = Options { level: Level::Category, ..options(None) };
    let (train, _) = core50::read(dir.path(), &category).unwrap();
    assert_eq!((train.n_classes(), &train.labels()[..8]), (10, &[0, 0, 0, 0, 1, 1, 1, 1][..]));
    let reduced = Options { test: TestList::Reduced, ..options(None) };
    assert_eq!(core50::read(dir.path(), &reduced).unwrap().1.len(), 1);
    let padded = Options { test: TestList::ReducedPadded, ..options(None) };
    assert_eq!(core50::read(dir.path(), &padded).unwrap().1.len(), 100);
    let empty = tempfile::tempdir().unwrap();
    assert!(core50::read(empty.path(), &options(None)).unwrap_err().to_string().contains("core50_imgs.npz"));
}

#[test]
fn core50s_lists_give_experiences_and_their_own_labels() {
    let dir = tempfile::tempdir().unwrap();
    let names = core50_tree(dir.path());
    let run = dir.path().join("batches_filelists/NC_inc/run0");
    fs::create_dir_all(&run).unwrap();
    // NC numbers objects as they arrive: here 7, 6, 2, 1.
    let label = |name: &str| ["o7/", "o6/", "o2/", "o1/"].iter().position(|o| name.contains(o)).unwrap();
    let write = |file: &str, keep: &dyn Fn(&str) -> bool| {
        let lines: Vec<String> =
            names.iter().filter(|n| keep(n.as_str())).map(|n| format!("{n} {}", label(n.as_str()))).collect();
        fs::write(run.join(file), lines.join("\n")).unwrap();
    };
    write("test_filelist.txt", &|n| n.starts_with("s3"));
    for batch in 0..9 {
        let object = ["o7/", "o6/", "o2/", "o1/"][batch % 4];
        write(&format!("train_batch_{batch:02}_filelist.txt"), &|n| !n.starts_with("s3") && n.contains(object));
    }
    let lists = |scenario: &str| options(Some(Lists { scenario: scenario.into(), run: 0 }));
    let (train, test) = core50::read(dir.path(), &lists("nc")).unwrap();
    assert_eq!((train.parts().len(), train.parts()[1].clone(), train.labels()[4]), (9, 4..8, 1));
    assert_eq!(test.labels(), [3, 3, 2, 2, 1, 1, 0, 0]);
    let wrong = |scenario: &str| core50::read(dir.path(), &lists(scenario)).unwrap_err().to_string();
    assert!(wrong("ni").contains("batches_filelists/NI_inc/run0"));
    fs::write(run.join("train_batch_03_filelist.txt"), "s1/o7/C_01_07_000.png 4\n").unwrap();
    assert!(wrong("nc").contains("object 7 has the labels 0 and 4"));
    fs::write(run.join("train_batch_03_filelist.txt"), "s1/o7/C_01_07_000.png\n").unwrap();
    assert!(wrong("nc").contains("line 1"));
    fs::write(run.join("train_batch_03_filelist.txt"), "s1/o7/C_01_07_999.png 0\n").unwrap();
    assert!(wrong("nc").contains("C_01_07_999.png is not there"));
    fs::remove_file(run.join("train_batch_03_filelist.txt")).unwrap();
    assert!(wrong("nc").contains("none of 3"));
}

/// Python wrote `core50/paths.pkl`, `LUP.pkl`, `labels.pkl` and `core50_imgs.npz` for the same small set: row i is filled with i; NI
/// run 0 has eight experiences of sessions 1 and 2.
#[test]
fn core50s_array_and_pickles_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["paths.pkl", "LUP.pkl", "labels.pkl", "core50_imgs.npz"] {
        fs::write(dir.path().join(name), golden(&format!("core50/{name}"))).unwrap();
    }
    let (train, test) = core50::read(dir.path(), &options(None)).unwrap();
    assert_eq!((train.len(), test.len(), train.shape()), (16, 8, [2, 3, 3]));
    assert_eq!(test.image(0).unwrap().pixels, [16; 18]);
    let ni = options(Some(Lists { scenario: "ni".into(), run: 0 }));
    let (train, test) = core50::read(dir.path(), &ni).unwrap();
    assert_eq!((train.parts().len(), train.len(), test.len()), (8, 16, 8));
    assert_eq!((train.image(0).unwrap().pixels[0], train.labels()[0]), (15, 6));
    // Compressed: refused with the way out; unpacked beside it: read.
    fs::write(dir.path().join("core50_imgs.npz"), golden("core50/compressed.npz")).unwrap();
    assert!(core50::read(dir.path(), &ni).unwrap_err().to_string().contains("unzip"));
    for (file, cut) in [("LUP.pkl", 40), ("core50_imgs.npz", 300), ("paths.pkl", 100)] {
        fs::write(dir.path().join("core50_imgs.npz"), golden("core50/core50_imgs.npz")).unwrap();
        let whole = fs::read(dir.path().join(file)).unwrap();
        fs::write(dir.path().join(file), &whole[..cut]).unwrap();
        assert!(core50::read(dir.path(), &ni).unwrap_err().to_string().contains(file));
        fs::write(dir.path().join(file), whole).unwrap();
    }
    let mut file = fs::File::create(dir.path().join("labels.pkl")).unwrap();
    file.write_all(b"}.").unwrap();
    assert!(core50::read(dir.path(), &ni).unwrap_err().to_string().contains("no run 0 of `ni`"));
}
