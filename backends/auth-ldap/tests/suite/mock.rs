//! A directory that says what it is told to say, byte for byte.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth_ldap::{Ldap, LdapBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::SOON;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: u8,
    /// The tag of the operation.
    pub(crate) op: u8,
    /// The whole message.
    pub(crate) bytes: Vec<u8>,
}

impl Asked {
    /// Whether this text is in it.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes())
    }
}

/// What becomes of it.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes.
    Say(Vec<u8>),
    /// These bytes, and the end.
    SayAndEnd(Vec<u8>),
    /// These bytes, one at a time, slowly.
    Drip(Vec<u8>),
    /// These bytes, again and again.
    Forever(Vec<u8>),
    /// Nothing.
    Silence,
}

pub(crate) const BIND: u8 = 0x60;
pub(crate) const SEARCH: u8 = 0x63;
pub(crate) const START_TLS: u8 = 0x77;
pub(crate) const BIND_ANSWER: u8 = 0x61;
pub(crate) const ENTRY: u8 = 0x64;
pub(crate) const DONE: u8 = 0x65;
pub(crate) const EXTENDED: u8 = 0x78;

pub(crate) struct Mock {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Mock {
    /// A server that answers each request as told.
    pub(crate) async fn start(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&asked), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&reply)));
            }
        });
        Self { port, asked }
    }

    /// A directory in which everybody is alice, and whose answer to her bind is told.
    pub(crate) async fn answering(bind: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(move |asked| match asked.op {
            SEARCH => Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat()),
            _ => bind(asked),
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// All that was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Settings for it, in the clear, with limits that are beyond any machine's slowness.
    pub(crate) fn settings(&self) -> LdapBuilder {
        Ldap::builder("mock")
            .server(self.url())
            .insecure_without_tls()
            .anonymous_search()
            .users("dc=example", "(uid={username})")
            .connect_timeout(SOON)
            .operation_timeout(SOON)
            .timeout(SOON)
    }

    pub(crate) fn directory(&self) -> Ldap {
        self.settings().build().unwrap()
    }

    /// With short limits: where all that is waited for is that nothing comes. A busy machine makes them shorter
    /// still, and the answer is the same.
    pub(crate) fn impatient(&self) -> Ldap {
        let short = Duration::from_millis(200);
        self.settings().connect_timeout(short).operation_timeout(short).build().unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Asked>>>,
    reply: Arc<impl Fn(&Asked) -> Reply>,
) -> std::io::Result<()> {
    loop {
        let asked = read(&mut stream).await?;
        log.lock().unwrap().push(asked.clone());
        match reply(&asked) {
            Reply::Say(bytes) => stream.write_all(&bytes).await?,
            Reply::SayAndEnd(bytes) => return stream.write_all(&bytes).await,
            Reply::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Reply::Forever(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Reply::Silence => {}
        }
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let mut bytes = vec![0; 2];
    stream.read_exact(&mut bytes).await?;
    let digits = usize::from(bytes[1]).saturating_sub(0x80);
    let mut length = vec![0; digits];
    stream.read_exact(&mut length).await?;
    let content = match digits {
        0 => bytes[1].into(),
        _ => length.iter().fold(0, |number, digit| number << 8 | usize::from(*digit)),
    };
    bytes.extend(length);
    let start = bytes.len();
    bytes.resize(start + content, 0);
    stream.read_exact(&mut bytes[start..]).await?;
    // A number that is small enough for one byte, and then the operation.
    Ok(Asked { id: bytes[start + 2], op: bytes[start + 3], bytes })
}

pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

pub(crate) fn message(id: u8, op: u8, content: &[u8]) -> Vec<u8> {
    element(0x30, &[&[2, 1, id][..], &element(op, content)].concat())
}

/// A result with this code and text.
pub(crate) fn result(id: u8, op: u8, code: u8, text: &[u8]) -> Vec<u8> {
    message(id, op, &[&[10, 1, code, 4, 0][..], &element(4, text)].concat())
}

/// An entry of one value for each attribute.
pub(crate) fn entry(id: u8, dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let attributes: Vec<_> =
        attributes.iter().map(|(name, value)| (*name, vec![(*value).to_owned()])).collect();
    entry_with(id, dn, &attributes)
}

/// An entry of any number of values for each attribute.
pub(crate) fn entry_with(id: u8, dn: &str, attributes: &[(&str, Vec<String>)]) -> Vec<u8> {
    let attribute = |(name, values): &(&str, Vec<String>)| {
        let values: Vec<u8> = values.iter().flat_map(|value| element(4, value.as_bytes())).collect();
        element(0x30, &[element(4, name.as_bytes()), element(0x31, &values)].concat())
    };
    let attributes: Vec<u8> = attributes.iter().flat_map(attribute).collect();
    message(id, ENTRY, &[element(4, dn.as_bytes()), element(0x30, &attributes)].concat())
}

/// The end of a page, and the place behind it (RFC 2696 §2): nothing is behind the last one.
pub(crate) fn page_end(id: u8, cookie: &[u8]) -> Vec<u8> {
    let value = element(0x30, &[&[2, 1, 0][..], &element(4, cookie)].concat());
    page_end_with(id, &value)
}

/// The same with any value of the control.
pub(crate) fn page_end_with(id: u8, value: &[u8]) -> Vec<u8> {
    let control = element(0x30, &[element(4, b"1.2.840.113556.1.4.319"), element(4, value)].concat());
    let done = element(DONE, &[10, 1, 0, 4, 0, 4, 0]);
    element(0x30, &[&[2, 1, id][..], &done, &element(0xA0, &control)].concat())
}

pub(crate) fn alice(id: u8) -> Vec<u8> {
    entry(id, "uid=alice,dc=example", &[("uid", "alice"), ("entryUUID", "u-1")])
}
