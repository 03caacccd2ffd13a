//! Completes the OpenAPI document: the refusals that the frame around every operation gives, and their media type.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

/// The media type of every error (RFC 9457).
const PROBLEM: &str = "application/problem+json";
/// Operations that nobody has to be signed in for. The addresses of images carry their own permission.
const OPEN: &[&str] = &[
    "/setup",
    "/session/link",
    "/images/{message}/{index}",
    "/owner-links/look",
    "/owner-links/use",
    "/owner-links/consent",
    "/owner-links/flow",
];

/// Adds to each operation what it answers besides its own results.
pub fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (reads, operation) in operations(item) {
            for (status, text) in refusals(path, reads, operation) {
                let all = &mut operation.responses.responses;
                all.entry(status.to_owned()).or_insert_with(|| RefOr::T(Response::new(text)));
            }
            for (_, response) in operation.responses.responses.iter_mut().filter(|(s, _)| s.as_str() >= "400") {
                if let RefOr::T(response) = response {
                    response.content.clear();
                    let schema = Some(Ref::from_schema_name("Problem"));
                    response.content.insert(PROBLEM.to_owned(), RefOr::T(Content::new(schema)));
                }
            }
        }
    }
}

/// The operations of a path, and whether each only reads.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let changing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    let changing = changing.into_iter().flatten().map(|operation| (false, operation));
    item.get.iter_mut().map(|operation| (true, operation)).chain(changing)
}

fn refusals(path: &str, reads: bool, operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut out = vec![
        ("400", "The request cannot be read, or has a query parameter that is not known here"),
        ("503", "The database does not answer at the moment"),
        ("504", "It took too long"),
    ];
    let open = OPEN.contains(&path) || (path == "/session" && !reads);
    if !open {
        out.push(("401", "Not signed in"));
    }
    if !reads {
        out.push(("403", "Another site's page asks, or the role does not allow it"));
    }
    if path.contains('{') {
        out.push(("404", "There is nothing, or it is not yours to see"));
    }
    if operation.request_body.is_some() {
        out.push(("413", "The body is larger than 2 MiB"));
        out.push(("415", "The body is not application/json"));
    }
    out
}
