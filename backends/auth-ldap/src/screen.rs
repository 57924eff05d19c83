//! A proxy between the LDAP library and a server that checks every answer.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::Failure;
use crate::message::{self, Answer, MAX_ANSWER, MAX_REQUEST, Pending, Refused};

/// Most messages fit into this, and are read at once.
const ROOM: usize = 4096;

/// Carries requests from `library` to `server` and answers back, until either closes or the server sends something
/// other than the answer to the pending request.
pub(crate) async fn carry(
    mut library: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
) -> Failure {
    let mut exchange = Exchange::default();
    let [mut requests, mut answers] = [Vec::with_capacity(ROOM), Vec::with_capacity(ROOM)];
    loop {
        let went = tokio::select! {
            read = library.read_buf(&mut requests) => match read {
                Ok(0) | Err(_) => Err(Failure::broken("the connection is no longer in use")),
                Ok(_) => exchange.requests(&mut requests, &mut server).await,
            },
            read = server.read_buf(&mut answers) => match read {
                Ok(0) => Err(Failure::broken("the server closed the connection")),
                Ok(_) => exchange.answers(&mut answers, &mut library).await,
                Err(error) => Err(broken(&error)),
            },
        };
        if let Err(failure) = went {
            // A server that gets a shutdown notices the end at once.
            _ = server.shutdown().await;
            return failure;
        }
    }
}

/// One request at a time, and its answer.
#[derive(Default)]
struct Exchange(Option<Pending>);

impl Exchange {
    async fn requests(
        &mut self,
        bytes: &mut Vec<u8>,
        server: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Failure> {
        let whole = whole(bytes, MAX_REQUEST, |request| {
            let pending = Pending::by(request)?;
            match (self.0, pending) {
                (Some(_), Some(_)) => Err(Refused::Malformed),
                (_, pending) => {
                    self.0 = self.0.or(pending);
                    Ok(())
                }
            }
        });
        let text = "more than one request was sent at a time, or a request was too long";
        let whole = whole.map_err(|_| Failure::unclear(text))?;
        send(bytes, whole, server).await
    }

    async fn answers(
        &mut self,
        bytes: &mut Vec<u8>,
        library: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Failure> {
        let mut farewell = false;
        let whole = whole(bytes, MAX_ANSWER, |answer| {
            farewell = message::is_farewell(answer);
            if self.0.as_mut().ok_or(Refused::Malformed)?.take(answer)? == Answer::Whole {
                self.0 = None;
            }
            Ok(())
        });
        let whole = whole.map_err(|refused| match refused {
            Refused::TooLong => {
                Failure::limit(format!("the server's answer has more than {MAX_ANSWER} bytes"))
            }
            Refused::Malformed if farewell => Failure::broken("the server ends the connection"),
            Refused::Malformed => Failure::nonsense("the server's answer does not match the request"),
        })?;
        send(bytes, whole, library).await
    }
}

/// The length of the complete messages at the start of `bytes`, each of which was checked.
fn whole(
    bytes: &[u8],
    limit: usize,
    mut look: impl FnMut(&[u8]) -> Result<(), Refused>,
) -> Result<usize, Refused> {
    let mut end = 0;
    while let Some(length) = message::length(&bytes[end..], limit)? {
        let Some(message) = bytes.get(end..end + length) else { break };
        look(message)?;
        end += length;
    }
    Ok(end)
}

async fn send(bytes: &mut Vec<u8>, whole: usize, to: &mut (impl AsyncWrite + Unpin)) -> Result<(), Failure> {
    to.write_all(&bytes[..whole]).await.map_err(|error| broken(&error))?;
    to.flush().await.map_err(|error| broken(&error))?;
    bytes.drain(..whole);
    Ok(())
}

pub(crate) fn broken(error: &io::Error) -> Failure {
    Failure::broken(format!("the connection to the server failed: {}", error.kind()))
}
