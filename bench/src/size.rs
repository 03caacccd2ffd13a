//! How large the program and its page are.

use crate::figures::Figures;
use anyhow::{Context, Result};
use std::path::Path;

/// Measures the program's file; the page's script was measured by its own build (`web/scripts/budget.mjs`).
///
/// # Errors
/// When the program was not built.
pub fn measure(program: &Path, script_kb: Option<f64>, figures: &mut Figures) -> Result<()> {
    let bytes = std::fs::metadata(program).with_context(|| format!("{} is not built", program.display()))?.len();
    figures.at_most("release binary", (bytes as f64 / 1e6, 60.0), "MB");
    if let Some(kb) = script_kb {
        figures.at_most("script of the first page, compressed", (kb, 250.0), "kB");
    }
    Ok(())
}
