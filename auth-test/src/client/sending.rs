//! How requests get to the application, and where redirects lead.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Uri};
use url::Url;

use super::browser::Intent;
use super::{App, Client, Response};

/// After so many redirects a browser gives up.
const MAX_REDIRECTS: usize = 20;

impl<A: App> Client<A> {
    #[track_caller]
    pub(super) fn plain(&self, method: Method, path: &str) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = target(&self.origin, path);
        request
    }

    pub(super) async fn send(&self, mut request: Request<Bytes>, intent: Intent) -> Response {
        for _ in 0..=MAX_REDIRECTS {
            let again = request.clone();
            let response = self.send_once(request, intent).await;
            let Some(next) = self.next(again, &response) else { return response };
            request = next;
        }
        panic!("the application redirects in a circle")
    }

    async fn send_once(&self, mut request: Request<Bytes>, intent: Intent) -> Response {
        let what = format!("{} {}", request.method(), request.uri());
        self.add_headers(&mut request, intent);
        self.add_cookies(&mut request);
        request.extensions_mut().insert(self.address);
        let response = self.app.answer(request).await;
        let mut jar = self.jar();
        let lines = response.headers().get_all(header::SET_COOKIE).iter();
        lines.filter_map(|line| line.to_str().ok()).for_each(|line| jar.take(line));
        Response::new(what, response)
    }

    /// The request's own headers count first, then the client's, then those of its manner.
    fn add_headers(&self, request: &mut Request<Bytes>, intent: Intent) {
        let of_manner = self.manner.headers(request, intent, &self.origin);
        let mut headers = self.headers.clone();
        for (name, value) in of_manner {
            headers.entry(name).or_insert(value);
        }
        let own = request.headers_mut();
        for name in headers.keys().filter(|name| !own.contains_key(*name)).cloned().collect::<Vec<_>>() {
            own.extend(headers.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
        }
    }

    fn add_cookies(&self, request: &mut Request<Bytes>) {
        let line = self.jar().line(request.uri().path());
        if let Some(Ok(line)) = line.map(HeaderValue::try_from) {
            request.headers_mut().append(header::COOKIE, line);
        }
    }

    /// What a browser sends where it is redirected to (RFC 9110 §15.4).
    fn next(&self, mut request: Request<Bytes>, response: &Response) -> Option<Request<Bytes>> {
        let location = response.location().filter(|_| self.follows)?;
        if !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let here = self.origin.join(&request.uri().to_string()).ok()?;
        let there = here.join(location).ok().filter(|there| there.origin() == self.origin.origin())?;
        *request.uri_mut() = target(&self.origin, there.as_str());
        if response.status() < 307 && *request.method() != Method::HEAD {
            *request.method_mut() = Method::GET;
            *request.body_mut() = Bytes::new();
            request.headers_mut().remove(header::CONTENT_TYPE);
        }
        Some(request)
    }
}

/// Path and query, as servers are sent them.
#[track_caller]
fn target(site: &Url, path: &str) -> Uri {
    let url = site.join(path).unwrap_or_else(|error| panic!("{path:?} is no path: {error}"));
    assert!(url.origin() == site.origin(), "{path:?} is on another site than {site}");
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    target.parse().unwrap_or_else(|error| panic!("{path:?} is no path: {error}"))
}
