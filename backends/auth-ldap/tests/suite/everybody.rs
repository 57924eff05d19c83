//! Going through everybody.

use std::collections::BTreeMap;
use std::error::Error as _;

use auth_core::backend::{DenyReason, Groups, Standing};
use auth_ldap::{GroupSource, Ldap, Listed};
use test_servers::OpenLdap;

use crate::mock::{BIND_ANSWER, DONE, Mock, Reply, SEARCH, alice, entry, page_end, result};
use crate::support::{GROUPS, PEOPLE, known, login, numbered_groups, settings};

async fn all(directory: &Ldap) -> Vec<Listed> {
    let (mut people, mut all) = (directory.everybody(), Vec::new());
    while let Some(person) = people.next().await.unwrap() {
        all.push(person);
    }
    assert!(people.next().await.unwrap().is_none(), "the end stays the end");
    all
}

fn standing(person: &Listed) -> &Standing {
    person.standing.as_ref().unwrap()
}

/// All are found, page after page, each once, and as a login finds them.
#[tokio::test]
async fn everybody_is_found_as_at_a_login() {
    let server = OpenLdap::new().with("sizelimit", "size.prtotal=unlimited").start();
    let source = GroupSource::members(GROUPS).nested();
    let with = || settings(&server).groups(source.clone()).page_size(20).connections(1);
    let directory = with().deny_group("admins").build().unwrap();
    let people = all(&directory).await;
    let dns: BTreeMap<_, _> = people.iter().map(|person| (&*person.dn, standing(person))).collect();
    assert_eq!((people.len(), dns.len()), (208, 208), "those of the directory, and each once");
    let bob = login(&directory, "bob", "bobpw").await.unwrap();
    assert_eq!(dns[&*format!("uid=bob,{PEOPLE}")], &Standing::Good(bob));
    let anne = login(&directory, "anne", "annepw").await.unwrap();
    assert_eq!(anne.groups(), &known(&["staff", "everyone"]));
    let found = people.iter().find(|person| *standing(person) == Standing::Good(anne.clone()));
    assert!(found.is_some_and(|person| person.dn.starts_with("cn=")), "however odd the name");
    assert_eq!(dns[&*format!("uid=alice,{PEOPLE}")], &Standing::Refused(DenyReason::NotPermitted));
    assert_eq!(dns[&*format!("uid=locked,{PEOPLE}")], &Standing::Refused(DenyReason::Locked));
}

/// Some people are not everybody, and a limit says so.
#[tokio::test]
async fn a_limit_is_not_the_end() {
    let server = OpenLdap::new().start();
    let directory = settings(&server).page_size(20).build().unwrap();
    let mut people = directory.everybody();
    let (mut count, error) = (
        0,
        loop {
            match people.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("100 are not everybody"),
                Err(error) => break error,
            }
        },
    );
    count += error.source().unwrap().to_string().matches("(sizeLimitExceeded)").count();
    assert_eq!(count, 1, "{error:?}");
}

/// Groups that are not known are, with the reason; others go on.
#[tokio::test]
async fn unknown_groups_are_told() {
    let server = OpenLdap::new().with("sizelimit", "size.prtotal=120").start();
    server.modify(&numbered_groups(130, &format!("uid=alice,{PEOPLE}")));
    let people = format!("cn=few,{PEOPLE}");
    server.modify(&format!("dn: {people}\nobjectClass: applicationProcess\ncn: few\n"));
    let with = || settings(&server).users(PEOPLE, "(&(uid={username})(!(uid=u*)))");
    let directory = with().groups(GroupSource::members(GROUPS)).build().unwrap();
    let found = all(&directory).await;
    let alice = found.iter().find(|person| person.dn.starts_with("uid=alice")).unwrap();
    let limit = alice.limit.as_ref().unwrap().source().unwrap().to_string();
    assert!(limit.contains("120 entries and no more (sizeLimitExceeded)"), "{limit}");
    assert!(matches!(&alice.standing, Ok(Standing::Good(alice)) if *alice.groups() == Groups::Unknown));
    assert!(found.iter().filter(|person| person.limit.is_some()).count() == 1 && found.len() > 5);
}

/// What is odd about one says nothing about the others; a server that fails ends it.
#[tokio::test]
async fn one_odd_entry_is_one() {
    let mock = Mock::start(|asked| match asked.op {
        SEARCH if asked.says("uid=odd,dc=example") => {
            let odd = entry(asked.id, "uid=odd,dc=example", &[("uid", "odd")]);
            Reply::Say([odd, result(asked.id, DONE, 0, b"")].concat())
        }
        SEARCH if asked.says("uid=gone,dc=example") => Reply::Say(result(asked.id, DONE, 32, b"")),
        SEARCH if asked.says("uid=bad,dc=example") => Reply::SayAndEnd(vec![]),
        SEARCH if asked.says("uid=alice,dc=example") => {
            Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat())
        }
        SEARCH => {
            let names = ["odd", "gone", "alice", "bad"].map(|uid| format!("uid={uid},dc=example"));
            let names = names.map(|dn| entry(asked.id, &dn, &[])).concat();
            Reply::Say([names, page_end(asked.id, b"")].concat())
        }
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await;
    let directory = mock.directory();
    let mut people = directory.everybody();
    for dn in ["uid=odd,dc=example", "uid=gone,dc=example"] {
        let person = people.next().await.unwrap().unwrap();
        assert!(person.dn == dn && person.standing.is_err(), "{person:?}");
    }
    let alice = people.next().await.unwrap().unwrap();
    assert!(matches!(alice.standing, Ok(Standing::Good(_))), "{alice:?}");
    assert!(people.next().await.is_err());
}

/// Without an account that searches nobody can be.
#[tokio::test]
async fn who_cannot_search_finds_nobody() {
    let mock = Mock::start(|_| Reply::Silence).await;
    let alone =
        mock.settings().without_service_account().bind_dn("uid={username},dc=example").build().unwrap();
    assert!(alone.everybody().next().await.is_err());
    assert_eq!(mock.asked(), []);
}
