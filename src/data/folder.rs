//! Folders of image files: one subfolder a class, or files that a table labels (as GTSRB has them).

use super::archive::{self, entries, name_of};
use super::dataset::{Image, ImageSource};
use super::{DataError, Dataset};
use image::{DynamicImage, ImageReader, Limits};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Endings of the files that are taken for images.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "ppm", "pgm", "pbm", "pnm"];
/// Largest file, side and decoded size.
const LARGEST_FILE: u64 = 1 << 26;
const LARGEST_SIDE: u32 = 16_384;
const LARGEST_IMAGE: u64 = 1 << 28;

/// Images in files of their own, read when they are asked for.
#[derive(Debug)]
pub struct Files(pub Vec<PathBuf>);

impl ImageSource for Files {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn read(&self, at: usize) -> Result<Image, DataError> {
        decode(&self.0[at])
    }

    fn entry(&self, at: usize) -> Result<String, DataError> {
        let path = &self.0[at];
        let info = std::fs::metadata(path).map_err(|source| DataError::Io { path: path.clone(), source })?;
        let folder = path.parent().map_or_else(String::new, name_of);
        Ok(format!("{folder}/{} {}", name_of(path), info.len()))
    }
}

/// A PNG, JPEG, PPM, PGM or PBM file: one channel if it is grey, else three (16 bits are cut to 8, transparency is dropped).
///
/// # Errors
/// [`DataError`] naming the file.
pub fn decode(path: &Path) -> Result<Image, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let bytes = archive::file(path, LARGEST_FILE)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_IMAGE);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|source| DataError::Io { path: path.to_owned(), source })?;
    reader.limits(limits);
    let image = reader.decode().map_err(|e| broken(format!("is no whole PNG, JPEG or PNM image: {e}")))?;
    let side = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let (h, w) = (side(image.height()), side(image.width()));
    let grey = !image.color().has_color();
    Ok(match image {
        image if grey => Image { shape: [h, w, 1], pixels: image.into_luma8().into_raw() },
        DynamicImage::ImageRgb8(rgb) => Image { shape: [h, w, 3], pixels: rgb.into_raw() },
        image => Image { shape: [h, w, 3], pixels: image.into_rgb8().into_raw() },
    })
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) && path.is_file() && !name_of(path).starts_with('.')
}

/// Names of the classes of a folder: its subfolders, by name.
///
/// # Errors
/// [`DataError`] if it cannot be read or has none.
pub fn classes(path: &Path) -> Result<Vec<String>, DataError> {
    let folders = entries(path)?.into_iter().filter(|p| p.is_dir());
    let names: Vec<String> = folders.map(|p| name_of(&p)).filter(|n| !n.starts_with('.')).collect();
    if names.is_empty() {
        let problem = "has no subfolders; an image folder has one for each class".to_owned();
        return Err(DataError::Broken { path: path.to_owned(), problem });
    }
    Ok(names)
}

/// The images of a folder, one subfolder a class. `classes` are all names, in the order of their numbers.
///
/// # Errors
/// [`DataError`] for a subfolder that is none of the classes, or no image at all.
pub fn read_folder(path: &Path, classes: &[String]) -> Result<Dataset, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let (mut files, mut labels) = (Vec::new(), Vec::new());
    for name in self::classes(path)? {
        let Some(class) = classes.iter().position(|c| *c == name) else {
            return Err(broken(format!("has the class `{name}`, which the training set does not have")));
        };
        let label = u16::try_from(class).map_err(|_| broken("has more than 65536 classes".to_owned()))?;
        let own: Vec<PathBuf> = entries(&path.join(name))?.into_iter().filter(|p| is_image(p)).collect();
        labels.extend(vec![label; own.len()]);
        files.extend(own);
    }
    if files.is_empty() {
        return Err(broken(format!("has no image ({}) in its subfolders", ENDINGS.join(", "))));
    }
    Dataset::over(&name_of(path), classes.len(), Arc::new(Files(files)), labels)
}

/// Images that semicolon-separated tables label: each `.csv` of the folder or its subfolders has a header line with `Filename` and
/// `ClassId`, and names files beside it (or below `Images` or `Final_Test/Images`).
///
/// # Errors
/// [`DataError`] naming table and line.
pub fn read_tables(path: &Path) -> Result<Dataset, DataError> {
    let broken = |problem: String| DataError::Broken { path: path.to_owned(), problem };
    let mut tables: Vec<PathBuf> = Vec::new();
    for at in if path.is_dir() { entries(path)? } else { vec![path.to_owned()] } {
        let inside = if at.is_dir() { entries(&at)? } else { vec![at] };
        tables.extend(inside.into_iter().filter(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"))));
    }
    if tables.is_empty() {
        return Err(broken("has no .csv table in it or its subfolders".to_owned()));
    }
    let (mut files, mut labels) = (Vec::new(), Vec::new());
    for table in tables {
        for (file, label) in table_rows(&table)? {
            files.push(file);
            labels.push(label);
        }
    }
    let n_classes = labels.iter().max().map_or(0, |l| usize::from(*l) + 1);
    Dataset::over(&name_of(path), n_classes, Arc::new(Files(files)), labels)
}

fn table_rows(table: &Path) -> Result<Vec<(PathBuf, u16)>, DataError> {
    let wrong = |line: usize, problem: String| DataError::Broken {
        path: table.to_owned(),
        problem: format!("line {line}: {problem}"),
    };
    let text = archive::file(table, LARGEST_FILE)?;
    let text = String::from_utf8(text).map_err(|_| wrong(1, "is no UTF-8 text".to_owned()))?;
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let header: Vec<&str> = lines.next().map_or("", |(_, l)| l).trim_start_matches('\u{feff}').split(';').collect();
    let column = |name: &str| header.iter().position(|h| h.trim() == name);
    let (Some(file_at), Some(class_at)) = (column("Filename"), column("ClassId")) else {
        return Err(wrong(1, "has no columns `Filename` and `ClassId`, separated by semicolons".to_owned()));
    };
    let base = table.parent().unwrap_or(Path::new(""));
    let mut rows = Vec::new();
    for (at, line) in lines {
        let cells: Vec<&str> = line.split(';').map(str::trim).collect();
        let (Some(name), Some(class)) = (cells.get(file_at), cells.get(class_at)) else {
            return Err(wrong(at + 1, format!("has {} cells, the header {}", cells.len(), header.len())));
        };
        let label = class.parse().map_err(|_| wrong(at + 1, format!("`{class}` is no class")))?;
        let places = ["", "Images", "Final_Test/Images"].map(|folder| base.join(folder).join(name));
        let found = places.into_iter().find(|p| p.is_file());
        rows.push((found.ok_or_else(|| wrong(at + 1, format!("there is no image `{name}` beside the table")))?, label));
    }
    Ok(rows)
}
