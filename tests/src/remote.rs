//! A site in another process, over connections that are kept.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::process::Demo;
use crate::site::{Answer, Request};

/// How long a site may be too busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// Before it is asked again.
const PAUSE: Duration = Duration::from_millis(20);

type Connection = SendRequest<Full<Bytes>>;
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// One client's way to a demo.
#[derive(Debug)]
pub struct Remote {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Remote {
    /// A client of this demo.
    pub fn new(demo: &Demo) -> Self {
        Self::at(demo.address().parse().expect("an address"))
    }

    /// A client of whatever listens there.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Sends a request, on a new connection if there is none.
    ///
    /// # Errors
    /// If the connection breaks before the answer has come.
    pub async fn send(&mut self, request: &Request) -> Result<Answer> {
        let mut connection = match self.still_open().await {
            Some(open) => open,
            None => connect(self.address).await?,
        };
        let answer = exchange(&mut connection, request).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// The connection of the request before, unless the site ended it: actix-web does where it did not read a body.
    async fn still_open(&mut self) -> Option<Connection> {
        let mut open = self.connection.take()?;
        open.ready().await.is_ok().then_some(open)
    }

    /// Sends a request until the answer is another than "not now" (503): a small machine may be too busy for the
    /// site's limits for a while, which is not what is wrong with the site.
    ///
    /// # Errors
    /// As [`send`](Self::send). The last answer is a 503 if there is no other within two minutes.
    pub async fn answered(&mut self, request: &Request) -> Result<Answer> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.send(request).await?;
            if answer.status != 503 || Instant::now() >= deadline {
                return Ok(answer);
            }
            sleep(PAUSE).await;
        }
    }

    /// Logs in as a program does, with the session that the client has, if any. Gives the new session's token.
    ///
    /// # Errors
    /// As [`answered`](Self::answered); the answer if it is no.
    pub async fn login(&mut self, username: &str, password: &str, token: Option<&str>) -> Result<String> {
        let login = login(username, password);
        let answer = self.answered(&token.into_iter().fold(login, Request::cookie)).await?;
        answer.token().ok_or_else(|| format!("no session: {answer:?}").into())
    }

    /// The answer of `/api/me` to this session.
    ///
    /// # Errors
    /// As [`answered`](Self::answered).
    pub async fn me(&mut self, token: &str) -> Result<Answer> {
        self.answered(&Request::get("/api/me").cookie(token)).await
    }
}

/// A login as JSON.
pub fn login(username: &str, password: &str) -> Request {
    let body = format!(r#"{{"username": "{username}", "password": "{password}"}}"#);
    Request { body, ..Request::new("POST", "/login") }.with("content-type", "application/json")
}

async fn connect(address: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn exchange(connection: &mut Connection, request: &Request) -> Result<Answer> {
    let Request { method, target, headers, body, .. } = request;
    let mut built = hyper::Request::builder().method(method.as_str()).uri(target).header("host", "localhost");
    for (name, value) in headers {
        built = built.header(name, &value[..]);
    }
    connection.ready().await?;
    let answer = connection.send_request(built.body(body.clone().into())?).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    Ok(Answer::new(head.status.as_u16(), headers, String::from_utf8_lossy(&body).into_owned()))
}
