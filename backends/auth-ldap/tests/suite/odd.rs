//! An error that the input causes is not an outage: odd input keeps nobody else out.

use std::time::Duration;

use auth_core::{Auth, DeniedKind, Password, RequestFacts};

use crate::mock::{Asked, BIND, BIND_ANSWER, DONE, Mock, Reply, SEARCH, alice, entry, result};
use crate::support::{Person, backend};

/// How many odd attempts come before another user's.
const ODD: usize = 50;

/// A directory of alice, and of odd people whose search or bind it answers as told.
async fn odd(op: u8, reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Mock {
    Mock::start(move |asked| match asked.op {
        _ if asked.op == op && asked.says("odd") => reply(asked),
        SEARCH if asked.says("odd") => {
            let odd = entry(asked.id, "uid=odd,dc=example", &[("uid", "odd"), ("entryUUID", "u-2")]);
            Reply::Say([odd, result(asked.id, DONE, 0, b"")].concat())
        }
        SEARCH => Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat()),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await
}

fn chain(mock: &Mock, limit: Duration) -> Auth<Person> {
    let directory = mock.settings().connect_timeout(Duration::from_secs(60)).operation_timeout(limit);
    let directory = directory.timeout(Duration::from_secs(60)).build().unwrap();
    Auth::builder().backend::<Password>("directory", backend(&directory)).build().unwrap()
}

async fn login(auth: &Auth<Person>, username: &str) -> Result<(), DeniedKind> {
    let answer = auth.authenticate(Password::new(username, "alicepw"), &RequestFacts::none()).await;
    answer.map(drop).map_err(|denied| denied.kind())
}

/// Whatever result code a directory answers an odd name by, it is asked about the next.
#[tokio::test]
async fn a_result_code_is_about_one_name() {
    for (op, answer) in [(SEARCH, DONE), (BIND, BIND_ANSWER)] {
        for code in (1..=123).filter(|code| !matches!(code, 4 | 49)) {
            let mock = odd(op, move |asked| Reply::Say(result(asked.id, answer, code, b""))).await;
            let auth = chain(&mock, Duration::from_secs(30));
            for _ in 0..6 {
                assert_eq!(login(&auth, "odd").await, Err(DeniedKind::Unavailable), "{op:#x}: {code}");
            }
            assert_eq!(login(&auth, "alice").await, Ok(()), "{op:#x}: {code}");
        }
    }
}

/// What standards and servers say of odd input, many times: protocolError, adminLimitExceeded, invalidDNSyntax,
/// inappropriateMatching, constraintViolation, unwillingToPerform, busy, unavailable, other.
#[tokio::test]
async fn many_odd_names_keep_nobody_out() {
    for code in [2, 11, 34, 18, 19, 53, 51, 52, 80] {
        let mock = odd(SEARCH, move |asked| Reply::Say(result(asked.id, DONE, code, b""))).await;
        let auth = chain(&mock, Duration::from_secs(30));
        for n in 0..ODD {
            assert_eq!(login(&auth, &format!("odd{n}")).await, Err(DeniedKind::Unavailable), "{code}");
        }
        assert_eq!(login(&auth, "alice").await, Ok(()), "{code}");
    }
}

/// A server that closes the connection over an odd name, or says something that makes no sense.
#[tokio::test]
async fn a_fault_over_an_odd_name_is_about_that_name() {
    for op in [SEARCH, BIND] {
        for bytes in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
            let mock = odd(op, move |_| Reply::SayAndEnd(bytes.into())).await;
            let auth = chain(&mock, Duration::from_secs(30));
            for n in 0..ODD {
                assert_eq!(login(&auth, &format!("odd{n}")).await, Err(DeniedKind::Unavailable));
            }
            assert_eq!(login(&auth, "alice").await, Ok(()), "{op:#x}: {bytes:?}");
        }
    }
}

/// A server that thinks about an odd name for ever, on every connection that asks about it.
#[tokio::test]
async fn a_slow_odd_name_is_about_that_name() {
    for op in [SEARCH, BIND] {
        let mock = odd(op, |_| Reply::Silence).await;
        let auth = chain(&mock, Duration::from_secs(2));
        let all = (0..12).map(|_| login(&auth, "odd"));
        assert!(futures_util::future::join_all(all).await.iter().all(Result::is_err));
        assert_eq!(login(&auth, "alice").await, Ok(()), "{op:#x}");
    }
}
