//! Many groups in a real directory, and its limits.

use std::error::Error as _;
use std::fmt::Write as _;
use std::time::Instant;

use auth_core::backend::{Confirm as _, Groups};
use auth_ldap::{GroupSource, LdapBuilder};
use test_servers::{OpenLdap, OpenLdapOptions};

use crate::support::{
    GROUPS, Log, PEOPLE, UNAVAILABLE, groups, known, login, numbered_groups, settings, told,
};

const MANY: usize = 3_000;

/// A directory that gives all pages that are asked for.
fn generous() -> OpenLdapOptions {
    OpenLdap::new().with("sizelimit", "size.prtotal=unlimited")
}

fn member(uid: &str) -> String {
    format!("uid={uid},{PEOPLE}")
}

fn numbered(count: usize, others: &[&str]) -> Groups {
    let numbered = (0..count).map(|n| format!("g{n}"));
    Groups::Known(numbered.chain(others.iter().map(|name| (*name).to_owned())).collect())
}

/// Somebody in 3,000 groups signs in with all of them, however they are found.
#[tokio::test]
async fn somebody_in_thousands_of_groups_has_all_of_them() {
    let server = generous().start();
    server.modify(&numbered_groups(MANY, &member("alice")));
    let sources = [
        ("memberOf", GroupSource::member_of(GROUPS), numbered(MANY, &["staff", "admins"]), 1),
        // Seven pages of 500 groups.
        ("members", GroupSource::members(GROUPS), numbered(MANY, &["staff", "admins"]), 1 + 7),
    ];
    for (name, source, expected, searches) in sources {
        let directory = settings(&server).groups(source).require_group("g2999").build().unwrap();
        assert!(login(&directory, "alice", "alicepw").await.is_ok(), "{name}: connections are made");
        let (before, start) = (server.searches(), Instant::now());
        assert_eq!(groups(&directory, "alice").await, expected, "{name}");
        println!("{name}: a login with {MANY} groups took {:?}", start.elapsed());
        assert_eq!(server.searches() - before, searches, "{name}");
    }
}

/// The groups that many groups are in are found in pages, too.
#[tokio::test]
async fn groups_of_many_groups_are_found() {
    let server = generous().start();
    server.modify(&numbered_groups(250, &member("alice")));
    let mut outer = String::new();
    for n in 0..250 {
        let dn = format!("dn: cn=o{n},{GROUPS}");
        _ = write!(outer, "{dn}\nobjectClass: groupOfNames\ncn: o{n}\nmember: cn=g{n},{GROUPS}\n\n");
    }
    server.modify(&outer);
    let source = GroupSource::members(GROUPS).nested();
    let directory = settings(&server).groups(source.clone()).page_size(40).build().unwrap();
    let Groups::Known(found) = groups(&directory, "alice").await else { panic!("all are known") };
    assert_eq!(found.len(), 503, "250, what these are in, staff, admins and everyone");
    let few = settings(&server).groups(source).max_groups(502).build().unwrap();
    assert_eq!(groups(&few, "alice").await, Groups::Unknown);
}

/// A size limit is an outage where groups matter, and has its name in the log and in the error. It is never fewer groups.
#[tokio::test]
async fn a_size_limit_is_named() {
    let server = OpenLdap::new().start();
    server.modify(&numbered_groups(150, &member("alice")));
    let log = Log::new();
    let with = || settings(&server).groups(GroupSource::members(GROUPS)).page_size(30);
    let limit = "the directory gave 100 entries and no more (sizeLimitExceeded): raise its size limit";
    let all = with().build().unwrap();
    let alice = login(&all, "alice", "alicepw").await.unwrap();
    assert_eq!(alice.groups(), &Groups::Unknown, "the server gives 100 in all, whatever the pages");
    assert_eq!(log.saying(limit).len(), 1);
    let rules: [fn(LdapBuilder) -> LdapBuilder; 2] =
        [|ldap| ldap.require_group("staff"), |ldap| ldap.deny_group("others")];
    for rule in rules {
        let directory = rule(with()).build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE));
        let error = directory.confirm("example.org", alice.subject()).await.unwrap_err();
        let source = error.source().unwrap().to_string();
        assert!(source.contains(limit), "{source}");
    }
    assert_eq!(groups(&all, "bob").await, known(&["staff"]), "who is in few groups is not concerned");
    let by_entry = settings(&server).groups(GroupSource::member_of(GROUPS)).build().unwrap();
    assert_eq!(groups(&by_entry, "alice").await, numbered(150, &["staff", "admins"]), "an entry tells all");
}

/// A server that refuses large pages says so by another code, and gives all in smaller ones.
#[tokio::test]
async fn a_limit_for_pages_is_named() {
    let server = OpenLdap::new().with("sizelimit", "size.pr=50 size.prtotal=unlimited").start();
    server.modify(&numbered_groups(150, &member("alice")));
    let log = Log::new();
    let with = || settings(&server).groups(GroupSource::members(GROUPS));
    assert_eq!(groups(&with().build().unwrap(), "alice").await, Groups::Unknown);
    assert_eq!(log.saying("adminLimitExceeded").len(), 1, "{:?}", log.saying(""));
    assert!(log.saying("adminLimitExceeded")[0].contains("`page_size`"));
    let smaller = with().page_size(50).build().unwrap();
    assert_eq!(groups(&smaller, "alice").await, numbered(150, &["staff", "admins"]));
}

/// An entry of the directory that stands for a part on another server is left out, and told.
#[tokio::test]
async fn a_part_elsewhere_is_told() {
    let server = generous().start();
    server.modify(&format!(
        "dn: cn=elsewhere,{GROUPS}\nobjectClass: referral\nobjectClass: extensibleObject\ncn: elsewhere\n\
         ref: ldap://127.0.0.1:1/cn=elsewhere,{GROUPS}\n"
    ));
    let log = Log::new();
    let directory =
        settings(&server).groups(GroupSource::members(GROUPS)).require_group("staff").build().unwrap();
    for _ in 0..2 {
        assert_eq!(groups(&directory, "alice").await, known(&["staff", "admins"]));
    }
    assert_eq!(log.saying("returned referrals").len(), 1);
    let there =
        settings(&server).groups(GroupSource::members(format!("cn=elsewhere,{GROUPS}"))).build().unwrap();
    assert_eq!(told(&there, "alice", "alicepw").await, Err(UNAVAILABLE), "nothing is known of what is there");
}
