//! Images and labels as they are on disk: bytes, channels fastest.

use super::DataError;

/// A labelled set of images of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    name: String,
    shape: [usize; 3],
    n_classes: usize,
    images: Vec<u8>,
    labels: Vec<u16>,
}

impl Dataset {
    /// Images of `shape` = [height, width, channels], one after the other, with their labels 0..n_classes.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] for empty sets or shapes, another number of bytes, or a label beyond the classes.
    pub fn new(
        name: &str,
        shape: [usize; 3],
        n_classes: usize,
        images: Vec<u8>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Inconsistent { name: name.to_owned(), problem };
        if labels.is_empty() || shape.contains(&0) {
            return Err(wrong(format!("{} images of {shape:?}: there must be at least one", labels.len())));
        }
        let bytes = shape.iter().try_fold(labels.len(), |n, d| n.checked_mul(*d));
        if bytes != Some(images.len()) {
            return Err(wrong(format!("{} bytes are not {} images of {shape:?}", images.len(), labels.len())));
        }
        if let Some(i) = labels.iter().position(|l| usize::from(*l) >= n_classes) {
            return Err(wrong(format!("image {i} has label {}, but there are {n_classes} classes", labels[i])));
        }
        Ok(Self { name: name.to_owned(), shape, n_classes, images, labels })
    }

    /// Name for reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Height, width, channels.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Number of classes that labels can name.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never: a set has at least one image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All labels.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Pixels of one image, channels fastest.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        let n: usize = self.shape.iter().product();
        &self.images[index * n..][..n]
    }

    /// The first `n` images, or all if there are fewer; at least one.
    pub fn head(mut self, n: usize) -> Self {
        let n = n.clamp(1, self.len());
        self.labels.truncate(n);
        self.images.truncate(n * self.shape.iter().product::<usize>());
        self
    }

    /// The images at these places, in that order; `None` if there are none or one does not exist.
    pub fn select(&self, indices: &[usize]) -> Option<Self> {
        if indices.is_empty() || indices.iter().any(|i| *i >= self.len()) {
            return None;
        }
        let images = indices.iter().flat_map(|i| self.image(*i)).copied().collect();
        let labels = indices.iter().map(|i| self.labels[*i]).collect();
        Some(Self { name: self.name.clone(), shape: self.shape, n_classes: self.n_classes, images, labels })
    }
}
