//! How figures are written that are no whole numbers.

use serde::Serializer;

/// Decimals of a figure that anybody has use for. Behind them stand only the errors of floating-point sums.
const DECIMALS: f64 = 1e6;

/// A figure without what floats make of sums.
pub fn rounded(figure: f64) -> f64 {
    (figure * DECIMALS).round() / DECIMALS
}

/// The same, for serde.
pub fn round<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*figure))
}
