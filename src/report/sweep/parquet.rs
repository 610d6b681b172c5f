//! The table of `results.csv` as Parquet, for DuckDB, Polars and whatever else reads columns. Feature `parquet`.

use super::csv::columns;
use crate::record::{PointCost, PointResult, SweepRecord};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use std::io::Write;
use std::sync::Arc;

/// Columns that hold text; all others hold numbers.
const TEXTS: [&str; 2] = ["failure", "fits"];

enum Column {
    Whole(Vec<i64>),
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<f64>>),
}

/// Writes one row a point and board. Cells that are empty in the CSV are null here; axes are texts.
///
/// # Errors
/// Whatever `out` says.
pub fn write_parquet(record: &SweepRecord, out: impl Write + Send) -> Result<()> {
    let rows: Vec<(&PointResult, Option<&PointCost>)> = record
        .points
        .iter()
        .flat_map(|p| match p.costs.as_slice() {
            [] => vec![(p, None)],
            costs => costs.iter().map(|c| (p, Some(c))).collect(),
        })
        .collect();
    let mut table: Vec<(String, Column)> = vec![
        (
            "index".to_owned(),
            Column::Whole(rows.iter().map(|(p, _)| i64::try_from(p.index).unwrap_or(i64::MAX)).collect()),
        ),
        ("hash".to_owned(), Column::Texts(rows.iter().map(|(p, _)| Some(p.hash.clone())).collect())),
        ("board".to_owned(), Column::Texts(rows.iter().map(|(_, c)| c.map(|c| c.board.clone())).collect())),
    ];
    for (i, axis) in record.axes.iter().enumerate() {
        table.push((axis.name.clone(), Column::Texts(rows.iter().map(|(p, _)| p.choices.get(i).cloned()).collect())));
    }
    for (name, get) in columns() {
        let cells = rows.iter().map(|(p, c)| Some(get(p, *c)).filter(|cell| !cell.is_empty()));
        let column = if TEXTS.contains(&name) {
            Column::Texts(cells.collect())
        } else {
            Column::Numbers(cells.map(|cell| cell.and_then(|cell| cell.parse().ok())).collect())
        };
        table.push((name.to_owned(), column));
    }
    let fields = table.iter().map(|(name, column)| field(name, column)).collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(Type::group_type_builder("sweep").with_fields(fields).build()?);
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(WriterProperties::builder().build()))?;
    let mut group = writer.next_row_group()?;
    for (_, column) in &table {
        let Some(mut next) = group.next_column()? else { break };
        match column {
            Column::Whole(values) => {
                next.typed::<Int64Type>().write_batch(values, None, None)?;
            }
            Column::Texts(cells) => {
                let values: Vec<ByteArray> = cells.iter().flatten().map(|t| ByteArray::from(t.as_str())).collect();
                next.typed::<ByteArrayType>().write_batch(&values, Some(&levels(cells)), None)?;
            }
            Column::Numbers(cells) => {
                let values: Vec<f64> = cells.iter().flatten().copied().collect();
                next.typed::<DoubleType>().write_batch(&values, Some(&levels(cells)), None)?;
            }
        }
        next.close()?;
    }
    group.close()?;
    writer.close().map(drop)
}

fn field(name: &str, column: &Column) -> Result<Arc<Type>> {
    let builder = |physical| Type::primitive_type_builder(name, physical);
    let made = match column {
        Column::Whole(_) => builder(Physical::INT64).with_repetition(Repetition::REQUIRED).build()?,
        Column::Texts(_) => builder(Physical::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(ConvertedType::UTF8)
            .with_logical_type(Some(LogicalType::String))
            .build()?,
        Column::Numbers(_) => builder(Physical::DOUBLE).with_repetition(Repetition::OPTIONAL).build()?,
    };
    Ok(Arc::new(made))
}

/// 1 where there is a value, 0 where there is none.
fn levels<T>(cells: &[Option<T>]) -> Vec<i16> {
    cells.iter().map(|c| i16::from(c.is_some())).collect()
}
