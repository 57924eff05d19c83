//! What browsers and programs send by themselves.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request};
use url::Url;

/// As what the client behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A browser, on a page of the site.
    Browser,
    /// A browser, on the page of another site.
    OtherSite(String),
    /// A program, which sends neither Fetch Metadata nor an origin.
    Program,
}

/// Why a browser sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To show what comes: a link, a form.
    Navigate,
    /// For a script.
    Fetch,
}

const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

impl Manner {
    /// The headers that are added to a request which has none of these names.
    pub(crate) fn headers(
        &self,
        request: &Request<Bytes>,
        intent: Intent,
        site: &Url,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let host = &site[url::Position::BeforeHost..url::Position::AfterPort];
        let mut headers = vec![(header::HOST, host.to_owned())];
        let own = site.origin().ascii_serialization();
        match self {
            Self::Program => headers.push((header::ACCEPT, "application/json".to_owned())),
            Self::Browser => headers.extend(of_browser(request, intent, "same-origin", &own)),
            Self::OtherSite(origin) => headers.extend(of_browser(request, intent, "cross-site", origin)),
        }
        headers.into_iter().filter_map(|(name, text)| Some((name, text.try_into().ok()?))).collect()
    }
}

/// Fetch Metadata (W3C), and the origin of what is no plain reading (Fetch §3.1).
fn of_browser(
    request: &Request<Bytes>,
    intent: Intent,
    site: &str,
    origin: &str,
) -> Vec<(HeaderName, String)> {
    let (accept, mode, dest) = match intent {
        Intent::Navigate => (PAGE, "navigate", "document"),
        Intent::Fetch => ("*/*", "cors", "empty"),
    };
    let named = |name, value: &str| (HeaderName::from_static(name), value.to_owned());
    let mut headers = vec![
        (header::ACCEPT, accept.to_owned()),
        named("sec-fetch-site", site),
        named("sec-fetch-mode", mode),
        named("sec-fetch-dest", dest),
    ];
    if intent == Intent::Navigate {
        headers.push(named("sec-fetch-user", "?1"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        headers.push((header::ORIGIN, origin.to_owned()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The site, mode, destination and origin that a request is sent with, and what it accepts.
    fn sent(manner: &Manner, method: Method, intent: Intent) -> [String; 5] {
        let site = Url::parse("https://shop.example:8443").unwrap();
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        let headers = manner.headers(&request, intent, &site);
        let value = |name: &str| {
            let found = headers.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        assert_eq!(value("host"), "shop.example:8443");
        let accept = value("accept").split(',').next().unwrap().to_owned();
        [value("sec-fetch-site"), value("sec-fetch-mode"), value("sec-fetch-dest"), value("origin"), accept]
    }

    #[test]
    fn requests_are_as_browsers_send_them() {
        let own = "https://shop.example:8443";
        let other = Manner::OtherSite("https://evil.example".into());
        let (page, fetch) = (Intent::Navigate, Intent::Fetch);
        let table = [
            (Manner::Browser, Method::GET, page, ["same-origin", "navigate", "document", "", "text/html"]),
            (Manner::Browser, Method::POST, page, ["same-origin", "navigate", "document", own, "text/html"]),
            (Manner::Browser, Method::PUT, fetch, ["same-origin", "cors", "empty", own, "*/*"]),
            (
                other.clone(),
                Method::POST,
                page,
                ["cross-site", "navigate", "document", "https://evil.example", "text/html"],
            ),
            (other, Method::GET, fetch, ["cross-site", "cors", "empty", "", "*/*"]),
            (Manner::Program, Method::POST, fetch, ["", "", "", "", "application/json"]),
        ];
        for (manner, method, intent, expected) in table {
            assert_eq!(sent(&manner, method.clone(), intent), expected, "{manner:?} {method}");
        }
    }
}
