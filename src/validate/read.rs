//! Measurement files: CSV with named columns, or TOML with one `[[measurement]]` a row and the same keys.

use super::measurement::{DataType, Measurement, SoftwareClass};
use std::collections::{BTreeMap, BTreeSet};

/// Columns, in the order in which files are written.
pub const COLUMNS: [&str; 29] = [
    "id",
    "source",
    "board",
    "profile",
    "core",
    "clock_mhz",
    "weights_in",
    "wait_states",
    "caches",
    "compiler",
    "flags",
    "software",
    "class",
    "workload",
    "layers",
    "layer",
    "dtype",
    "threads",
    "macs",
    "latency_ms",
    "cycles",
    "energy_uj",
    "power_mw",
    "ram_bytes",
    "flash_bytes",
    "runs",
    "spread_percent",
    "trigger_phase",
    "notes",
];

/// Columns that every row fills.
const REQUIRED: [&str; 7] = ["id", "source", "board", "core", "class", "workload", "dtype"];

/// A measurement file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasurementError {
    /// Not CSV or not TOML.
    #[error("{path}: {problem}")]
    Format {
        /// The file.
        path: String,
        /// What the parser said.
        problem: String,
    },
    /// A column that is not known, or one that must be there.
    #[error("{path}:{line}: {problem}; columns are {}", COLUMNS.join(", "))]
    Column {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A cell.
    #[error("{path}:{line}: {column} = {value:?}: {want}")]
    Cell {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column.
        column: &'static str,
        /// As given.
        value: String,
        /// What it must be.
        want: String,
    },
}

type Cells = BTreeMap<String, String>;

/// Reads the text of a `.toml` or `.csv` measurement file.
///
/// # Errors
/// [`MeasurementError`] with file, line and column for the first thing that is wrong; no row is dropped silently.
pub fn read_measurements(path: &str, text: &str) -> Result<Vec<Measurement>, MeasurementError> {
    let rows = if path.ends_with(".toml") { toml_rows(path, text)? } else { csv_rows(path, text)? };
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(rows.len());
    for (line, cells) in rows {
        let row = Row { path, line, cells: &cells };
        let measurement = row.measurement()?;
        if !seen.insert(measurement.id.clone()) {
            return Err(row.cell("id", "each id once"));
        }
        all.push(measurement);
    }
    Ok(all)
}

fn csv_rows(path: &str, text: &str) -> Result<Vec<(usize, Cells)>, MeasurementError> {
    let format = |e: csv::Error| MeasurementError::Format { path: path.to_owned(), problem: e.to_string() };
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    let header = reader.headers().map_err(format)?.clone();
    let known = |name: &str| COLUMNS.contains(&name);
    if let Some(name) = header.iter().find(|h| !known(h)) {
        let problem = format!("there is no column `{name}`");
        return Err(MeasurementError::Column { path: path.to_owned(), line: 1, problem });
    }
    if let Some(name) = REQUIRED.iter().find(|r| !header.iter().any(|h| h == **r)) {
        let problem = format!("the column `{name}` is missing");
        return Err(MeasurementError::Column { path: path.to_owned(), line: 1, problem });
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(format)?;
        let line = record.position().map_or(0, |p| usize::try_from(p.line()).unwrap_or(0));
        let cells = header.iter().zip(&record).filter(|(_, v)| !v.trim().is_empty());
        rows.push((line, cells.map(|(k, v)| (k.to_owned(), v.trim().to_owned())).collect()));
    }
    Ok(rows)
}

fn toml_rows(path: &str, text: &str) -> Result<Vec<(usize, Cells)>, MeasurementError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        measurement: Vec<toml::Spanned<BTreeMap<String, toml::Value>>>,
    }
    let file: File =
        toml::from_str(text).map_err(|e| MeasurementError::Format { path: path.to_owned(), problem: e.to_string() })?;
    let mut rows = Vec::new();
    for row in file.measurement {
        let line = text[..row.span().start.min(text.len())].matches('\n').count() + 1;
        let mut cells = Cells::new();
        for (key, value) in row.into_inner() {
            if !COLUMNS.contains(&key.as_str()) {
                let problem = format!("there is no key `{key}`");
                return Err(MeasurementError::Column { path: path.to_owned(), line, problem });
            }
            let text = match value {
                toml::Value::String(s) => s,
                other => other.to_string(),
            };
            cells.insert(key, text);
        }
        rows.push((line, cells));
    }
    Ok(rows)
}

struct Row<'a> {
    path: &'a str,
    line: usize,
    cells: &'a Cells,
}

impl Row<'_> {
    fn cell(&self, column: &'static str, want: impl Into<String>) -> MeasurementError {
        let value = self.cells.get(column).cloned().unwrap_or_default();
        MeasurementError::Cell { path: self.path.to_owned(), line: self.line, column, value, want: want.into() }
    }

    fn text(&self, column: &str) -> String {
        self.cells.get(column).cloned().unwrap_or_default()
    }

    fn needed(&self, column: &'static str) -> Result<String, MeasurementError> {
        self.cells.get(column).cloned().ok_or_else(|| self.cell(column, "it must be filled in"))
    }

    fn whole<T: std::str::FromStr>(&self, column: &'static str) -> Result<Option<T>, MeasurementError> {
        let Some(text) = self.cells.get(column) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.cell(column, "a whole number, not negative"))
    }

    fn positive(&self, column: &'static str) -> Result<Option<f64>, MeasurementError> {
        let Some(text) = self.cells.get(column) else { return Ok(None) };
        let value: Option<f64> = text.parse().ok();
        match value.filter(|v| v.is_finite() && *v > 0.0) {
            Some(value) => Ok(Some(value)),
            None => Err(self.cell(column, "a positive number")),
        }
    }

    fn measurement(&self) -> Result<Measurement, MeasurementError> {
        let class = self.needed("class")?;
        let class = SoftwareClass::ALL.into_iter().find(|c| c.name() == class);
        let classes = || format!("one of {}", SoftwareClass::ALL.map(SoftwareClass::name).join(", "));
        let dtype = DataType::parse(&self.needed("dtype")?);
        let optional = |column: &str| self.cells.get(column).cloned();
        let measurement = Measurement {
            id: self.needed("id")?,
            line: self.line,
            source: self.needed("source")?,
            board: self.needed("board")?,
            profile: self.text("profile"),
            core: self.needed("core")?,
            clock_mhz: self.positive("clock_mhz")?,
            weights_in: optional("weights_in"),
            wait_states: self.whole("wait_states")?,
            caches: optional("caches"),
            compiler: optional("compiler"),
            flags: optional("flags"),
            software: self.text("software"),
            class: class.ok_or_else(|| self.cell("class", classes()))?,
            workload: self.needed("workload")?,
            layers: self.text("layers"),
            layer: self.whole("layer")?,
            dtype: dtype.ok_or_else(|| self.cell("dtype", "int8, int16, float32 or a<1-8>w<1-8>"))?,
            threads: self.whole("threads")?.unwrap_or(1),
            macs: self.whole("macs")?,
            latency_ms: self.positive("latency_ms")?,
            cycles: self.positive("cycles")?,
            energy_uj: self.positive("energy_uj")?,
            power_mw: self.positive("power_mw")?,
            ram_bytes: self.whole("ram_bytes")?,
            flash_bytes: self.whole("flash_bytes")?,
            runs: self.whole("runs")?,
            spread_percent: self.positive("spread_percent")?,
            trigger_phase: optional("trigger_phase"),
            notes: self.text("notes"),
        };
        self.consistent(&measurement)?;
        Ok(measurement)
    }

    /// Cycles and milliseconds of one row must agree with its clock within 2 %: a wrong clock is the commonest mistake.
    fn consistent(&self, m: &Measurement) -> Result<(), MeasurementError> {
        let anything = [m.latency_ms, m.cycles, m.energy_uj, m.power_mw].iter().any(Option::is_some);
        if !anything && m.ram_bytes.is_none() && m.flash_bytes.is_none() {
            return Err(self.cell(
                "latency_ms",
                "a row measures something: latency_ms, cycles, energy_uj, power_mw, ram_bytes or flash_bytes",
            ));
        }
        if let (Some(ms), Some(cycles), Some(mhz)) = (m.latency_ms, m.cycles, m.clock_mhz) {
            let from_cycles = cycles / (mhz * 1000.0);
            if m.threads == 1 && (from_cycles / ms - 1.0).abs() > 0.02 {
                let want = format!(
                    "{cycles} cycles at {mhz} MHz are {from_cycles:.4} ms; correct clock_mhz, cycles or latency_ms, or leave one out"
                );
                return Err(self.cell("latency_ms", want));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "id,source,board,core,clock_mhz,class,workload,dtype,latency_ms,cycles\n";

    fn read(rows: &str) -> Result<Vec<Measurement>, MeasurementError> {
        read_measurements("m.csv", &format!("{HEADER}{rows}"))
    }

    #[test]
    fn csv_and_toml_say_the_same() {
        let csv = read("a,lab,F746,cortex-m7,216,cmsis-nn,ic,int8,10,2160000\n").unwrap();
        let toml = "[[measurement]]\nid = \"a\"\nsource = \"lab\"\nboard = \"F746\"\ncore = \"cortex-m7\"\nclock_mhz = 216\n\
                    class = \"cmsis-nn\"\nworkload = \"ic\"\ndtype = \"int8\"\nlatency_ms = 10\ncycles = 2160000\n";
        let toml = read_measurements("m.toml", toml).unwrap();
        assert_eq!(Measurement { line: 0, ..csv[0].clone() }, Measurement { line: 0, ..toml[0].clone() });
        assert_eq!((csv[0].line, toml[0].line), (2, 1));
        assert_eq!(csv[0].milliseconds(), Some(10.0));
    }

    #[test]
    fn every_mistake_names_its_line_and_column() {
        let said = |rows: &str| read(rows).unwrap_err().to_string();
        assert!(
            said("a,lab,F746,cortex-m7,0,cmsis-nn,ic,int8,10,\n")
                .contains("m.csv:2: clock_mhz = \"0\": a positive number")
        );
        assert!(said("a,lab,F746,cortex-m7,216,fast,ic,int8,10,\n").contains("class = \"fast\": one of plain-c"));
        assert!(said("a,lab,F746,cortex-m7,216,cmsis-nn,ic,a0w1,10,\n").contains("dtype"));
        assert!(said("a,lab,F746,cortex-m7,216,cmsis-nn,ic,int8,,\n").contains("a row measures something"));
        assert!(said("a,lab,F746,cortex-m7,108,cmsis-nn,ic,int8,10,2160000\n").contains("20.0000 ms"));
        let twice = "a,lab,F746,cortex-m7,216,cmsis-nn,ic,int8,10,\na,lab,F746,cortex-m7,216,cmsis-nn,ic,int8,10,\n";
        assert!(said(twice).contains("m.csv:3: id = \"a\": each id once"));
        let column = read_measurements("m.csv", "id,sourc\n").unwrap_err().to_string();
        assert!(column.contains("m.csv:1: there is no column `sourc`"), "{column}");
    }
}
