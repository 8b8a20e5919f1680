//! What many measurements come to.

/// The value that so many percent of the values are not above; 0 of none.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_one_of_the_values() {
        let hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        for percent in [0, 1, 50, 99, 100] {
            assert_eq!(percentile(&hundred, percent), percent as f64);
        }
        assert_eq!(percentile(&[3.0, 1.0], 99), 3.0);
        assert_eq!(percentile(&[7.0], 50), 7.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[test]
    fn median_ignores_one_outlier() {
        assert_eq!(median(&[2.0, 1.0, 1000.0]), 2.0);
    }
}
