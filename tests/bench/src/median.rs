//! The middle of several runs: one disturbed run does not move it.

/// The median; of an even number the mean of the two in the middle, of none NaN.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        let same = |values: &[f64], expected: f64| (median(values.iter().copied()) - expected).abs() < 1e-9;
        assert!(same(&[3.0, 1.0, 2.0], 2.0));
        assert!(same(&[4.0, 1.0], 2.5));
        assert!(median([]).is_nan());
    }
}
