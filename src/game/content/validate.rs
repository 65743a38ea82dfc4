//! The rules for single values of content, for its files to name.

/// The largest sum, price or quantity content may name: sums of a whole game stay far inside an i64.
pub(super) const MAX_AMOUNT: i64 = 1_000_000;

// serde asks for a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(super) fn is_zero(number: &i64) -> bool {
    *number == 0
}

// garde's ranges let NaN pass.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(super) fn finite(value: &f64, (): &()) -> garde::Result {
    if value.is_finite() { Ok(()) } else { Err(garde::Error::new("must be a finite number")) }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
pub(super) fn ascending([from, to]: &[i64; 2], (): &()) -> garde::Result {
    if from <= to { Ok(()) } else { Err(garde::Error::new("must be [least, most]")) }
}
