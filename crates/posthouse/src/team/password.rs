//! Argon2id, in a bounded number of blocking threads: a flood of sign-ins costs time, not memory.

use crate::base::secret::Secret;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes at the same time; each takes 19 MiB.
const PARALLEL: usize = 2;
/// The shortest password that is accepted, in characters.
pub const MIN_CHARS: usize = 10;
/// The longest, in bytes: hashing time must not be the caller's choice.
pub const MAX_BYTES: usize = 512;

/// What many people have, one a line, in lower case and sorted.
const COMMON: &str = include_str!("common-passwords.txt");
/// Different characters that a password has at least.
const MIN_DIFFERENT: usize = 4;
/// Letters and digits that are left of it at least, without the words that are known of its owner.
const MIN_OWN: usize = 5;

/// Why nobody should have this password, if so: attackers try such ones first. `known` is what they may know of its owner.
#[must_use]
pub fn is_guessed(password: &str, known: &[&str]) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let different = lower.chars().collect::<std::collections::HashSet<_>>().len();
    if different < MIN_DIFFERENT || COMMON.lines().any(|line| line == lower) {
        return Some("Many people have this password, so attackers try it first. A sentence is easy to keep in mind.");
    }
    let known = known.iter().map(|text| text.to_lowercase()).collect::<Vec<_>>().join(" ");
    let mut words: Vec<&str> = known.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 2).collect();
    words.push("posthouse");
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let own = words.iter().fold(lower.clone(), |rest, word| rest.replace(word, ""));
    (own != lower && own.chars().filter(|c| c.is_alphanumeric()).count() < MIN_OWN).then_some(
        "This password is made of your own names, so it is easy to guess. A sentence is easy to keep in mind.",
    )
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

/// Hashing failed: the machine is out of memory or threads.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(String);

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// With the bound above.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(PARALLEL)))
    }

    /// The PHC text to store.
    ///
    /// # Errors
    /// When the machine cannot.
    pub async fn hash(&self, password: Secret) -> Result<String, HashError> {
        self.blocking(move || {
            Argon2::default()
                .hash_password(password.expose().as_bytes())
                .map(|h| h.to_string())
                .map_err(|e| HashError(e.to_string()))
        })
        .await?
    }

    /// Whether the password is the stored one. With none that can be read the same time is spent, so that an unknown
    /// address cannot be told from a wrong password.
    ///
    /// # Errors
    /// When the machine cannot.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, HashError> {
        self.blocking(move || match stored.as_deref().and_then(|text| PasswordHash::new(text).ok()) {
            Some(hash) => Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok(),
            None => {
                let _ = Argon2::default().hash_password(password.expose().as_bytes());
                false
            }
        })
        .await
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let _permit = self.0.acquire().await.map_err(|e| HashError(e.to_string()))?;
        tokio::task::spawn_blocking(work).await.map_err(|e| HashError(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    async fn shortest(passwords: &Passwords, stored: Option<&str>) -> Duration {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let right = passwords.verify(Secret::new("wrong horse battery".into()), stored.map(str::to_owned)).await;
            best = best.min(begun.elapsed());
            assert!(!right.unwrap());
        }
        best
    }

    #[test]
    fn what_attackers_try_first_is_refused() {
        let known = ["Ana Diaz", "ana.diaz@acme.test", "Acme Sales"];
        for bad in [
            "1234567890",
            "Qwertyuiop",
            "password123",
            "aaaaaaaaaaaa",
            "1212121212",
            "ana.diaz@acme.test",
            "AnaDiaz2026",
            "posthouse1!",
            "Acme-Ana-2026",
            "acme-sales-ana",
            "Posthouse-Acme-26",
        ] {
            assert!(is_guessed(bad, &known).is_some(), "{bad}");
        }
        for good in ["correct horse battery", "ana likes long walks", "x7#Kq9!vRz2", "!§$%&/()=?#+", "пароль из слов"]
        {
            assert_eq!(is_guessed(good, &known), None, "{good}");
        }
        assert!(COMMON.lines().filter(|line| !line.starts_with('#')).is_sorted());
    }

    #[tokio::test]
    async fn nobody_there_takes_as_long_as_a_wrong_password() {
        let passwords = Passwords::new();
        let hash = passwords.hash(Secret::new("correct horse battery".into())).await.unwrap();
        let wrong = shortest(&passwords, Some(&hash)).await;
        for stored in [None, Some(""), Some("$argon2id$damaged")] {
            let nobody = shortest(&passwords, stored).await;
            assert!(nobody > wrong / 3, "{stored:?}: {nobody:?} against {wrong:?}");
        }
    }
}
