//! The page of a preview, over HTTP on loopback.
//!
//! Guarantees: whoever does not know the address that was printed is answered nothing: each path begins with a key of 160
//! random bits, a request by another name than this machine's own (DNS rebinding) or on behalf of another site's page is
//! refused, and no other origin may read an answer. The page runs the scripts that it came with only; the letter stands in a sandbox
//! without scripts, forms and frames, and fetches nothing but what is asked for by `images`. Leaves to others: what is shown
//! (`desk`).

use super::super::cli::PreviewArgs;
use super::super::exit::{Exit, Failure};
use super::super::send::prepare;
use super::super::signals::Signals;
use super::desk::Desk;
use crate::engine::table::manifest::hex;
use crate::observe::terminal;
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The page; `NONCE` stands where its scripts and styles are let in.
const PAGE: &str = include_str!("page.html");
/// How often it is looked whether the end was asked for.
const LOOK: Duration = Duration::from_millis(50);
/// Requests that wait for the desk.
const WAITING_MAX: usize = 32;
/// Octets of the key.
const KEY_OCTETS: usize = 20;

/// Serves the page until the end is asked for.
///
/// # Errors
/// The address cannot be listened on.
pub fn run(desk: Desk, args: &PreviewArgs, signals: &Signals) -> Result<Exit, Failure> {
    let key = prepare::random_key()?;
    let key = hex(key.get(..KEY_OCTETS).unwrap_or(&key));
    let (ask, asked) = mpsc::channel(WAITING_MAX);
    let desk = spawn(desk, asked)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the page cannot be served: {e}")))?;
    signals.engage()?;
    let served = runtime.block_on(serve(args, key, ask, signals));
    // What the desk was asked by goes with the runtime; its folder goes with the desk.
    drop(runtime);
    let ended = desk.join();
    served?;
    ended.map_err(|_| Failure::failed("the desk of the preview panicked"))?;
    Ok(Exit::Settled)
}

async fn serve(args: &PreviewArgs, key: String, ask: mpsc::Sender<Asked>, signals: &Signals) -> Result<(), Failure> {
    let cannot = |e: std::io::Error| {
        let hint = "hint: --listen 127.0.0.1:0 takes a port that is free";
        Failure::failed(format!("{} cannot be listened on: {e}\n{hint}", args.listen))
    };
    let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let url = format!("http://{address}/{key}/");
    let said = format!("The letter of {}, row by row, is shown here; Ctrl-C ends it:\n", args.campaign.display());
    terminal::print(said.as_bytes());
    super::super::print_last(&format!("{url}\n"))?;
    if args.open {
        super::open(&url);
    }
    let page = Page { key, hosts: hosts(address), row: args.row.clone().unwrap_or_default(), ask };
    let router = Router::new().fallback(answer).with_state(Arc::new(page));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    while signals.ends() == 0 && !server.is_finished() {
        tokio::time::sleep(LOOK).await;
    }
    server.abort();
    terminal::notice(b"The page is closed.\n");
    Ok(())
}

/// The names by which this page may be asked for.
fn hosts(address: SocketAddr) -> Vec<String> {
    vec![address.to_string(), format!("localhost:{}", address.port())]
}

/// What is asked of the desk, and where the answer goes.
struct Asked {
    what: What,
    answer: oneshot::Sender<Answer>,
}

enum What {
    Edition,
    Show { row: String, after: usize },
    Frame { number: usize, dark: bool },
}

enum Answer {
    Json(String),
    Html(Result<String, String>),
}

/// Begins the thread that reads files and makes letters, one request after the other.
fn spawn(mut desk: Desk, mut asked: mpsc::Receiver<Asked>) -> Result<JoinHandle<()>, Failure> {
    let builder = std::thread::Builder::new().name("preview".to_owned());
    let work = move || {
        while let Some(Asked { what, answer }) = asked.blocking_recv() {
            // Whoever asked may be gone.
            let _ = answer.send(match what {
                What::Edition => Answer::Json(format!("{{\"edition\":{}}}", desk.refresh())),
                What::Show { row, after } => Answer::Json(desk.show(&row, after).to_string()),
                What::Frame { number, dark } => Answer::Html(desk.frame(number, dark)),
            });
        }
    };
    builder.spawn(work).map_err(|e| Failure::failed(format!("no thread can be started: {e}")))
}

/// What all answers need.
struct Page {
    key: String,
    hosts: Vec<String>,
    row: String,
    ask: mpsc::Sender<Asked>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    row: String,
    after: usize,
    dark: u8,
    images: u8,
}

async fn answer(State(page): State<Arc<Page>>, request: Request) -> Response {
    if let Some(refusal) = refusal(&page, &request) {
        return refusal;
    }
    let path = request.uri().path();
    let Some(name) = path.strip_prefix('/').and_then(|rest| rest.strip_prefix(&page.key)?.strip_prefix('/')) else {
        return plain(StatusCode::NOT_FOUND, "not found");
    };
    let wanted = Query::<Wanted>::try_from_uri(request.uri()).map(|query| query.0).unwrap_or_default();
    match name {
        "" => page_itself(&page),
        "edition.json" => json(&page, What::Edition).await,
        "letter.json" => json(&page, What::Show { row: wanted.row, after: wanted.after }).await,
        "letter.html" => letter(&page, &wanted).await,
        _ => plain(StatusCode::NOT_FOUND, "not found"),
    }
}

/// Why a request gets no answer, whatever it asks for.
fn refusal(page: &Page, request: &Request) -> Option<Response> {
    let header = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some(plain(StatusCode::METHOD_NOT_ALLOWED, "this page is read only"));
    }
    // A name that leads here is not enough: another site's page may have given it this address.
    let host = header(&HOST).unwrap_or_default();
    if !page.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        return Some(plain(StatusCode::MISDIRECTED_REQUEST, "this page has another name"));
    }
    let site = header(&HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
    if !matches!(site, "same-origin" | "none") {
        return Some(plain(StatusCode::FORBIDDEN, "this page is shown to nobody else's"));
    }
    None
}

fn page_itself(page: &Page) -> Response {
    let nonce = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let row = serde_json::to_string(&page.row).unwrap_or_default().replace('<', "\\u003c");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; \
         frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    respond(
        StatusCode::OK,
        "text/html; charset=utf-8",
        &policy,
        PAGE.replace("NONCE", &nonce).replace("\"FIRST_ROW\"", &row),
    )
}

async fn json(page: &Page, what: What) -> Response {
    match ask(page, what).await {
        Some(Answer::Json(text)) => respond(StatusCode::OK, "application/json", "default-src 'none'", text),
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "the preview is ending"),
    }
}

async fn letter(page: &Page, wanted: &Wanted) -> Response {
    let Ok(number) = wanted.row.parse() else { return plain(StatusCode::NOT_FOUND, "no such row") };
    match ask(page, What::Frame { number, dark: wanted.dark != 0 }).await {
        Some(Answer::Html(Ok(html))) => {
            respond(StatusCode::OK, "text/html; charset=utf-8", &letter_policy(wanted.images != 0), html)
        }
        Some(Answer::Html(Err(why))) => plain(StatusCode::OK, &why),
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "the preview is ending"),
    }
}

/// What a letter may do: show itself, and open links elsewhere when they are clicked.
fn letter_policy(images: bool) -> String {
    let from = if images { " https: http:" } else { "" };
    format!(
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'{from}; img-src data:{from}; \
         font-src data:{from}; media-src data:{from}; form-action 'none'; frame-ancestors 'self'"
    )
}

async fn ask(page: &Page, what: What) -> Option<Answer> {
    let (answer, answered) = oneshot::channel();
    page.ask.send(Asked { what, answer }).await.ok()?;
    answered.await.ok()
}

fn plain(status: StatusCode, text: &str) -> Response {
    respond(status, "text/plain; charset=utf-8", "default-src 'none'; frame-ancestors 'self'", text.to_owned())
}

fn respond(status: StatusCode, kind: &'static str, policy: &str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        // The address is the key: it is told to nobody whose link is followed.
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}
