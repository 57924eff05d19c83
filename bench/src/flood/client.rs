//! Clients that are light beside what they ask for: one thread for all that log in, one for each that probes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What happened to logins between the first and the last moment of a run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Answered as the password deserves: 200, or 401 for a wrong one.
    pub(crate) judged: u64,
    /// 503 with `Retry-After`.
    pub(crate) refused: u64,
    /// 503 without it.
    pub(crate) unclear: u64,
    /// Anything else, broken connections included.
    pub(crate) failed: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.judged += other.judged;
        self.refused += other.refused;
        self.unclear += other.unclear;
        self.failed += other.failed;
    }
}

/// How clients behave.
#[derive(Clone, Copy)]
pub(crate) struct Flood {
    pub(crate) address: SocketAddr,
    pub(crate) clients: usize,
    pub(crate) password: &'static str,
    /// The status that this password deserves.
    pub(crate) expected: u16,
    /// Whether a client that was told to come back later does that, or tries again at once.
    pub(crate) obedient: bool,
}

/// Logs in from now until `end`; counts what is answered after `start`.
pub(crate) fn flood(flood: Flood, start: Instant, end: Instant) -> io::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..flood.clients {
            clients.spawn(client(flood, start, end));
        }
        let mut sum = Tally::default();
        while let Some(tally) = clients.join_next().await {
            sum.add(tally.map_err(io::Error::other)?);
        }
        Ok(sum)
    })
}

/// Several connections one after the other, if they break.
async fn client(flood: Flood, start: Instant, end: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < end {
        if connection(flood, start, end, &mut tally).await.is_err() && Instant::now() < end {
            tally.failed += 1;
            // A server that refuses connections is not hammered.
            sleep(Duration::from_millis(10)).await;
        }
    }
    tally
}

async fn connection(flood: Flood, start: Instant, end: Instant, tally: &mut Tally) -> io::Result<()> {
    let mut stream = tokio::net::TcpStream::connect(flood.address).await?;
    stream.set_nodelay(true)?;
    let body = format!("alice:{}", flood.password);
    let request = format!(
        "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\naccept: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut buffer = Vec::with_capacity(4096);
    while Instant::now() < end {
        stream.write_all(request.as_bytes()).await?;
        let answer = loop {
            if let Some(answer) = Answer::read(&mut buffer)? {
                break answer;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        if (start..end).contains(&Instant::now()) {
            match (answer.status, answer.retry_after) {
                (503, Some(_)) => tally.refused += 1,
                (503, None) => tally.unclear += 1,
                (status, _) if status == flood.expected => tally.judged += 1,
                _ => tally.failed += 1,
            }
        }
        if let (true, Some(pause)) = (flood.obedient, answer.retry_after) {
            sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
            // Comes back anew: servers close connections that are idle for so long (actix-web after 5 s).
            return Ok(());
        }
    }
    Ok(())
}

/// What is read of an answer.
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
}

impl Answer {
    /// Takes an answer with its body out of the buffer, if it is whole.
    fn read(buffer: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&buffer[..end]).map_err(io::Error::other)?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let len: usize = header(head, "content-length")
            .and_then(|len| len.parse().ok())
            .ok_or_else(|| io::Error::other("no content-length"))?;
        let retry_after = header(head, "retry-after").and_then(|seconds| seconds.parse().ok());
        let whole = end + 4 + len;
        if buffer.len() < whole {
            return Ok(None);
        }
        buffer.drain(..whole);
        Ok(Some(Self { status, retry_after: retry_after.map(Duration::from_secs) }))
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = pairs.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim())
}

/// How many connections probe, so that each worker thread of the server has some.
const PROBES: u32 = 4;
/// How often each of them asks.
const PROBE_EVERY: Duration = Duration::from_millis(8);

/// Asks for the public page until `end`; the times that it took, sorted.
pub(crate) fn probe(address: SocketAddr, end: Instant) -> Result<Vec<Duration>, String> {
    let start = |n: u32| {
        let first = Instant::now() + PROBE_EVERY * n / PROBES;
        thread::spawn(move || probe_on(address, first, end))
    };
    let threads: Vec<_> = (0..PROBES).map(start).collect();
    let mut times = Vec::new();
    for thread in threads {
        let probed = thread.join().map_err(|_| "a probe panicked")?;
        times.extend(probed.map_err(|error| format!("the public page failed: {error}"))?);
    }
    times.sort_unstable();
    Ok(times)
}

/// Asks at fixed times. One that comes late because the answer before was late waits from when it was due:
/// otherwise a long stall would count once, however many visitors it keeps waiting. What the timer of this thread
/// is late by is not counted.
fn probe_on(address: SocketAddr, first: Instant, end: Instant) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (mut times, mut buffer) = (Vec::new(), Vec::with_capacity(4096));
    let mut due = first;
    while due < end {
        let wait = due.saturating_duration_since(Instant::now());
        thread::sleep(wait);
        let asked = if wait.is_zero() { due } else { Instant::now() };
        stream.write_all(b"GET /static HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        let answer = loop {
            if let Some(answer) = Answer::read(&mut buffer)? {
                break answer;
            }
            let mut more = [0; 1024];
            let read = stream.read(&mut more)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer.extend_from_slice(&more[..read]);
        };
        if answer.status != 200 {
            return Err(io::Error::other(format!("status {}", answer.status)));
        }
        times.push(asked.elapsed());
        due += PROBE_EVERY;
    }
    Ok(times)
}
