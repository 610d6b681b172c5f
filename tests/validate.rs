//! The published measurements are readable, whole and consistent.

use std::path::Path;
use tinyprec::validate::{SoftwareClass, predict, published, published_layers, read_measurements};

#[test]
fn every_published_row_has_a_public_source_and_a_layer_list_that_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_profiles/measurements");
    let path = folder.join("published.csv");
    let text = std::fs::read_to_string(&path).expect("the published set is committed");
    let rows = read_measurements("published.csv", &text).unwrap_or_else(|e| panic!("{e}"));
    assert!(rows.len() > 800, "{} rows", rows.len());
    for row in &rows {
        let public = ["github:", "http", "arXiv"].iter().any(|p| row.source.contains(p));
        assert!(public, "{}: {} names no public place", row.id, row.source);
        let list = row.layers.strip_prefix("program:").is_none() && !row.layers.is_empty();
        assert!(!list || folder.join(&row.layers).is_file(), "{}: {} is missing", row.id, row.layers);
    }
    let class = |c| rows.iter().filter(|r| r.class == c && !r.profile.is_empty()).count();
    assert!(class(SoftwareClass::CmsisNn) >= 50 && class(SoftwareClass::BitSerial) >= 70);
}

#[test]
fn every_prediction_is_the_sum_of_its_causes_and_every_other_row_says_why_not() {
    let rows = published().expect("the published set");
    let predicted = predict(&rows, &|name| published_layers(name).map(str::to_owned));
    assert_eq!(rows.len(), predicted.len());
    let mut n = 0;
    for (row, prediction) in rows.iter().zip(&predicted) {
        match prediction {
            Ok(p) => {
                let (sum, mid) = (p.terms.total(), p.cycles.mid);
                assert!((sum / mid - 1.0).abs() < 1e-9, "{}: {sum} of {mid} cycles", row.id);
                assert!(p.cycles.low <= mid && mid <= p.cycles.high, "{}", row.id);
                n += 1;
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
    assert!(n >= 180, "{n} rows are priced");
}
