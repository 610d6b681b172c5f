//! Downloads from a server on this machine that cuts, corrupts, stalls and refuses.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tinyprec::data::fetch::{FetchError, Patience, Presence, Remote, RemoteSet, check, download, fetch};

/// What the server does with one connection.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Serves what is asked for.
    Serve,
    /// Announces everything, closes after so many bytes.
    Cut(usize),
    /// Announces everything, says nothing more after so many bytes.
    Stall(usize),
    /// Serves with one bit flipped.
    Flip,
    /// Knows no ranges: 200 and everything.
    Whole,
    /// A range that was not asked for.
    OtherRange,
    /// A status without body.
    Status(&'static str),
}

/// Serves `content` under any path; connection n is treated as `acts[n]`, later ones as the last. Gives its address and the requested ranges.
fn server(content: Vec<u8>, acts: Vec<Act>) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/set", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let act = acts[n.min(acts.len() - 1)];
            let (content, log) = (content.clone(), log.clone());
            thread::spawn(move || drop(answer(&stream.unwrap(), &content, act, &log)));
        }
    });
    (address, asked)
}

fn answer(mut stream: &TcpStream, content: &[u8], act: Act, log: &Mutex<Vec<usize>>) -> std::io::Result<()> {
    let mut from = 0;
    for line in BufReader::new(stream).lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(from);
    let all = content.len();
    match act {
        Act::Status(status) => {
            return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        Act::Whole => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {all}\r\nConnection: close\r\n\r\n")?;
            return stream.write_all(content);
        }
        _ if from >= all => {
            return write!(
                stream,
                "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        _ => {}
    }
    let shown = if matches!(act, Act::OtherRange) { 1 } else { from };
    let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {shown}-{}/{all}\r\n", all - 1);
    write!(stream, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n", all - from)?;
    let mut body = content[from..].to_vec();
    match act {
        Act::Cut(n) => body.truncate(n),
        Act::Stall(n) => {
            stream.write_all(&body[..n.min(body.len())])?;
            stream.flush()?;
            thread::sleep(Duration::from_secs(5));
            return Ok(());
        }
        Act::Flip => body[0] ^= 1,
        _ => {}
    }
    stream.write_all(&body)
}

const PATIENCE: Patience = Patience { answer: Duration::from_secs(5), body: Duration::from_millis(400), attempts: 2 };

/// 100,000 bytes, `7 i mod 251`, and their MD5 by Python's hashlib.
fn content() -> Vec<u8> {
    (0..100_000u32).map(|i| u8::try_from(7 * i % 251).unwrap()).collect()
}
const MD5: &str = "c260642229888763c0fa2a4843f50a36";

fn get(acts: &[Act]) -> (Result<(), FetchError>, Option<Vec<u8>>, Vec<usize>, bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("set");
    let (url, asked) = server(content(), acts.to_vec());
    let result = download(&url, MD5, &path, &PATIENCE, &mut |_, _| {});
    let kept = dir.path().join("set.part").exists();
    let ranges = asked.lock().unwrap().clone();
    (result, fs::read(&path).ok(), ranges, kept)
}

#[test]
fn whole_files_arrive_whatever_the_server_does_in_between() {
    let all = content();
    for acts in [
        vec![Act::Serve],
        vec![Act::Whole],
        vec![Act::Cut(30_000), Act::Serve],
        vec![Act::Cut(1), Act::Cut(40_000), Act::Cut(0), Act::Serve],
        vec![Act::Stall(50_000), Act::Serve],
        vec![Act::Cut(30_000), Act::Whole],
        vec![Act::Flip, Act::Serve],
        vec![Act::Cut(10), Act::Flip, Act::Serve],
        vec![Act::Status("503 Service Unavailable"), Act::Serve],
        vec![Act::Cut(10), Act::OtherRange, Act::Serve],
    ] {
        let (result, file, ranges, kept) = get(&acts);
        result.unwrap_or_else(|e| panic!("{acts:?}: {e}"));
        assert!(file == Some(all.clone()) && !kept, "{acts:?}");
        if let [Act::Cut(n), Act::Serve] = acts[..] {
            assert_eq!(ranges, [0, n]);
        }
    }
}

#[test]
fn what_cannot_be_had_is_an_error_and_parts_are_kept() {
    let (result, file, _, _) = get(&[Act::Status("404 Not Found")]);
    assert!(matches!(result, Err(FetchError::Server { .. })) && file.is_none());
    let (result, file, _, kept) = get(&[Act::Flip]);
    assert!(matches!(result, Err(FetchError::Corrupt { .. })) && file.is_none() && !kept);
    let (result, file, ranges, kept) = get(&[Act::Cut(20_000), Act::Cut(0)]);
    assert!(matches!(result, Err(FetchError::Stalled { got: 20_000, attempts: 2, .. })), "{result:?}");
    assert!(file.is_none() && kept && ranges == [0, 20_000, 20_000], "{ranges:?}");
    let (result, ..) = get(&[Act::Stall(0)]);
    assert!(matches!(result, Err(FetchError::Server { .. })), "{result:?}");
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let refused = download(&format!("http://{nowhere}/x"), MD5, &dir.path().join("x"), &PATIENCE, &mut |_, _| {});
    assert!(matches!(refused, Err(FetchError::Server { .. })), "{refused:?}");
}

/// A server that answers in plain text where TLS is to be spoken.
#[test]
fn https_without_a_proper_server_is_a_clear_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/x", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let result = download(&url, MD5, &path, &PATIENCE, &mut |_, _| {});
    let message = result.unwrap_err().to_string();
    assert!(!path.exists());
    if cfg!(feature = "https") {
        assert!(message.contains("--mirror") && !message.contains("feature"), "{message}");
    } else {
        assert!(message.contains("speaks no https") && message.contains("curl -L"), "{message}");
    }
}

static FILES: [Remote; 1] = [Remote { name: "set.bin", url: "http://127.0.0.1:1/set.bin", md5: MD5, unpack: false }];
static SET: RemoteSet = RemoteSet { name: "small", title: "t", licence: "l", usage: "u", files: &FILES };

#[test]
fn sets_are_checked_and_only_what_is_missing_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let presence = || check(&SET, &folder)[0].presence.clone();
    assert_eq!(presence(), Presence::Missing);
    let (url, asked) = server(content(), vec![Act::Cut(99), Act::Cut(0), Act::Cut(0), Act::Serve]);
    let get = || fetch(&SET, &folder, Some(&url), &PATIENCE, &mut |_, _, _| {});
    assert!(matches!(get(), Err(FetchError::Stalled { .. })));
    assert_eq!(presence(), Presence::Partial(99));
    assert_eq!(get().unwrap(), [folder.join("set.bin")]);
    assert_eq!((presence(), asked.lock().unwrap().last()), (Presence::Whole, Some(&99)));
    assert!(get().unwrap().is_empty());
    fs::write(folder.join("set.bin"), "x").unwrap();
    assert!(matches!(presence(), Presence::Corrupt(_)));
    assert_eq!(get().unwrap().len(), 1);
    fs::remove_file(folder.join("set.bin")).unwrap();
    fs::create_dir(folder.join("set.bin")).unwrap();
    assert!(matches!(presence(), Presence::Unreadable(_)));
}

#[test]
fn the_command_says_what_is_there_and_fails_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_tinyprec"))
            .arg("data")
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
    };
    let (status, listed, _) = run(&["list"]);
    assert!(status == 0 && listed.contains("core50") && listed.contains("not here"), "{listed}");
    let (status, json, _) = run(&["check", "mnist", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((status, value[0]["whole"].as_bool(), value[0]["files"].as_array().unwrap().len()), (3, Some(false), 4));
    let (status, _, error) = run(&["fetch", "minst"]);
    assert!(status == 1 && error.contains("mnist"), "{error}");
    let (url, _) = server(content(), vec![Act::Status("404 Not Found")]);
    let (status, _, error) = run(&["fetch", "mnist", "--mirror", &url]);
    assert!(status == 1 && error.contains("404") && error.contains("Licence") && error.contains("--mirror"), "{error}");
}
