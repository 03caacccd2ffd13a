//! Terms and queries in the words of each engine: FTS5, and `tsvector` with `tsquery`.
//!
//! Beside the words there are terms for whose a message is: `w:` workspace, `a:` account, and `h:1` where files hang on it. They
//! spare the work of looking at what cannot be meant; that nobody sees what is not theirs is asked of the rows again.
//!
//! For FTS5 the short beginnings of words are terms as well, `p:`, each once a message: put together from those of a thousand words
//! they took half a second, and its own lists of beginnings hold every place of every word, at three times the writing.

use crate::accounts::AccountId;
use crate::team::Scope;
use db::Engine;
use mail::terms::{Clause, Document, Field, GAP, Query};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Places that PostgreSQL knows: what is later in a message is at the last one.
const LAST_PLACE: usize = 16_383;
/// How many places of one term it keeps.
const KEPT_PLACES: usize = 255;
/// Before a term that is there more often: it may stand in a row with others where nobody knows.
const OFTEN: &str = "m:";
/// Messages with files.
const WITH_FILES: &str = "h:1";

fn of_workspace(scope: &Scope) -> String {
    format!("w:{}", scope.workspace_id().0.simple())
}

fn of_account(account: AccountId) -> String {
    format!("a:{}", account.0.simple())
}

/// What is stored of a message. Made before the transaction that stores it: it takes as long as some of its statements.
#[must_use]
pub fn document(
    engine: Engine,
    scope: &Scope,
    (account, has_attachments): (AccountId, bool),
    terms: &Document,
) -> String {
    let (workspace, account) = (of_workspace(scope), of_account(account));
    let whose = [workspace.as_str(), &account, if has_attachments { WITH_FILES } else { GAP }, GAP];
    match engine {
        Engine::Sqlite => {
            let mut out = format!("{} {} {GAP}", whose.join(" "), terms.as_text());
            for beginning in terms.beginnings(SHORT) {
                out.push_str(" p:");
                out.push_str(beginning);
            }
            out
        }
        Engine::Postgres => vector(whose.into_iter().chain(terms.terms())),
    }
}

/// How long a beginning is that has a term of its own, in characters.
const SHORT: [usize; 2] = [2, 3];

/// Each term once, with its places. In PostgreSQL's order of them, which it then need not find.
fn vector<'t>(terms: impl Iterator<Item = &'t str>) -> String {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut found: Vec<(Cow<'t, str>, Vec<usize>)> = vec![];
    for (i, term) in terms.enumerate().filter(|(_, term)| *term != GAP) {
        let at = *known.entry(term).or_insert(found.len());
        if at == found.len() {
            found.push((term.into(), vec![]));
        }
        if let Some((_, places)) = found.get_mut(at) {
            places.push((i + 1).min(LAST_PLACE));
        }
    }
    let often = found.iter().filter(|(_, places)| places.len() > KEPT_PLACES);
    let often: Vec<_> = often.map(|(term, _)| (format!("{OFTEN}{term}").into(), vec![])).collect();
    found.extend(often);
    found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut out = String::new();
    for (term, places) in found {
        let mut between = ':';
        out.push_str(&lexeme(&term));
        for place in places.into_iter().take(KEPT_PLACES) {
            let _ = write!(out, "{between}{place}");
            between = ',';
        }
        out.push(' ');
    }
    out
}

/// In quotes of PostgreSQL's own.
fn lexeme(term: &str) -> String {
    format!("'{}'", term.replace('\\', "\\\\").replace('\'', "''"))
}

/// Whose mail is looked through.
#[derive(Debug, Clone)]
pub enum Whose {
    /// All of the workspace's.
    Workspace,
    /// That of these accounts; at least one.
    Accounts(Vec<AccountId>),
}

/// What the index is asked.
pub fn question(engine: Engine, scope: &Scope, whose: &Whose, query: &Query) -> String {
    let one = |term: String| row(engine, &[term], false);
    let whose = match whose {
        Whose::Workspace => one(of_workspace(scope)),
        Whose::Accounts(all) => {
            let all: Vec<String> = all.iter().map(|id| one(of_account(*id))).collect();
            format!("({})", all.join(or(engine)))
        }
    };
    let files = || one(WITH_FILES.to_owned());
    let of = |clause: &Clause| {
        if let (Engine::Sqlite, true, Field::Any, [word]) = (engine, clause.prefix, clause.field, &clause.terms[..])
            && SHORT.contains(&word.chars().count())
        {
            return one(format!("p:{word}"));
        }
        let terms: Vec<String> = clause.terms.iter().map(|t| format!("{}{t}", clause.field.prefix())).collect();
        let row = row(engine, &terms, clause.prefix);
        match engine {
            // Rather shown than left out.
            Engine::Postgres if terms.len() > 1 && !clause.negated => {
                format!("({row} | {})", anywhere(&terms, clause.prefix))
            }
            _ => row,
        }
    };
    let (without, with): (Vec<&Clause>, Vec<&Clause>) = query.clauses.iter().partition(|c| c.negated);
    let mut all = vec![whose];
    all.extend(with.into_iter().map(of));
    all.extend(query.filters.attachment.filter(|has| *has).map(|_| files()));
    let mut none: Vec<String> = without.into_iter().map(of).collect();
    none.extend(query.filters.attachment.filter(|has| !*has).map(|_| files()));
    let (all, none) = (all.join(and(engine)), none.join(or(engine)));
    match engine {
        _ if none.is_empty() => all,
        Engine::Sqlite => format!("({all}) NOT ({none})"),
        Engine::Postgres => format!("{all} & !({none})"),
    }
}

const fn and(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => " AND ",
        Engine::Postgres => " & ",
    }
}

const fn or(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => " OR ",
        Engine::Postgres => " | ",
    }
}

/// For PostgreSQL: all of the terms, one of them more often than it keeps their places.
fn anywhere(terms: &[String], prefix: bool) -> String {
    let all = |before: &str, between: &str| {
        let all: Vec<String> = terms.iter().map(|t| lexeme(&format!("{before}{t}"))).collect();
        format!("{}{}", all.join(between), if prefix { ":*" } else { "" })
    };
    format!("{} & ({})", all("", " & "), all(OFTEN, " | "))
}

/// Terms in a row; of the last one only the beginning when asked.
fn row(engine: Engine, terms: &[String], prefix: bool) -> String {
    match engine {
        Engine::Sqlite => {
            let terms: Vec<String> = terms.iter().map(|t| t.replace('"', "\"\"")).collect();
            format!("\"{}\"{}", terms.join(" "), if prefix { " *" } else { "" })
        }
        Engine::Postgres => {
            let terms: Vec<String> = terms.iter().map(|t| lexeme(t)).collect();
            format!("({}{})", terms.join(" <-> "), if prefix { ":*" } else { "" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::team::WorkspaceId;
    use uuid::Uuid;

    #[test]
    fn a_query_is_quoted_for_each_engine() {
        let scope = Scope::of(WorkspaceId(Uuid::from_u128(1)));
        let query = Query::parse("\"your quote\" -draft has:attachment from:ana invo");
        let both = [Engine::Sqlite, Engine::Postgres].map(|e| question(e, &scope, &Whose::Workspace, &query));
        let w = "w:00000000000000000000000000000001";
        assert_eq!(
            both[0],
            format!("(\"{w}\" AND \"your quote\" AND \"f:ana\" AND \"invo\" * AND \"h:1\") NOT (\"draft\")")
        );
        assert_eq!(
            both[1],
            format!(
                "('{w}') & (('your' <-> 'quote') | 'your' & 'quote' & ('m:your' | 'm:quote')) & ('f:ana') & ('invo':*) & ('h:1') & !(('draft'))"
            )
        );
    }

    #[test]
    fn short_beginnings_are_terms_of_fts5() {
        let scope = Scope::of(WorkspaceId(Uuid::from_u128(1)));
        let ask = |typed| question(Engine::Sqlite, &scope, &Whose::Workspace, &Query::parse(typed));
        assert!(ask("in").ends_with("AND \"p:in\""), "{}", ask("in"));
        assert!(ask("inv").ends_with("AND \"p:inv\""), "{}", ask("inv"));
        assert!(ask("invo").ends_with("AND \"invo\" *"), "{}", ask("invo"));
        assert!(ask("from:an").ends_with("AND \"f:an\" *"), "{}", ask("from:an"));
    }

    #[test]
    fn places_are_those_of_the_terms_in_a_row() {
        assert_eq!(vector(["a", GAP, "it's", "a", "\\"].into_iter()), "'\\\\':5 'a':1,4 'it''s':3 ");
    }

    #[test]
    fn what_is_there_too_often_is_said_to_be() {
        let of = |times| vector(std::iter::repeat_n("x", times));
        assert!(of(255).ends_with(",255 ") && !of(255).contains("m:"), "{}", of(255));
        assert_eq!(of(256), format!("'m:x' {}", of(255)));
    }
}
