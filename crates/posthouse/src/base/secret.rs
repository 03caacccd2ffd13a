//! A password or token in memory: wiped when dropped, never printed, never sent back.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// The longest secret that is accepted, in bytes. OAuth tokens of several kilobytes fit.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// A secret text. It has neither `Debug` nor `Serialize`, so that no log line and no answer can hold it.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text, where it is used.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// For a library that takes it as such.
    #[must_use]
    pub fn to_secrecy(&self) -> SecretString {
        self.0.clone()
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Self::new(String::deserialize(d)?);
        if text.expose().len() > MAX_SECRET_BYTES {
            return Err(serde::de::Error::custom("a secret is at most 16 KiB"));
        }
        Ok(text)
    }
}
