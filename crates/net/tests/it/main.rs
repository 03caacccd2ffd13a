//! The crate against real sockets, real certificates, and the real Postfix and Dovecot of the test kit.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod dialling;
#[cfg(test)]
mod discovering;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod handshakes;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rebinding;
#[cfg(test)]
mod submitting;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
