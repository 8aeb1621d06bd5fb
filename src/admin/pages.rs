//! The pages of the admin port.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode, Version};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{host, status};
use crate::observe::{self, Scraper, Sources};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const YAML: &str = "application/yaml; charset=utf-8";

const INDEX: &str = "<!doctype html><html lang=\"en\"><title>Sluicegate</title>\
    <h1>Sluicegate</h1><ul>\
    <li><a href=\"/status\">/status</a> each target: state, queue, last error\
    <li><a href=\"/metrics\">/metrics</a> for Prometheus\
    <li><a href=\"/config\">/config</a> the settings as run, secrets masked\
    <li><a href=\"/health/live\">/health/live</a> 200 while the process runs\
    <li><a href=\"/health/ready\">/health/ready</a> 503 while it starts or stops, or cannot write its spool\
    </ul></html>\n";
const NOT_FOUND: &str = "There is no such page. See / for those that there are.\n";
const WRONG_HOST: &str = "This port answers only requests whose Host is an IP address or \
    localhost. Ask for it by its address.\n";

struct Admin {
    sources: Arc<dyn Sources>,
    scraper: Mutex<Scraper>,
}

/// All pages, behind the checks that hold for each of them.
pub(super) fn router(sources: Arc<dyn Sources>) -> Router {
    let admin = Arc::new(Admin {
        sources,
        scraper: Mutex::new(Scraper::default()),
    });
    Router::new()
        .route("/", get(|| async { page(StatusCode::OK, HTML, INDEX) }))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(show_status))
        .route("/config", get(config))
        .fallback(|| async { page(StatusCode::NOT_FOUND, TEXT, NOT_FOUND) })
        .layer(from_fn(guard))
        .with_state(admin)
}

/// Checks method and `Host`, and sets what every answer carries.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = match refusal(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}

fn refusal(request: &Request) -> Option<Response> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() || (host.is_none() && request.version() == Version::HTTP_11) {
        let text = "A request names its Host exactly once.\n";
        return Some(page(StatusCode::BAD_REQUEST, TEXT, text));
    }
    // HTTP/1.0 without a Host is no browser: simple health checks ask so.
    let host = host.map(|host| host.to_str().unwrap_or_default());
    let target = request.uri().authority().map(|target| target.as_str());
    if !host.into_iter().chain(target).all(host::is_local) {
        return Some(page(StatusCode::MISDIRECTED_REQUEST, TEXT, WRONG_HOST));
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let text = "This port only reads: GET and HEAD.\n";
        let mut refusal = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return Some(refusal);
    }
    None
}

async fn live() -> Response {
    page(StatusCode::OK, TEXT, "live\n")
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    if admin.sources.ready() {
        page(StatusCode::OK, TEXT, "ready\n")
    } else {
        let text = if admin.sources.spool().is_some_and(|spool| !spool.writable) {
            "not ready: the spool cannot be written\n"
        } else {
            "not ready: starting or stopping\n"
        };
        page(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let scraped = tokio::task::spawn_blocking(move || {
        // One scrape at a time. One that panicked leaves older numbers behind, no broken ones.
        let mut scraper = admin.scraper.lock().unwrap_or_else(PoisonError::into_inner);
        observe::render(&scraper.scrape(&*admin.sources))
    });
    match scraped.await {
        Ok(text) => page(StatusCode::OK, observe::CONTENT_TYPE, text),
        Err(_) => {
            let text = "The metrics could not be read; the log says why.\n";
            page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text)
        }
    }
}

async fn show_status(State(admin): State<Arc<Admin>>) -> Response {
    page(StatusCode::OK, JSON, status::status(&*admin.sources))
}

async fn config(State(admin): State<Arc<Admin>>) -> Response {
    let shown = admin.sources.shown_settings();
    page(StatusCode::OK, YAML, String::from(&*shown))
}

fn page(status: StatusCode, media_type: &'static str, body: impl IntoResponse) -> Response {
    (status, [(CONTENT_TYPE, media_type)], body).into_response()
}
