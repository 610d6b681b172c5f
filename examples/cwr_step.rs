//! One training step and one consolidation of a 2 × 3 head in 8 bits, with every number printed: `cargo run --example cwr_step`.

use tinyprec::learn::*;
use tinyprec::numeric::{Format, QParams, Values};
use tinyprec::trace::{CallLog, NullSink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let format: Format = "int8:static(-4,4)".parse()?;
    let params = QParams::of_format(&format).ok_or("a static format has its own scale")?;
    let codes = vec![127, 0, -64, 0, 64, 32];
    let table = FeatureTable::new(3, format, Values::Codes { codes, params })?;
    let samples = TrainingSamples::new(&table, &[0, 1], &[0, 1])?;

    let mut config = HeadConfig::new(Precision::preset("hybrid-8")?, 0.25);
    config.batch = 2;
    let mut cwr = CwrStar::new(config, 2, 3, 0)?;
    cwr.begin_experience(&samples.class_counts(2)?, &mut NullSink)?;
    let mut log = CallLog::default();
    let report = cwr.observe(samples, &mut log)?;
    println!("master weights   {:?}", cwr.head().master().codes().unwrap_or_default());
    println!("vanished         {} of {} updates", report.updates.vanished, report.updates.non_zero);
    println!("calls of the step:");
    for call in log.calls() {
        println!("  {:<20} {} ×", format!("{:?}", call.op), call.times);
    }
    cwr.end_experience(samples, &mut NullSink)?;
    println!("consolidated     {:?}", cwr.head().consolidated().codes().unwrap_or_default());
    for &row in samples.rows() {
        println!("sample {row} is class {}", cwr.predict(&table, row, &mut NullSink)?);
    }
    for site in cwr.head().overflows().iter().filter(|s| s.overflowed > 0) {
        println!(
            "{}: {} of {} values did not fit, the first was {}",
            site.site, site.overflowed, site.total, site.first[0].value
        );
    }
    Ok(())
}
