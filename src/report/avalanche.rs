//! The tables that Avalanche's `CSVLogger` writes, so that scripts which plot its logs plot ours.
//!
//! Names, headers, order and four decimals are Avalanche's. What is not measured here (losses, accuracy on the training samples) is 0,
//! as the logger writes a metric that nobody asked for; forgetting is 0 for the experience just trained and those to come.

use super::ReportError;
use crate::record::{RunRecord, SeedResult};
use std::fs;
use std::path::{Path, PathBuf};

/// Writes `PRECISION/seed-N/{eval,training}_results.csv` into a folder and gives the folders.
///
/// # Errors
/// [`ReportError`] if a file cannot be written.
pub fn write_avalanche(record: &RunRecord, dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let mut folders = Vec::new();
    for precision in &record.precisions {
        for seed in &precision.seeds {
            let folder = dir.join(&precision.name).join(format!("seed-{}", seed.seed));
            let failed = |source| ReportError::Write { path: folder.clone(), source };
            fs::create_dir_all(&folder).map_err(failed)?;
            fs::write(folder.join("eval_results.csv"), evaluation(seed)).map_err(failed)?;
            fs::write(folder.join("training_results.csv"), training(seed, &record.stream.epochs)).map_err(failed)?;
            folders.push(folder);
        }
    }
    Ok(folders)
}

/// One line for each experience evaluated after each one trained.
fn evaluation(seed: &SeedResult) -> String {
    let mut text = String::from("eval_exp,training_exp,eval_accuracy,eval_loss,forgetting\n");
    for (i, row) in seed.accuracy.iter().enumerate() {
        for (j, accuracy) in row.iter().enumerate() {
            let before = seed.accuracy.get(j).and_then(|r| r.get(j)).filter(|_| j < i);
            let forgetting = before.map_or("0".to_owned(), |b| format!("{:.4}", b - accuracy));
            text.push_str(&format!("{j},{i},{accuracy:.4},0,{forgetting}\n"));
        }
    }
    text
}

/// One line for each experience, of its last epoch; validation is on the experience's own test samples.
fn training(seed: &SeedResult, epochs: &[usize]) -> String {
    let mut text = String::from("training_exp,epoch,training_accuracy,val_accuracy,training_loss,val_loss\n");
    for (i, (row, epochs)) in seed.accuracy.iter().zip(epochs).enumerate() {
        let own = row.get(i).copied().unwrap_or(0.0);
        text.push_str(&format!("{i},{},0,{own:.4},0,0\n", epochs.saturating_sub(1)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_read_as_avalanches() {
        let json = r#"{"seed": 1, "accuracy": [[0.9, 0.1], [0.6, 0.8]], "stream_accuracy": [0.5, 0.7], "confusion": [], "fidelity": []}"#;
        let seed: SeedResult = serde_json::from_str(json).unwrap();
        let lines: Vec<String> = evaluation(&seed).lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "eval_exp,training_exp,eval_accuracy,eval_loss,forgetting");
        assert_eq!(lines[1..3], ["0,0,0.9000,0,0", "1,0,0.1000,0,0"]);
        assert_eq!(lines[3..], ["0,1,0.6000,0,0.3000", "1,1,0.8000,0,0"]);
        assert_eq!(training(&seed, &[10, 5]).lines().last(), Some("1,4,0,0.8000,0,0"));
    }
}
