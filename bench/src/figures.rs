//! The lines that are printed: a name, what was measured, the target, and whether it was met.

/// Prints as it goes, and counts what missed its target.
#[derive(Default)]
pub struct Figures {
    missed: usize,
    met: usize,
}

impl Figures {
    /// What the next lines are about.
    pub fn heading(&mut self, text: &str) {
        println!("\n{text}");
    }

    /// A figure without a target.
    pub fn note(&mut self, name: &str, value: &str) {
        println!("  {name:<52} {value:>12}");
    }

    /// A figure that should be at most its target.
    pub fn at_most(&mut self, name: &str, (value, target): (f64, f64), unit: &str) {
        let met = value <= target;
        let counter = if met { &mut self.met } else { &mut self.missed };
        *counter += 1;
        let (value, target) = (format!("{value:.1} {unit}"), format!("{target:.1} {unit}"));
        println!("  {name:<52} {value:>12}  target {target:>10}  {}", if met { "met" } else { "MISSED" });
    }

    /// A share that should be at most its target.
    pub fn ratio_at_most(&mut self, name: &str, (value, target): (f64, f64)) {
        self.ratio(name, (value, target), value <= target);
    }

    /// A share that should be at least its target.
    pub fn ratio_at_least(&mut self, name: &str, (value, target): (f64, f64)) {
        self.ratio(name, (value, target), value >= target);
    }

    fn ratio(&mut self, name: &str, (value, target): (f64, f64), met: bool) {
        let counter = if met { &mut self.met } else { &mut self.missed };
        *counter += 1;
        let met = if met { "met" } else { "MISSED" };
        println!("  {name:<52} {:>12}  target {:>10}  {met}", format!("{value:.3}"), format!("{target:.2}"));
    }

    /// The last line.
    pub fn finish(&self) {
        println!("\n{} targets met, {} missed", self.met, self.missed);
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// The value below which this share of the sorted values lies.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (last as f64 * share).ceil() as usize;
    sorted.get(at.min(last)).copied().unwrap_or(f64::NAN)
}
