//! Answers in pages, of servers that do it in any way (RFC 2696).

use auth_core::backend::Groups;
use auth_ldap::{GroupSource, LdapBuilder};

use crate::mock::{
    Asked, BIND_ANSWER, DONE, Mock, Reply, SEARCH, alice, element, entry, message, page_end, page_end_with,
    result,
};
use crate::support::{Log, UNAVAILABLE, groups, known, told};

/// A directory of alice, which answers a search for groups as told.
async fn with_groups(reply: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Mock {
    Mock::start(move |asked| match asked.op {
        SEARCH if asked.says("member") => Reply::Say(reply(asked)),
        SEARCH => Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat()),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await
}

fn by_members(mock: &Mock) -> LdapBuilder {
    mock.settings().groups(GroupSource::members("dc=example"))
}

fn group(asked: &Asked, name: &str) -> Vec<u8> {
    entry(asked.id, &format!("cn={name},dc=example"), &[])
}

/// Each page is asked for by the place that the last one said, and none after the last.
#[tokio::test]
async fn pages_are_followed_to_the_last() {
    let mock = with_groups(|asked| {
        let (name, place) = match () {
            () if asked.says("place-2") => ("c", &b""[..]),
            () if asked.says("place-1") => ("b", &b"place-2"[..]),
            () => ("a", &b"place-1"[..]),
        };
        [group(asked, name), page_end(asked.id, place)].concat()
    })
    .await;
    let directory = by_members(&mock).page_size(7).build().unwrap();
    assert_eq!(groups(&directory, "alice").await, known(&["a", "b", "c"]));
    let asked = mock.asked();
    let paged: Vec<_> = asked.iter().filter(|asked| asked.says("1.2.840.113556.1.4.319")).collect();
    assert_eq!(paged.len(), 3);
    // Seven entries, from the start; and the control is not critical: no mark is between its name and its value.
    let first = b"1.2.840.113556.1.4.319\x04\x07\x30\x05\x02\x01\x07\x04\x00";
    assert!(paged[0].bytes.ends_with(first), "{:?}", paged[0].bytes);
}

/// A server that knows no pages gives everything at once.
#[tokio::test]
async fn a_server_without_pages_gives_all() {
    let mock =
        with_groups(|asked| [group(asked, "a"), group(asked, "b"), result(asked.id, DONE, 0, b"")].concat())
            .await;
    assert_eq!(groups(&by_members(&mock).build().unwrap(), "alice").await, known(&["a", "b"]));
}

/// A limit that is met on a later page leaves nothing of the earlier ones.
#[tokio::test]
async fn some_pages_are_not_all() {
    let log = Log::new();
    for (code, name) in [(3, "timeLimitExceeded"), (4, "sizeLimitExceeded"), (11, "adminLimitExceeded")] {
        let mock = with_groups(move |asked| {
            if asked.says("place-1") {
                [group(asked, "b"), result(asked.id, DONE, code, b"")].concat()
            } else {
                [group(asked, "a"), page_end(asked.id, b"place-1")].concat()
            }
        })
        .await;
        assert_eq!(groups(&by_members(&mock).build().unwrap(), "alice").await, Groups::Unknown, "{name}");
        assert_eq!(log.saying(&format!("the directory gave 2 entries and no more ({name})")).len(), 1);
        let rule = by_members(&mock).require_group("a").build().unwrap();
        assert_eq!(told(&rule, "alice", "alicepw").await, Err(UNAVAILABLE), "{name}");
    }
}

/// Whatever a server says of a next page, nobody comes in with fewer groups, and it ends.
#[tokio::test]
async fn odd_pages_are_an_outage() {
    type Odd = fn(&Asked) -> Vec<u8>;
    let table: [(&str, Odd); 6] = [
        ("no place", |asked| page_end_with(asked.id, b"")),
        ("a number", |asked| page_end_with(asked.id, &[2, 1, 0])),
        ("an open end", |asked| page_end_with(asked.id, &[0x30, 0x80, 0, 0])),
        ("an end that is not said", |asked| {
            if asked.says("place-1") {
                return [group(asked, "b"), result(asked.id, DONE, 0, b"")].concat();
            }
            [group(asked, "a"), page_end(asked.id, b"place-1")].concat()
        }),
        ("nothing, and no end", |asked| page_end(asked.id, b"again")),
        ("a place that no request holds", |asked| page_end(asked.id, &vec![0; 300_000])),
    ];
    for (name, odd) in table {
        let mock = with_groups(odd).await;
        assert_eq!(
            told(&by_members(&mock).build().unwrap(), "alice", "alicepw").await,
            Err(UNAVAILABLE),
            "{name}"
        );
    }
}

/// Pages with something on them, without end.
#[tokio::test]
async fn endless_pages_are_unknown() {
    let log = Log::new();
    let mock = with_groups(|asked| [group(asked, "a"), page_end(asked.id, b"again")].concat()).await;
    let builder = by_members(&mock).max_groups(50);
    assert_eq!(groups(&builder.clone().build().unwrap(), "alice").await, Groups::Unknown);
    assert_eq!(log.saying("more than 50 groups").len(), 1);
    assert_eq!(
        told(&builder.require_group("a").build().unwrap(), "alice", "alicepw").await,
        Err(UNAVAILABLE)
    );
}

/// One entry that is found before a limit is not the only one there is.
#[tokio::test]
async fn a_limit_says_nothing_about_a_name() {
    for (code, found) in [(3, 0), (3, 1), (4, 0), (4, 1), (11, 0), (11, 1)] {
        let mock = Mock::start(move |asked| match asked.op {
            SEARCH => Reply::Say([alice(asked.id).repeat(found), result(asked.id, DONE, code, b"")].concat()),
            _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
        })
        .await;
        assert_eq!(told(&mock.directory(), "alice", "alicepw").await, Err(UNAVAILABLE), "{code}, {found}");
    }
}

/// What is referred to is not asked, is no error, and is told once.
#[tokio::test]
async fn references_are_left_out_and_told_once() {
    let log = Log::new();
    let elsewhere = Mock::answering(|asked| Reply::Say(result(asked.id, BIND_ANSWER, 0, b""))).await;
    let url = elsewhere.url();
    let mock = with_groups(move |asked| {
        let reference = message(asked.id, 0x73, &element(4, url.as_bytes()));
        [group(asked, "a"), reference, page_end(asked.id, b"")].concat()
    })
    .await;
    let directory = by_members(&mock).build().unwrap();
    for _ in 0..3 {
        assert_eq!(groups(&directory, "alice").await, known(&["a"]));
    }
    assert_eq!(log.saying("returned referrals").len(), 1);
    assert_eq!(elsewhere.asked(), []);
}
