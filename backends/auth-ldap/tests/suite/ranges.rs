//! Values in ranges, byte for byte as Active Directory gives them ([MS-ADTS] §3.1.1.3.1.3.3).

use auth_core::backend::Groups;
use auth_ldap::{GroupSource, LdapBuilder};

use crate::mock::{Asked, BIND_ANSWER, DONE, Mock, Reply, SEARCH, alice, entry_with, result};
use crate::support::{Log, UNAVAILABLE, groups, login, told};

const DN: &str = "uid=alice,dc=example";
/// How many values Active Directory gives at once.
const AT_ONCE: usize = 1_500;

fn group(n: usize) -> String {
    format!("CN=g{n},OU=Groups,DC=example")
}

/// From which value on somebody asks.
fn first_of(asked: &Asked, attribute: &str) -> Option<usize> {
    let name = format!("{attribute};range=");
    let at = asked.bytes.windows(name.len()).position(|bytes| bytes == name.as_bytes())?;
    let rest = std::str::from_utf8(&asked.bytes[at + name.len()..]).ok()?;
    rest.split_once("-*")?.0.parse().ok()
}

/// A directory in which alice has so many values of an attribute. `odd` may answer a question for more of them otherwise.
async fn many(
    attribute: &'static str,
    count: usize,
    odd: impl Fn(&Asked, usize) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Mock {
    Mock::start(move |asked| {
        if asked.op != SEARCH {
            return Reply::Say(result(asked.id, BIND_ANSWER, 0, b""));
        }
        let next = first_of(asked, attribute);
        let first = next.unwrap_or(0);
        if let Some(answer) = next.and_then(|first| odd(asked, first)) {
            return Reply::Say(answer);
        }
        let end = count.min(first + AT_ONCE);
        let last = if end == count { "*".to_owned() } else { (end - 1).to_string() };
        let ranged = format!("{attribute};range={first}-{last}");
        let values: Vec<_> = (first..end).map(group).collect();
        let own = vec![("uid", vec!["alice".to_owned()]), ("entryUUID", vec!["u-1".to_owned()])];
        // The attribute itself is there, and empty.
        let values = [(attribute, vec![]), (&*ranged, values)];
        let of_entry = if next.is_some() { values.to_vec() } else { [own, values.to_vec()].concat() };
        Reply::Say([entry_with(asked.id, DN, &of_entry), result(asked.id, DONE, 0, b"")].concat())
    })
    .await
}

fn by_entry(mock: &Mock) -> LdapBuilder {
    mock.settings().groups(GroupSource::member_of("ou=groups,dc=example"))
}

fn all(count: usize) -> Groups {
    Groups::Known((0..count).map(|n| format!("g{n}")).collect())
}

/// However many ranges there are, all are read.
#[tokio::test]
async fn ranges_are_read_to_the_last() {
    for count in [1, 1_500, 1_501, 3_000, 4_567] {
        let mock = many("memberOf", count, |_, _| None).await;
        assert_eq!(groups(&by_entry(&mock).build().unwrap(), "alice").await, all(count), "{count}");
        let searches = mock.asked().iter().filter(|asked| asked.op == SEARCH).count();
        assert_eq!(searches, count.div_ceil(AT_ONCE), "{count}");
    }
}

/// Also of what is copied into identities.
#[tokio::test]
async fn what_is_copied_is_copied_whole() {
    let mock = many("proxyAddresses", 1_600, |_, _| None).await;
    let directory = mock.settings().attribute("proxyAddresses").build().unwrap();
    let alice = login(&directory, "alice", "alicepw").await.unwrap();
    assert_eq!(alice.attribute("proxyAddresses").len(), 1_600);
    let few = mock.settings().attribute("proxyAddresses").max_groups(1_599).build().unwrap();
    assert_eq!(told(&few, "alice", "alicepw").await, Err(UNAVAILABLE), "and some are not all");
}

/// A rest that is not the rest is no answer: nobody comes in with fewer groups.
#[tokio::test]
async fn an_odd_range_is_not_the_rest() {
    type Odd = fn(&Asked, usize) -> Option<Vec<u8>>;
    let table: [(&str, Odd); 8] = [
        ("an error", |asked, _| Some(result(asked.id, DONE, 1, b""))),
        ("nobody", |asked, _| Some(result(asked.id, DONE, 0, b""))),
        ("nothing of it", |asked, _| Some(with_range(asked, "sn", 1))),
        ("without a range", |asked, _| Some(with_range(asked, "memberOf", 1))),
        ("the first range again", |asked, _| Some(with_range(asked, "memberOf;range=0-1499", 1_500))),
        ("a gap", |asked, _| Some(with_range(asked, "memberOf;range=1501-*", 99))),
        ("fewer than it says", |asked, _| Some(with_range(asked, "memberOf;range=1500-1510", 10))),
        ("a number that is none", |asked, _| Some(with_range(asked, "memberOf;range=1500-x", 10))),
    ];
    for (name, odd) in table {
        let mock = many("memberOf", 1_600, odd).await;
        let directory = by_entry(&mock).build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE), "{name}");
    }
}

fn with_range(asked: &Asked, name: &str, count: usize) -> Vec<u8> {
    let values = (0..count).map(group).collect();
    [entry_with(asked.id, DN, &[(name, values)]), result(asked.id, DONE, 0, b"")].concat()
}

/// Ranges without end have one: the groups are then unknown, and the log says why.
#[tokio::test]
async fn too_many_values_are_unknown() {
    let log = Log::new();
    let mock = many("memberOf", 4_567, |_, _| None).await;
    let few = by_entry(&mock).max_groups(4_566);
    assert_eq!(groups(&few.clone().build().unwrap(), "alice").await, Groups::Unknown);
    assert_eq!(log.saying("more than 4566 groups").len(), 1);
    assert_eq!(told(&few.require_group("g1").build().unwrap(), "alice", "alicepw").await, Err(UNAVAILABLE));
    let enough = by_entry(&mock).max_groups(4_567).require_group("g1").build().unwrap();
    assert_eq!(told(&enough, "alice", "alicepw").await.as_deref(), Ok("alice"));
}

/// A user without ranges takes one request.
#[tokio::test]
async fn nobody_is_asked_for_ranges_without_need() {
    let mock = Mock::start(|asked| match asked.op {
        SEARCH => Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat()),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await;
    assert_eq!(groups(&by_entry(&mock).build().unwrap(), "alice").await, all(0));
    assert_eq!(mock.asked().iter().filter(|asked| asked.op == SEARCH).count(), 1);
}
