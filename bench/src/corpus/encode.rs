//! Transfer encodings, as mail programs write them.

use std::fmt::Write as _;

/// Octets that one line of base64 stands for: 76 letters.
const LINE: usize = 57;
/// The longest line of quoted-printable.
const QP_LINE: usize = 75;

/// Base64 in lines.
pub fn base64(octets: &[u8], out: &mut Vec<u8>) {
    for line in octets.chunks(LINE) {
        out.extend_from_slice(data_encoding::BASE64.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Quoted-printable (RFC 2045 §6.7); line ends stay.
pub fn quoted(octets: &[u8], out: &mut Vec<u8>) {
    let mut length = 0_usize;
    for octet in octets {
        let plain = matches!(octet, b' '..=b'<' | b'>'..=b'~');
        let width = if plain { 1 } else { 3 };
        if matches!(octet, b'\r' | b'\n') {
            out.push(*octet);
            length = 0;
            continue;
        }
        if length.saturating_add(width) > QP_LINE {
            out.extend_from_slice(b"=\r\n");
            length = 0;
        }
        if plain {
            out.push(*octet);
        } else {
            let mut hex = String::new();
            let _ = write!(hex, "={octet:02X}");
            out.extend_from_slice(hex.as_bytes());
        }
        length = length.saturating_add(width);
    }
}

/// A header's value as encoded words (RFC 2047), each of one line.
pub fn words(charset: &str, octets: &[u8], out: &mut Vec<u8>) {
    for (n, part) in octets.chunks(30).enumerate() {
        if n > 0 {
            out.extend_from_slice(b"\r\n ");
        }
        out.extend_from_slice(format!("=?{charset}?B?{}?=", data_encoding::BASE64.encode(part)).as_bytes());
    }
}
