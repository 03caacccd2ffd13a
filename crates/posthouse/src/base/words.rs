//! Words that go with a number.

/// "1 body", "2 bodies".
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// As many as there are.
#[must_use]
pub fn length(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
