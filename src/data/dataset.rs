//! Labelled images: where they lie, what happens to them on the way to the network, and which of them are meant.

use super::transform::Transform;
use super::{DataError, Domain};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

/// One image: bytes, channels fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Height, width, channels.
    pub shape: [usize; 3],
    /// `height · width · channels` bytes.
    pub pixels: Vec<u8>,
}

/// Where images come from, one at a time: memory, files, an archive.
pub trait ImageSource: Debug + Send + Sync {
    /// How many images there are.
    fn count(&self) -> usize;

    /// One image as it is stored.
    ///
    /// # Errors
    /// [`DataError`] naming the file.
    fn read(&self, at: usize) -> Result<Image, DataError>;

    /// What tells one image from another without reading it: its name and size. Empty where images have neither.
    ///
    /// # Errors
    /// [`DataError`] naming the file.
    fn entry(&self, _at: usize) -> Result<String, DataError> {
        Ok(String::new())
    }
}

/// A labelled set of images. Cloning and selecting copies no pixel.
#[derive(Debug, Clone)]
pub struct Dataset {
    name: String,
    shape: [usize; 3],
    n_classes: usize,
    labels: Vec<u16>,
    /// Domain and place in the source of each image.
    places: Vec<(usize, usize)>,
    /// Recording session of each image; empty where there are none.
    sessions: Vec<u32>,
    /// Experiences given with the data, as ranges of images; empty where there are none.
    parts: Vec<Range<usize>>,
    domains: Vec<Domain>,
    source: Arc<dyn ImageSource>,
    transform: Transform,
}

/// Images of one shape in memory, one after the other.
#[derive(Debug)]
struct Held {
    shape: [usize; 3],
    pixels: Vec<u8>,
}

impl ImageSource for Held {
    fn count(&self) -> usize {
        self.pixels.len() / self.shape.iter().product::<usize>().max(1)
    }

    fn read(&self, at: usize) -> Result<Image, DataError> {
        let n: usize = self.shape.iter().product();
        Ok(Image { shape: self.shape, pixels: self.pixels[at * n..][..n].to_vec() })
    }
}

/// Samples of which only the labels are known.
#[derive(Debug)]
struct Nothing(usize);

impl ImageSource for Nothing {
    fn count(&self) -> usize {
        self.0
    }

    fn read(&self, _at: usize) -> Result<Image, DataError> {
        let problem = "these samples are stored features; their images are not here".to_owned();
        Err(DataError::Inconsistent { name: "features".to_owned(), problem })
    }
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
        Self::over(name, n_classes, Arc::new(Held { shape, pixels: images }), labels)
    }

    /// Images that a source reads when they are asked for, with their labels 0..n_classes. The first one is read for its shape.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] for an empty set, another number of images, or a label beyond the classes; what the source says.
    pub fn over(
        name: &str,
        n_classes: usize,
        source: Arc<dyn ImageSource>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Inconsistent { name: name.to_owned(), problem };
        if labels.is_empty() || labels.len() != source.count() {
            let problem = format!("{} labels for {} images: one each, and at least one", labels.len(), source.count());
            return Err(wrong(problem));
        }
        if let Some(i) = labels.iter().position(|l| usize::from(*l) >= n_classes) {
            return Err(wrong(format!("image {i} has label {}, but there are {n_classes} classes", labels[i])));
        }
        let shape = source.read(0)?.shape;
        Ok(Self::labelled(name, (shape, n_classes), source, labels))
    }

    /// Labels without images, for features that are already computed.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] without labels.
    pub fn without_images(name: &str, n_classes: usize, labels: Vec<u16>) -> Result<Self, DataError> {
        if labels.is_empty() {
            return Err(DataError::Inconsistent { name: name.to_owned(), problem: "no samples at all".to_owned() });
        }
        Ok(Self::labelled(name, ([0; 3], n_classes), Arc::new(Nothing(labels.len())), labels))
    }

    fn labelled(
        name: &str,
        (shape, n_classes): ([usize; 3], usize),
        source: Arc<dyn ImageSource>,
        labels: Vec<u16>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            shape,
            n_classes,
            places: (0..labels.len()).map(|at| (0, at)).collect(),
            labels,
            sessions: Vec::new(),
            parts: Vec::new(),
            domains: vec![Domain::Same],
            source,
            transform: Transform::default(),
        }
    }

    /// The same images with labels that could name more classes.
    pub fn of_classes(self, n_classes: usize) -> Self {
        Self { n_classes: self.n_classes.max(n_classes), ..self }
    }

    /// One line for each image: its name and size where it has them, and its label. For hashes of sets that are too many files to
    /// read.
    ///
    /// # Errors
    /// [`DataError`] naming the file that cannot be looked at.
    pub fn manifest(&self) -> Result<String, DataError> {
        let mut text = String::new();
        for ((_, at), label) in self.places.iter().zip(&self.labels) {
            text.push_str(&format!("{} {label}\n", self.source.entry(*at)?));
        }
        Ok(text)
    }

    /// Name for reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Height, width, channels of an image as [`Self::image`] gives it.
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

    /// The same images with the recording session of each.
    pub fn in_sessions(mut self, sessions: Vec<u32>) -> Self {
        self.sessions = sessions;
        self
    }

    /// The same images with the experiences that the data set's lists make of them.
    pub fn in_parts(mut self, parts: Vec<Range<usize>>) -> Self {
        self.parts = parts;
        self
    }

    /// Recording session of each image; empty where the set has none.
    pub fn sessions(&self) -> &[u32] {
        &self.sessions
    }

    /// Experiences given with the data, as ranges of images; empty where there are none.
    pub fn parts(&self) -> &[Range<usize>] {
        &self.parts
    }

    /// At most so many images of each class, the first of each; the lists of experiences go.
    pub fn limited(self, per_class: usize) -> Self {
        let mut seen = vec![0; self.n_classes];
        let mut first = |label: u16| {
            let n: &mut usize = &mut seen[usize::from(label)];
            *n += 1;
            *n <= per_class
        };
        let kept: Vec<usize> = (0..self.len()).filter(|at| first(self.labels[*at])).collect();
        self.select(&kept).unwrap_or(self)
    }

    /// What happens to each image.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// One image, read, transformed and in its domain.
    ///
    /// # Errors
    /// [`DataError`] if it cannot be read, cannot be transformed, or comes out in another shape than the first one.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> Result<Image, DataError> {
        let (domain, at) = self.places[index];
        let wrong = |problem: String| DataError::Inconsistent { name: self.name.clone(), problem };
        let image = self.transform.apply(self.source.read(at)?).map_err(|e| wrong(format!("image {at}: {e}")))?;
        if image.shape != self.shape {
            let ([h, w, c], [fh, fw, fc]) = (image.shape, self.shape);
            return Err(wrong(format!(
                "image {at} is {h} × {w} × {c}, the first one {fh} × {fw} × {fc}; give all one size with `resize` in [transform]"
            )));
        }
        Ok(self.domains[domain].apply(image))
    }

    /// One image as it is stored, before transform and domain.
    ///
    /// # Errors
    /// [`DataError`] if it cannot be read.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn stored(&self, index: usize) -> Result<Image, DataError> {
        self.source.read(self.places[index].1)
    }

    /// Everything that makes [`Self::image`]s of [`Self::stored`] ones, in one stable text: for content hashes.
    pub fn treatment(&self) -> String {
        let turns: Vec<usize> =
            self.places.iter().map(|(domain, _)| *domain).filter(|_| self.domains.len() > 1).collect();
        format!("{:?} {:?} {turns:?}", self.transform, self.domains)
    }

    /// The same images with another transform.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] if the first image cannot be transformed.
    pub fn transformed(mut self, transform: Transform) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Inconsistent { name: self.name.clone(), problem };
        let stored = self.source.read(self.places[0].1)?.shape;
        self.shape = transform.shape(stored).map_err(|e| wrong(e.to_string()))?;
        self.transform = transform;
        Ok(self)
    }

    /// The whole set once for each domain, one after the other: image `i` of domain `d` is image `d · len + i`.
    pub fn in_domains(mut self, domains: Vec<Domain>) -> Self {
        let (labels, places) = (std::mem::take(&mut self.labels), std::mem::take(&mut self.places));
        for domain in 0..domains.len() {
            self.labels.extend(&labels);
            self.places.extend(places.iter().map(|&(_, at)| (domain, at)));
        }
        let sessions = self.sessions.len() * domains.len();
        self.sessions = self.sessions.iter().copied().cycle().take(sessions).collect();
        self.parts.clear();
        self.domains = domains;
        self
    }

    /// The first `n` images, or all if there are fewer; at least one.
    pub fn head(mut self, n: usize) -> Self {
        let n = n.clamp(1, self.len());
        self.labels.truncate(n);
        self.places.truncate(n);
        self.sessions.truncate(n);
        self.parts.clear();
        self
    }

    /// The images at these places, in that order; `None` if there are none or one does not exist.
    pub fn select(&self, indices: &[usize]) -> Option<Self> {
        if indices.is_empty() || indices.iter().any(|i| *i >= self.len()) {
            return None;
        }
        let labels = indices.iter().map(|i| self.labels[*i]).collect();
        let places = indices.iter().map(|i| self.places[*i]).collect();
        let sessions = indices.iter().filter_map(|i| self.sessions.get(*i)).copied().collect();
        Some(Self { labels, places, sessions, parts: Vec::new(), ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::transform::{Filter, Size};

    fn set() -> Dataset {
        Dataset::new("x", [1, 2, 1], 3, vec![0, 100, 1, 101, 2, 102], vec![2, 0, 1]).unwrap()
    }

    #[test]
    fn images_are_transformed_when_they_are_read() {
        let big = Transform { resize: Some((Size::Exact(2, 4), Filter::Nearest)), ..Transform::default() };
        let set = set().transformed(big).unwrap();
        assert_eq!(set.shape(), [2, 4, 1]);
        assert_eq!(set.image(1).unwrap().pixels, [1, 1, 101, 101, 1, 1, 101, 101]);
        assert_eq!(set.select(&[2, 0]).unwrap().image(0).unwrap().pixels[..2], [2, 2]);
    }

    #[test]
    fn domains_repeat_the_set() {
        let two = set().head(2).in_domains(vec![Domain::Same, Domain::permuted(vec![1, 0])]);
        assert_eq!((two.len(), two.labels()), (4, &[2, 0, 2, 0][..]));
        assert_eq!(two.image(1).unwrap().pixels, [1, 101]);
        assert_eq!(two.image(3).unwrap().pixels, [101, 1]);
    }

    #[test]
    fn sets_that_do_not_fit_together_are_refused() {
        let new = |images: &[u8], labels: &[u16]| Dataset::new("x", [1, 2, 1], 3, images.to_vec(), labels.to_vec());
        assert!(new(&[], &[]).unwrap_err().to_string().contains("at least one"));
        assert!(new(&[1, 2, 3], &[0]).unwrap_err().to_string().contains("not 1 images"));
        assert!(new(&[1, 2], &[3]).unwrap_err().to_string().contains("there are 3 classes"));
        assert!(Dataset::new("x", [usize::MAX, 2, 1], 3, vec![1], vec![0]).is_err());
    }
}
