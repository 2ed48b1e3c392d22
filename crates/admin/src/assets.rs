//! The live page's files: part of the program, identified by their content, and not allowed to load anything from
//! elsewhere.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A file of the page.
#[derive(Clone, Copy)]
struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static str,
}

/// The page and the files that it loads.
pub(crate) fn router() -> Router {
    ASSETS.into_iter().fold(Router::new(), |router, asset| {
        router.route(
            asset.path,
            get(move |headers: HeaderMap| async move { asset.answer(&headers) }),
        )
    })
}

impl Asset {
    /// A browser asks each time, and gets a short answer if its copy is current. So an old page is never used with a
    /// new server.
    fn answer(self, headers: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = headers.get(header::IF_NONE_MATCH);
        let is_known = known.is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let mut response = if is_known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.content.into_response()
        };
        let headers = response.headers_mut();
        headers.extend(ALWAYS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// FNV-1a of the content: equal for equal files, different for different ones.
    fn tag(&self) -> String {
        let bytes = self.content.bytes();
        let hash = bytes.fold(FNV_OFFSET, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        });
        format!("\"{hash:016x}\"")
    }
}

macro_rules! asset {
    ($path:literal, $file:literal, $kind:expr) => {
        Asset {
            path: $path,
            kind: $kind,
            content: include_str!(concat!("../assets/", $file)),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";
const JS: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 19] = [
    asset!("/", "index.html", HTML),
    asset!("/assets/style.css", "style.css", CSS),
    asset!("/assets/uplot.css", "uplot.css", CSS),
    asset!("/assets/uplot.js", "uplot.js", JS),
    asset!("/assets/theme.js", "theme.js", JS),
    asset!("/assets/app.js", "app.js", JS),
    asset!("/assets/stream.js", "stream.js", JS),
    asset!("/assets/history.js", "history.js", JS),
    asset!("/assets/chart.js", "chart.js", JS),
    asset!("/assets/icon.svg", "icon.svg", SVG),
    asset!("/assets/evidence.js", "evidence.js", JS),
    asset!("/assets/closes.js", "closes.js", JS),
    asset!("/assets/panels.js", "panels.js", JS),
    asset!("/assets/session.js", "session.js", JS),
    asset!("/assets/sessions.js", "sessions.js", JS),
    asset!("/assets/kick.js", "kick.js", JS),
    asset!("/assets/causes.js", "causes.js", JS),
    asset!("/assets/causes.json", "causes.json", JSON),
    asset!("/assets/dom.js", "dom.js", JS),
];

const ALWAYS: [(header::HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-cache"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use lastword_server::Cause;

    use super::*;

    #[test]
    fn the_page_brings_an_explanation_of_every_cause_along() {
        let mut assets = ASSETS.iter();
        let causes = assets.find(|asset| asset.path == "/assets/causes.json");
        let causes: serde_json::Value = serde_json::from_str(causes.unwrap().content).unwrap();
        let causes = causes.as_array().unwrap().iter();
        let labels = causes.map(|entry| entry["cause"].as_str().unwrap());
        assert!(labels.eq(Cause::ALL.map(Cause::label)));
    }
}
