//! Does the integer graph say what the float network says? Bit for bit, or the file is not written.

use tinyprec::nn::{Graph, Shape, Tensor};

use crate::idx::{AREA, Digits, Res, SIDE};
use crate::net::Net;

/// Images a batch of the float network.
const CHUNK: usize = 250;

/// Compares the ±1 features of every image of `digits`; gives how many features were compared.
///
/// # Errors
/// The first image on which the integer graph and the float network differ.
pub fn agree(net: &Net, graph: &Graph, digits: &Digits) -> Res<usize> {
    let mut compared = 0;
    for (part, pixels) in digits.pixels.chunks(CHUNK * AREA).enumerate() {
        let float = net.features(pixels)?.to_vec2::<f32>()?;
        for (i, (image, float)) in pixels.chunks_exact(AREA).zip(&float).enumerate() {
            let image = Tensor::image(Shape::new(SIDE, SIDE, 1), image)?;
            let integer = graph.features(&image)?.integers().ok_or("the graph's features are not integers")?;
            let same =
                integer.len() == float.len() && integer.iter().zip(float).all(|(a, b)| f64::from(*a) == f64::from(*b));
            if !same {
                return Err(
                    format!("image {}: the integer graph differs from the float network", part * CHUNK + i).into()
                );
            }
            compared += integer.len();
        }
    }
    Ok(compared)
}
