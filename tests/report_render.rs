//! What the report shows for a record: text at several widths, one self-contained page, CSV tables.

mod support;

use std::fs;
use std::path::Path;
use support::record;
use tinyprec::report;

#[test]
fn text_begins_with_the_verdict_and_fits_its_width() {
    for width in [60, 80, 100, 140] {
        let text = report::text(&record(), width);
        fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{width}.txt")), &text).unwrap();
        assert!(text.starts_with("fixture: hybrid-16"), "{text}");
        let longest = text.lines().map(|l| l.chars().count()).max().unwrap();
        assert!(longest <= width, "{longest} columns where {width} were given:\n{text}");
        for word in ["95.1 ± 0.6", "−23.8 ± 0.8", "99.4", "stm32l4r5", "96.8 ± 0.2", "hybrid-32 on stm32f746"] {
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(word), "`{word}` is missing at {width} columns:\n{text}");
        }
    }
}

#[test]
fn the_page_stands_alone_and_escapes_what_it_shows() {
    let page = report::html(&record()).unwrap();
    fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html"), &page).unwrap();
    for forbidden in ["http://", "https://", "<script", "url(", "@import", "<markup>", "NaN"] {
        assert!(!page.contains(forbidden), "the page has `{forbidden}`");
    }
    assert!(page.contains("&lt;markup&gt; &amp; an ampersand"));
    // Each drawing names itself once, and every table cell column and row has a header.
    let drawings = page.matches("role=\"img\"").count();
    assert!(drawings >= 20, "{drawings} drawings");
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let n = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n, "an id is used twice");
    assert_eq!(page.matches("<table").count(), page.matches("</table>").count());
    for wanted in ["scope=\"col\"", "scope=\"row\"", "prefers-color-scheme: dark", "lang=\"en\"", "name=\"viewport\""] {
        assert!(page.contains(wanted), "`{wanted}` is missing");
    }
}

#[test]
fn a_record_without_boards_seeds_or_fidelity_still_renders() {
    let mut bare = record();
    bare.boards.clear();
    bare.costs.clear();
    bare.notes.clear();
    bare.joint_upper_bound = None;
    bare.precisions.truncate(1);
    bare.precisions[0].seeds.clear();
    bare.precisions[0].final_accuracy.half_width_95 = None;
    let page = report::html(&bare).unwrap();
    assert!(!page.contains("NaN") && !page.contains("inf"), "a number that is none reached the page");
    assert!(report::text(&bare, 80).starts_with("fixture: float reaches 95.1 %."));
}

#[test]
fn tables_have_as_many_cells_as_heads() {
    for (name, text) in report::csv_tables(&record()) {
        let mut lines = text.split("\r\n").filter(|l| !l.is_empty());
        let heads = lines.next().unwrap().split(',').count();
        let mut rows = 0;
        for line in lines {
            assert_eq!(line.split(',').count(), heads, "{name}: {line}");
            rows += 1;
        }
        assert!(rows > 0, "{name} is empty");
    }
}

#[test]
fn a_written_report_can_be_read_again_and_bad_records_say_where() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("record.json");
    fs::write(&path, serde_json::to_string_pretty(&record()).unwrap()).unwrap();
    assert!(report::read_record(&path).unwrap() == record(), "a record read again is another one");
    let page = report::write_report(&record(), &dir.path().join("deep/er")).unwrap();
    assert!(page.is_file() && !page.with_extension("tmp").exists());

    let text = fs::read_to_string(&path).unwrap();
    let check = |text: &str, wanted: &[&str]| {
        fs::write(&path, text).unwrap();
        let message = report::read_record(&path).unwrap_err().to_string();
        for word in wanted {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    };
    check(&text.replacen("\"schema_version\": 1", "\"schema_version\": 99", 1), &["layout 99"]);
    check(&text.replacen("\"n_classes\"", "\"n_klasses\"", 1), &["record.json:", "n_klasses"]);
    check(&text[..text.len() / 2], &["record.json:", "EOF"]);
    check("", &["record.json:1:0"]);
}
