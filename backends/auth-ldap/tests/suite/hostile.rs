//! A directory that is broken, or worse.

use auth_core::backend::{Confirm as _, DeclineReason};
use test_servers::OpenLdap;
use tokio::time::timeout;

use crate::mock::{
    BIND, BIND_ANSWER, DONE, ENTRY, EXTENDED, Mock, Reply, SEARCH, alice, element, message, result,
};
use crate::support::{SOON, UNAVAILABLE, declined, directory, told};

/// Of all result codes one lets in, and one is a wrong password.
#[tokio::test]
async fn one_code_is_success() {
    for code in 0..=123 {
        let mock = Mock::answering(move |asked| Reply::Say(result(asked.id, BIND_ANSWER, code, b""))).await;
        let expected = match code {
            0 => Ok("alice".to_owned()),
            49 => Err(declined(DeclineReason::WrongSecret)),
            _ => Err(UNAVAILABLE),
        };
        assert_eq!(told(&mock.directory(), "alice", "alicepw").await, expected, "{code}");
    }
}

/// The same success as the answer to something else, or for somebody else.
#[tokio::test]
async fn success_of_something_else_is_none() {
    for op in (0..=0xFF).filter(|op| *op != BIND_ANSWER) {
        let mock = Mock::answering(move |asked| Reply::Say(result(asked.id, op, 0, b""))).await;
        assert_eq!(told(&mock.impatient(), "alice", "alicepw").await, Err(UNAVAILABLE), "{op:#x}");
    }
    for other in [0, 1, 3, 127] {
        let mock =
            Mock::answering(move |asked| Reply::Say(result(asked.id ^ other, BIND_ANSWER, 0, b""))).await;
        let (directory, expected) = match other {
            0 => (mock.directory(), Ok("alice".to_owned())),
            _ => (mock.impatient(), Err(UNAVAILABLE)),
        };
        assert_eq!(told(&directory, "alice", "alicepw").await, expected, "id ^ {other}");
    }
}

/// A referral leads nowhere, and its target gets no password.
#[tokio::test]
async fn referrals_are_not_followed() {
    let there = Mock::answering(|asked| Reply::Say(result(asked.id, BIND_ANSWER, 0, b""))).await;
    let url = there.url();
    let referral = move |id, op| {
        let content = [&[10, 1, 10, 4, 0, 4, 0][..], &element(0xA3, &element(4, url.as_bytes()))].concat();
        Reply::Say(message(id, op, &content))
    };
    let again = referral.clone();
    let at_bind = Mock::answering(move |asked| referral(asked.id, BIND_ANSWER)).await;
    let at_search =
        Mock::start(move |asked| again(asked.id, if asked.op == SEARCH { DONE } else { BIND_ANSWER })).await;
    for here in [at_bind, at_search] {
        assert_eq!(told(&here.impatient(), "alice", "alicepw").await, Err(UNAVAILABLE));
    }
    let continued = Mock::start(|asked| match asked.op {
        SEARCH => Reply::Say(
            [
                message(asked.id, 0x73, &element(4, b"ldap://elsewhere")),
                alice(asked.id),
                result(asked.id, DONE, 0, b""),
            ]
            .concat(),
        ),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await;
    assert_eq!(
        told(&continued.directory(), "alice", "alicepw").await.as_deref(),
        Ok("alice"),
        "it is left out"
    );
    assert_eq!(there.asked(), []);
}

/// Whatever a server says, it is an outage, in time; the process and other connections live on.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_an_outage() {
    let good = OpenLdap::new().start();
    let real = directory(&good);
    assert!(told(&real, "alice", "alicepw").await.is_ok());
    for place in [SEARCH, BIND] {
        for (name, reply) in nonsense(place) {
            let hostile = reply.clone();
            let mock = Mock::start(move |asked| match asked.op {
                op if op == place => with_id(&hostile, asked.id),
                SEARCH => Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat()),
                _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
            })
            .await;
            let directory = mock.impatient();
            let answer = timeout(SOON, told(&directory, "alice", "alicepw")).await;
            assert_eq!(answer, Ok(Err(UNAVAILABLE)), "{name} to {place:#x}");
            if place == SEARCH {
                let standing = timeout(SOON, directory.confirm("mock", "u-1")).await;
                assert!(standing.is_ok_and(|standing| standing.is_err()), "{name}: nobody is gone for that");
            }
        }
        assert_eq!(told(&real, "alice", "alicepw").await.as_deref(), Ok("alice"), "others live on");
    }
}

/// The id of the request stands in a message where 0xAA was written.
fn with_id(reply: &Reply, id: u8) -> Reply {
    let with = |bytes: &Vec<u8>| {
        let mut bytes = bytes.clone();
        if let Some(place) = bytes.windows(3).position(|part| part == [2, 1, 0xAA]) {
            bytes[place + 2] = id;
        }
        bytes
    };
    match reply {
        Reply::Say(bytes) => Reply::Say(with(bytes)),
        Reply::SayAndEnd(bytes) => Reply::SayAndEnd(with(bytes)),
        Reply::Drip(bytes) => Reply::Drip(with(bytes)),
        Reply::Forever(bytes) => Reply::Forever(with(bytes)),
        Reply::Silence => Reply::Silence,
    }
}

fn nonsense(place: u8) -> Vec<(&'static str, Reply)> {
    const ID: u8 = 0xAA;
    let (own, other) = if place == BIND { (BIND_ANSWER, DONE) } else { (DONE, BIND_ANSWER) };
    let good = result(ID, own, 0, b"");
    let half = good[..good.len() / 2].to_vec();
    let control = |control: &[u8]| {
        let done = element(own, &[10, 1, 0, 4, 0, 4, 0]);
        element(0x30, &[&[2, 1, ID][..], &done, &element(0xA0, control)].concat())
    };
    // Each level costs the reader stack; a library that reads level by level loses the whole process to it.
    let deep = (0..150_000).fold(Vec::new(), |deep: Vec<u8>, level| {
        let length = u32::try_from((150_000 - 1 - level) * 6).unwrap().to_be_bytes();
        [deep, [&[0x30, 0x84][..], &length].concat()].concat()
    });
    let say = Reply::Say;
    vec![
        ("an empty answer", say(message(ID, own, b""))),
        ("a code alone", say(message(ID, own, &[10, 1, 0]))),
        ("text that is no UTF-8", say(result(ID, own, 49, b"Passwort ung\xFCltig"))),
        ("a name that is no UTF-8", say(message(ID, own, &[10, 1, 0, 4, 1, 0xFC, 4, 0]))),
        ("another operation", say(result(ID, other, 0, b""))),
        ("an extended operation", say(result(ID, EXTENDED, 0, b""))),
        ("an unknown operation", say(result(ID, 0x7E, 0, b""))),
        ("another one's answer", say(result(ID - 1, own, 0, b""))),
        ("a goodbye", say(result(0, EXTENDED, 52, b""))),
        ("an entry without attributes", say(message(ID, ENTRY, &[4, 1, b'x']))),
        ("an entry of numbers", say(message(ID, ENTRY, &[2, 1, 1, 2, 1, 1]))),
        ("entries without end", Reply::Forever(message(ID, ENTRY, &[4, 0, 0x30, 0]))),
        ("an id that is none", say(element(0x30, &[&[4, 1, ID][..], &element(own, b"")].concat()))),
        ("no id", say(element(0x30, b""))),
        ("an id alone", say(element(0x30, &[2, 1, ID]))),
        ("a long id", say(element(0x30, &[2, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1]))),
        ("controls that are none", say(control(&[4, 0]))),
        ("a control without a name", say(control(&[0x30, 0]))),
        ("a control with an empty mark", say(control(&[0x30, 5, 4, 1, b'1', 1, 0]))),
        ("no message", say(vec![4, 0])),
        ("an endless message", say(vec![0x30, 0x80, 2, 1, 1])),
        ("a huge message", Reply::Forever([&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF][..], &[0; 4096]].concat())),
        ("messages in messages", say(deep)),
        ("garbage", say((0..=255).rev().collect())),
        ("zeros", Reply::Forever(vec![0; 4096])),
        ("a web server", say(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ("half an answer", say(half.clone())),
        ("half an answer, and the end", Reply::SayAndEnd(half)),
        ("a drip", Reply::Drip([good.clone(), good].concat().repeat(50))),
        ("the end", Reply::SayAndEnd(vec![])),
        ("silence", Reply::Silence),
    ]
}
