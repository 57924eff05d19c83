//! What can go wrong on the way does, and only while it is told to.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use test_servers::{FaultProxy, Way};

const DELAY: Duration = Duration::from_millis(100);
/// How long an answer may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Answers with what it is told.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    port
}

fn connect(proxy: &FaultProxy, server: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(proxy.url(&format!("127.0.0.1:{server}")))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Says `ping`, and gives what comes back.
fn ask(mut stream: &TcpStream) -> io::Result<String> {
    stream.write_all(b"ping")?;
    let mut answer = [0; 4];
    let mut length = 0;
    while length < 4 {
        match stream.read(&mut answer[length..])? {
            0 => break,
            n => length += n,
        }
    }
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

fn is_reset(answer: &io::Result<String>) -> bool {
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    answer.as_ref().is_err_and(|error| kinds.contains(&error.kind()))
}

#[test]
fn every_way() {
    let server = echo();
    let proxy = FaultProxy::before(server);
    let pass = || ask(&connect(&proxy, server).unwrap()).unwrap();
    assert_eq!(pass(), "ping");

    proxy.set(Way::Delays(DELAY));
    let began = Instant::now();
    assert_eq!(pass(), "ping");
    assert!(began.elapsed() >= DELAY);

    proxy.set(Way::Cuts(3));
    assert_eq!(pass(), "pin");

    proxy.set(Way::Answers(b"nope"));
    assert_eq!(pass(), "nope");

    proxy.set(Way::Passes);
    let open = connect(&proxy, server).unwrap();
    assert_eq!(ask(&open).unwrap(), "ping");
    proxy.set(Way::Swallows);
    open.set_read_timeout(Some(DELAY)).unwrap();
    assert_eq!(ask(&open).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.set(Way::Passes);
    assert_eq!(pass(), "ping");
    assert_eq!(ask(&open).unwrap_err().kind(), ErrorKind::WouldBlock, "what was swallowed stays dead");

    for way in [Way::Resets, Way::Refuses] {
        let open = connect(&proxy, server).unwrap();
        assert_eq!(ask(&open).unwrap(), "ping");
        proxy.set(way);
        assert!(is_reset(&ask(&open)), "{way:?}");
        let new = connect(&proxy, server);
        assert_eq!(new.is_err(), way == Way::Refuses, "{way:?}");
        assert!(new.is_err() || new.is_ok_and(|stream| is_reset(&ask(&stream))), "{way:?}");
        proxy.set(Way::Passes);
        assert_eq!(pass(), "ping", "{way:?}");
    }
}
