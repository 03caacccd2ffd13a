//! The user names that a server may know an address by.

use mail::address::EmailAddress;
use serde::Deserialize;

/// Most user names of one server that are offered.
pub(crate) const MAX_NAMES: usize = 4;

/// How a user name is made of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The whole address.
    Address,
    /// What stands before the `@`.
    LocalPart,
    /// What stands before the `@`; where that is refused, the whole address.
    LocalPartThenAddress,
    /// The whole address; where that is refused, what stands before the `@` (RFC 6186 section 4).
    AddressThenLocalPart,
}

/// The user names of `address`, the likeliest first: at least one, each once.
///
/// A tag (`ana+tag@`, RFC 5233) is no part of a user name. Whether a plus sign begins one is the server's business:
/// with `tagged` it does, without it the address as written comes first.
pub(crate) fn names(rule: Rule, address: &EmailAddress, tagged: bool) -> Vec<String> {
    let written = unquoted(address.local_part());
    let whole =
        |local: &str| if local == written { address.to_string() } else { format!("{local}@{}", address.domain()) };
    let mut locals = vec![written.clone()];
    if let Some((base, _)) = written.split_once('+').filter(|(base, _)| !base.is_empty()) {
        locals.insert(if tagged { 0 } else { 1 }, base.to_owned());
    }
    let mut names = Vec::new();
    for local in locals {
        match rule {
            Rule::Address => names.push(whole(&local)),
            Rule::LocalPart => names.push(local),
            Rule::LocalPartThenAddress => names.extend([local.clone(), whole(&local)]),
            Rule::AddressThenLocalPart => names.extend([whole(&local), local.clone()]),
        }
    }
    once_each(names)
}

/// Each once, in their order, as many as are offered.
pub(crate) fn once_each(names: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(&name) && kept.len() < MAX_NAMES {
            kept.push(name);
        }
    }
    kept
}

/// A local part without the quotes that only its syntax needs (RFC 5321 section 4.1.2).
pub(crate) fn unquoted(local: &str) -> String {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return local.to_owned();
    };
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        // A backslash makes the next character an ordinary one.
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rule: Rule, address: &str, tagged: bool) -> Vec<String> {
        names(rule, &EmailAddress::parse(address).unwrap(), tagged)
    }

    #[test]
    fn each_rule_makes_its_names() {
        assert_eq!(of(Rule::Address, "Ana@Example.TEST", false), ["Ana@example.test"]);
        assert_eq!(of(Rule::LocalPart, "ana@example.test", false), ["ana"]);
        assert_eq!(of(Rule::LocalPartThenAddress, "ana@example.test", false), ["ana", "ana@example.test"]);
        assert_eq!(of(Rule::AddressThenLocalPart, "ana@example.test", false), ["ana@example.test", "ana"]);
    }

    #[test]
    fn a_tag_is_left_out_where_it_is_known_to_be_one() {
        assert_eq!(of(Rule::Address, "ana+x+y@e.test", true), ["ana@e.test", "ana+x+y@e.test"]);
        assert_eq!(of(Rule::Address, "ana+x@e.test", false), ["ana+x@e.test", "ana@e.test"]);
        assert_eq!(of(Rule::LocalPart, "+x@e.test", true), ["+x"]);
        let all = of(Rule::AddressThenLocalPart, "ana+x@e.test", true);
        assert_eq!(all, ["ana@e.test", "ana", "ana+x@e.test", "ana+x"]);
    }

    #[test]
    fn quotes_are_no_part_of_a_user_name() {
        assert_eq!(of(Rule::LocalPart, r#""ana\"b"@e.test"#, false), [r#"ana"b"#]);
        assert_eq!(of(Rule::Address, r#""ana..b"@e.test"#, false), [r#""ana..b"@e.test"#]);
        assert_eq!(unquoted(r#""a\\b\""#), r"a\b");
    }

    #[test]
    fn a_domain_is_written_in_ascii() {
        assert_eq!(of(Rule::Address, "ana@bücher.example", false), ["ana@xn--bcher-kva.example"]);
    }
}
