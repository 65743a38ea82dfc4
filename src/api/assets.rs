//! The browser game: the files of `static/`, which are in the binary (a debug build reads them from the folder), under a policy
//! that runs nothing else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, Header, Preference,
    Quality, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::answer::Answer;
use super::code::Code;
use super::condition::{etag, not_modified};
use super::explain::clip;
use super::problem::Problem;
use crate::hex::hex;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// Scripts and styles come from files of the server's own; texts never become markup; nobody frames the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// The page.
pub async fn index(request: HttpRequest) -> Answer {
    answer(&request, "index.html")
}

/// A file of the page.
pub async fn file(request: HttpRequest, path: web::Path<(String, String)>) -> Answer {
    let (folder, name) = path.into_inner();
    answer(&request, &format!("{folder}/{name}"))
}

/// What browsers and machines look for beside the page.
pub async fn beside(request: HttpRequest, name: web::Path<String>) -> Answer {
    answer(&request, &name)
}

fn answer(request: &HttpRequest, path: &str) -> Answer {
    let missing = || Problem::new(Code::NotFound, format!("There is no file {}. The game begins at /.", clip(path)));
    // In a debug build a path could lead out of the folder.
    if path.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Err(missing());
    }
    let file = Files::get(path).ok_or_else(missing)?;
    let hash = file.metadata.sha256_hash();
    let gzip = takes_gzip(request);
    // Other bytes have another tag.
    let tag = hex(&hash[..12]) + if gzip { "-gzip" } else { "" };
    let fresh = not_modified(request, &tag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(etag(&tag));
    // Asked for anew each time, so that a new server's game is never half an old one.
    response.insert_header((CACHE_CONTROL, "public, no-cache"));
    response.insert_header((VARY, "Accept-Encoding"));
    response.insert_header((CONTENT_SECURITY_POLICY, POLICY));
    if fresh {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, media_type(path)));
    if !gzip {
        return Ok(response.body(bytes(file)));
    }
    response.insert_header((CONTENT_ENCODING, "gzip"));
    Ok(response.body(squeezed(hash, file)))
}

/// Whether the client takes gzip, and prefers it to no coding or likes both the same. A client that takes neither gets the file as it is.
fn takes_gzip(request: &HttpRequest) -> bool {
    let Ok(AcceptEncoding(accepted)) = AcceptEncoding::parse(request) else { return false };
    let quality = |named: &dyn Fn(&str) -> bool| {
        let items = accepted.iter().filter(|each| match &each.item {
            Preference::Any => named("*"),
            Preference::Specific(coding) => named(&coding.to_string()),
        });
        items.map(|each| each.quality).max()
    };
    let any = quality(&|name| name == "*");
    let gzip = quality(&|name| ["gzip", "x-gzip"].iter().any(|gzip| name.eq_ignore_ascii_case(gzip)));
    let plain = quality(&|name| name.eq_ignore_ascii_case("identity"));
    let gzip = gzip.or(any).unwrap_or(Quality::ZERO);
    gzip > Quality::ZERO && gzip >= plain.unwrap_or(Quality::ZERO)
}

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// A file as it travels. Each is compressed once; there are as many as `static/` has, and in a debug build those that were edited.
fn squeezed(hash: [u8; 32], file: EmbeddedFile) -> Bytes {
    static DONE: LazyLock<Mutex<HashMap<[u8; 32], Bytes>>> = LazyLock::new(Mutex::default);
    let known = DONE.lock().get(&hash).cloned();
    if let Some(known) = known {
        return known;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail.
    let _ = encoder.write_all(&file.data);
    let squeezed = Bytes::from(encoder.finish().unwrap_or_default());
    DONE.lock().insert(hash, squeezed.clone());
    squeezed
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
