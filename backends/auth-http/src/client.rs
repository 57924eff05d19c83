//! Requests: one POST or GET, one bounded answer.

use auth_core::ConfigError;
use auth_core::backend::{BackendError, Health};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, Url};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::Endpoint;
use crate::error::{crowded, invalid, unanswered};

pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A client for one address.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    /// The address of its health check.
    health: Option<Url>,
    headers: HeaderMap,
    max_answer: usize,
    places: Semaphore,
}

/// The answer of the service.
pub(crate) struct Reply {
    pub(crate) status: u16,
    is_json: bool,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(
        endpoint: &Endpoint,
        http: reqwest::Client,
        url: Url,
        health: Option<Url>,
        mut headers: HeaderMap,
    ) -> Result<Self, ConfigError> {
        if endpoint.max_at_once > Semaphore::MAX_PERMITS {
            return Err(ConfigError::new("an endpoint cannot have that many requests under way"));
        }
        headers.insert(ACCEPT, HeaderValue::from_static(JSON));
        let places = Semaphore::new(endpoint.max_at_once);
        Ok(Self { http, url, health, headers, max_answer: endpoint.max_answer, places })
    }

    /// Sends a body and wipes it afterwards. Never sends it twice, because it may count as a failed login.
    pub(crate) async fn post(
        &self,
        kind: &'static str,
        body: Zeroizing<Vec<u8>>,
    ) -> Result<Reply, BackendError> {
        let _place = self.places.try_acquire().map_err(|_| crowded())?;
        let request = self.http.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, kind).body(Bytes::from_owner(body));
        self.answer(request.send().await).await
    }

    /// Gets the document. The request carries nothing but this service's credentials.
    pub(crate) async fn get(&self) -> Result<Reply, BackendError> {
        let _place = self.places.try_acquire().map_err(|_| crowded())?;
        let request = self.http.get(self.url.clone()).headers(self.headers.clone());
        self.answer(request.send().await).await
    }

    async fn answer(&self, sent: reqwest::Result<Response>) -> Result<Reply, BackendError> {
        let response = sent.map_err(unanswered)?;
        let (status, is_json) = (response.status().as_u16(), is_json(response.headers()));
        Ok(Reply { status, is_json, body: read(response, self.max_answer).await? })
    }

    /// The health of the service: by its health address if there is one, otherwise by whether it can be reached at
    /// all. The request carries nothing, not even this service's credentials.
    pub(crate) async fn health(&self) -> Health {
        let request = match &self.health {
            Some(url) => self.http.get(url.clone()),
            // RFC 9110 §9.3.7: safe, and about what the address supports.
            None => self.http.request(Method::OPTIONS, self.url.clone()),
        };
        match request.send().await.map(|response| response.status().as_u16()) {
            Ok(200..=299) if self.health.is_some() => Health::Serving,
            Ok(status) if self.health.is_none() && !is_of_gateway(status) => Health::Unknown,
            _ => Health::Down,
        }
    }
}

impl Reply {
    /// The body, if its content type is JSON: an error page of something in between is not an answer.
    pub(crate) fn json(&self) -> Result<&[u8], BackendError> {
        if self.is_json { Ok(&self.body) } else { Err(invalid("the answer is not JSON")) }
    }

    /// As [`json`](Self::json).
    pub(crate) fn into_json(self) -> Result<Vec<u8>, BackendError> {
        self.json()?;
        Ok(self.body)
    }
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, BackendError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        if chunk.len() > most - body.len() {
            return Err(invalid("the answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// RFC 9110 §15.6.3 to §15.6.5: a gateway answered, and not the service.
fn is_of_gateway(status: u16) -> bool {
    matches!(status, 502..=504)
}

/// `application/json` or `application/…+json`, once.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    kind == JSON || kind.starts_with("application/") && kind.ends_with("+json")
}
