//! Reference kernels: plain loops over single values, no packing tricks. Every fast kernel is tested equal to these.

use super::{BitFilters, BitMap, Fill, Geometry, Map, Shape, SmallFilters, Thresholds};

/// Signed sums of a packed map under packed filters: both unpacked, then value by value.
pub fn binary_conv(x: &BitMap, weights: &BitFilters, g: &Geometry) -> Map<i32> {
    let (size, ic) = (weights.size(), x.shape().c);
    let (values, signs) = (x.values(), weights.values());
    let outside = if g.window.fill == Fill::One { 1 } else { 0 };
    conv(g, size.out, |o, oy, ox| {
        let mut acc = 0;
        for (tap, row) in signs[o * size.fan_in()..][..size.fan_in()].chunks_exact(ic).enumerate() {
            match g.source(oy, ox, tap / g.window.kernel[1], tap % g.window.kernel[1]) {
                None => acc += outside * row.iter().map(|w| i32::from(*w)).sum::<i32>(),
                Some((y, x_)) => {
                    let pixel = &values[(y * g.iw + x_) * ic..][..ic];
                    acc += pixel.iter().zip(row).map(|(v, w)| v * i32::from(*w)).sum::<i32>();
                }
            }
        }
        acc
    })
}

/// Sums of an 8-bit map (given as i32, the offset already subtracted) under small integer filters.
pub fn input_conv(x: &Map<i32>, weights: &SmallFilters, g: &Geometry) -> Map<i32> {
    let size = weights.size();
    conv(g, size.out, |o, oy, ox| {
        let mut acc = 0;
        for (tap, row) in weights.row(o).chunks_exact(size.ic).enumerate() {
            let source = g.source(oy, ox, tap / g.window.kernel[1], tap % g.window.kernel[1]);
            let Some((y, x_)) = source else { continue };
            for (value, w) in x.pixel(y, x_).iter().zip(row) {
                acc += value * i32::from(*w);
            }
        }
        acc
    })
}

fn conv(g: &Geometry, out: usize, mut sum: impl FnMut(usize, usize, usize) -> i32) -> Map<i32> {
    let mut map = Map::zeros(Shape::new(g.oh, g.ow, out));
    for (i, acc) in map.data_mut().iter_mut().enumerate() {
        *acc = sum(i % out, i / out / g.ow, i / out % g.ow);
    }
    map
}

/// Sums to packed signs.
pub fn threshold(x: &Map<i32>, t: &Thresholds) -> BitMap {
    let mut map = BitMap::ones(x.shape(), t.planes());
    for y in 0..x.shape().h {
        for x_ in 0..x.shape().w {
            for (c, acc) in x.pixel(y, x_).iter().enumerate() {
                for plane in (0..t.planes()).filter(|p| t.negative(c, *p, *acc)) {
                    map.set_negative(y, x_, c, plane);
                }
            }
        }
    }
    map
}

/// Maximum of packed values over a window, value by value.
pub fn max_pool_bits(x: &BitMap, g: &Geometry) -> BitMap {
    let shape = Shape::new(g.oh, g.ow, x.shape().c);
    let mut map = BitMap::ones(shape, x.planes());
    for (oy, ox, c) in (0..g.oh).flat_map(|y| (0..g.ow).flat_map(move |x_| (0..shape.c).map(move |c| (y, x_, c)))) {
        let taps = (0..g.window.taps()).map(|t| (t / g.window.kernel[1], t % g.window.kernel[1]));
        let inside = taps.filter_map(|(ky, kx)| g.source(oy, ox, ky, kx));
        let largest = inside.map(|(y, x_)| x.value(y, x_, c)).max().expect("padding is smaller than the kernel");
        // −1 is (−, −), 0 is (+, −), +1 is (+, +).
        for plane in 0..x.planes() {
            if largest == -1 || (largest == 0 && plane == 1) {
                map.set_negative(oy, ox, c, plane);
            }
        }
    }
    map
}

/// Pixels to signs by one threshold; `shape` is the image's, or one row of all its values.
pub fn pack_input(x: &Map<u8>, threshold: u8, shape: Shape) -> BitMap {
    let mut map = BitMap::ones(shape, 1);
    for (i, _) in x.data().iter().enumerate().filter(|(_, v)| **v < threshold) {
        map.set_negative(i / shape.c / shape.w, i / shape.c % shape.w, i % shape.c, 0);
    }
    map
}

/// Number of +1 over all pixels, by channel.
pub fn global_sum_bits(x: &BitMap) -> Map<i32> {
    let shape = x.shape();
    let mut map = Map::zeros(Shape::new(1, 1, shape.c));
    for (y, x_) in (0..shape.h).flat_map(|y| (0..shape.w).map(move |x_| (y, x_))) {
        for (c, sum) in map.data_mut().iter_mut().enumerate() {
            *sum += i32::from(x.sign(y, x_, c, 0) > 0);
        }
    }
    map
}

/// Sum over all pixels, by channel.
pub fn global_sum(x: &Map<i32>) -> Map<i32> {
    let mut map = Map::zeros(Shape::new(1, 1, x.shape().c));
    for pixel in x.data().chunks_exact(x.shape().c) {
        for (sum, v) in map.data_mut().iter_mut().zip(pixel) {
            *sum += v;
        }
    }
    map
}

/// Maximum of sums over a window; taps outside never win.
pub fn max_pool(x: &Map<i32>, g: &Geometry) -> Map<i32> {
    conv(g, x.shape().c, |c, oy, ox| {
        let taps = (0..g.window.taps()).map(|t| (t / g.window.kernel[1], t % g.window.kernel[1]));
        let inside = taps.filter_map(|(ky, kx)| g.source(oy, ox, ky, kx));
        inside.map(|(y, x_)| x.pixel(y, x_)[c]).max().expect("padding is smaller than the kernel")
    })
}
