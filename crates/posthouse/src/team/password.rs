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

    /// Whether the password is the stored one. With no stored one the same time is spent, so that an unknown
    /// address cannot be told from a wrong password.
    ///
    /// # Errors
    /// When the machine cannot.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, HashError> {
        self.blocking(move || match &stored {
            Some(text) => PasswordHash::new(text)
                .is_ok_and(|h| Argon2::default().verify_password(password.expose().as_bytes(), &h).is_ok()),
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
