//! Remote images of a message, on request only and through us: the sender sees our address, not the reader's.
//!
//! The message is shown in a sandboxed frame without an origin, which sends no cookie. So the address of an image carries its
//! own permission: message, place in the message, end, and a code over them.

use super::MessageId;
use crate::app::App;
use db::Ts;
use subtle::ConstantTimeEq;

/// How long the addresses in a shown message work.
const SECS: i64 = 3_600;
/// The largest image that is passed on, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Images that are fetched at the same time, by everybody together: each holds its message and itself in memory.
pub const AT_ONCE: usize = 16;

fn code(app: &App, message: MessageId, index: usize, until: i64) -> String {
    let code = app.vault.code("image", format!("{message}/{index}/{until}").as_bytes());
    data_encoding::BASE64URL_NOPAD.encode(&code)
}

/// The address of the image, for the next hour.
pub fn address(app: &App, message: MessageId, index: usize) -> String {
    let until = app.clock.now().plus_secs(SECS).0 / 1_000_000;
    format!("/api/v1/images/{message}/{index}?until={until}&code={}", code(app, message, index, until))
}

/// Whether the address was made by us and still works.
pub fn allowed(app: &App, message: MessageId, index: usize, until: i64, given: &str) -> bool {
    let right = code(app, message, index, until);
    app.clock.now() <= Ts(until.saturating_mul(1_000_000)) && bool::from(right.as_bytes().ct_eq(given.as_bytes()))
}

/// Whether a content type is one of the raster images that are passed on.
pub fn is_raster(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        kind.as_str(),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif" | "image/bmp" | "image/x-icon"
    )
}
