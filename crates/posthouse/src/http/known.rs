//! Query parameters that an operation does not have are refused, by what the OpenAPI document says of it: a misspelt
//! filter would otherwise answer as if it had been heard.

use super::error::ApiError;
use axum::extract::{MatchedPath, Query, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

/// The names of the query parameters of each operation: its path in the document and its method.
#[derive(Debug, Clone)]
pub struct Parameters(Arc<HashMap<(String, Method), Vec<String>>>);

impl Parameters {
    /// Of every operation in the document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let mut all = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ] {
                if let Some(operation) = operation {
                    all.insert((path.clone(), method), names(operation));
                }
            }
        }
        Self(Arc::new(all))
    }

    /// Those of the operation that this request asks for.
    fn asked(&self, request: &Request) -> Option<&[String]> {
        let matched = request.extensions().get::<MatchedPath>()?;
        let path = matched.as_str().strip_prefix("/api/v1")?;
        // What answers GET answers HEAD.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        self.0.get(&(path.to_owned(), method.clone())).map(Vec::as_slice)
    }
}

fn names(operation: &Operation) -> Vec<String> {
    let all = operation.parameters.iter().flatten().filter_map(|p| match p {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    all.filter(|p| matches!(p.parameter_in, ParameterIn::Query)).map(|p| p.name.clone()).collect()
}

/// Refuses a request with a query parameter that its operation does not have.
pub async fn layer(parameters: Parameters, request: Request, next: Next) -> Response {
    match parameters.asked(&request).and_then(|known| refused(&request, known)) {
        Some(refused) => refused.into_response(),
        None => next.run(request).await,
    }
}

fn refused(request: &Request, known: &[String]) -> Option<ApiError> {
    match Query::<Vec<(String, String)>>::try_from_uri(request.uri()) {
        Ok(Query(pairs)) => {
            let unknown = pairs.into_iter().find(|(name, _)| !known.contains(name));
            unknown.map(|(name, _)| refusal(&name, known))
        }
        Err(e) => Some(e.into()),
    }
}

fn refusal(name: &str, known: &[String]) -> ApiError {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let quoted: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    let detail = match quoted.as_slice() {
        [] => format!("There is no query parameter `{shown}` here; this address takes none."),
        [only] => format!("There is no query parameter `{shown}` here, expected {only}."),
        several => format!("There is no query parameter `{shown}` here, expected one of {}.", several.join(", ")),
    };
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
}
