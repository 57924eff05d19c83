//! Who is in which group.

use auth_core::backend::{DenyReason, Groups};
use auth_ldap::{GroupSource, LdapBuilder};
use test_servers::OpenLdap;

use crate::mock::{BIND_ANSWER, DONE, Mock, Reply, SEARCH, alice, result};
use crate::support::{GROUPS, PEOPLE, UNAVAILABLE, denied, groups, known, settings, told};

const UNIX: &str = "ou=unix,dc=example,dc=org";

/// All kinds of groups, also of somebody whose DN means something else in a filter.
#[tokio::test]
async fn each_kind_of_group_is_found() {
    let server = OpenLdap::new().start();
    let unique = "dn: cn=board,ou=groups,dc=example,dc=org\nobjectClass: groupOfUniqueNames\ncn: board\n";
    server.modify(&format!("{unique}uniqueMember: uid=u007,{PEOPLE}\n"));
    let table = [
        ("memberOf", GroupSource::member_of(GROUPS), "alice", known(&["staff", "admins"])),
        ("memberOf", GroupSource::member_of(GROUPS), "anne", known(&["staff"])),
        ("memberOf", GroupSource::member_of(GROUPS), "u001", known(&[])),
        ("memberOf elsewhere", GroupSource::member_of(UNIX), "alice", known(&[])),
        ("members", GroupSource::members(GROUPS), "alice", known(&["staff", "admins"])),
        ("members", GroupSource::members(GROUPS), "anne", known(&["staff"])),
        ("members", GroupSource::members(GROUPS), "u001", known(&[])),
        ("unique members", GroupSource::members(GROUPS), "u007", known(&["board"])),
        ("nested", GroupSource::members(GROUPS).nested(), "anne", known(&["staff", "everyone"])),
        ("nested", GroupSource::members(GROUPS).nested(), "u001", known(&[])),
        ("posix", GroupSource::posix(UNIX), "alice", known(&["wheel", "developers"])),
        ("posix", GroupSource::posix(UNIX), "bob", known(&["developers"])),
        ("posix", GroupSource::posix(UNIX), "anne", known(&[])),
        ("by DN", GroupSource::members(GROUPS).by_dn(), "bob", known(&[&format!("cn=staff,{GROUPS}")])),
    ];
    for (name, source, who, expected) in table {
        let directory = settings(&server).groups(source).build().unwrap();
        assert_eq!(groups(&directory, who).await, expected, "{name}: {who}");
    }
    let none = settings(&server).build().unwrap();
    assert_eq!(groups(&none, "alice").await, Groups::Unknown, "nobody said where they are");
}

/// Groups that are in each other are no way without an end.
#[tokio::test]
async fn groups_in_circles_end() {
    let server = OpenLdap::new().start();
    server.modify(&format!(
        "dn: cn=staff,{GROUPS}\nchangetype: modify\nadd: member\nmember: cn=everyone,{GROUPS}\n"
    ));
    let directory = settings(&server).groups(GroupSource::members(GROUPS).nested()).build().unwrap();
    assert_eq!(groups(&directory, "bob").await, known(&["staff", "everyone"]));
}

#[tokio::test]
async fn groups_say_who_may_sign_in() {
    let server = OpenLdap::new().start();
    let with = || settings(&server).groups(GroupSource::member_of(GROUPS));
    let by_dn = || settings(&server).groups(GroupSource::member_of(GROUPS).by_dn());
    let refused = Err(denied(DenyReason::NotPermitted));
    let table = [
        ("in it", with().require_group("staff"), "bob", true),
        ("in another spelling", with().require_group("STAFF"), "bob", true),
        ("not in it", with().require_group("admins"), "bob", false),
        ("in one of them", with().require_group("admins").require_group("staff"), "bob", true),
        ("in none", with().require_group("staff"), "u001", false),
        ("denied", with().deny_group("Admins"), "alice", false),
        ("not denied", with().deny_group("admins"), "bob", true),
        ("in one, denied in another", with().require_group("staff").deny_group("admins"), "alice", false),
        ("by DN", by_dn().require_group(format!("CN=Staff, {GROUPS}")), "bob", true),
        ("denied by DN", by_dn().deny_group(format!("CN=Staff, {GROUPS}")), "bob", false),
        ("a name is no DN", by_dn().require_group("staff"), "bob", false),
    ];
    for (name, builder, who, may) in table {
        let directory = builder.build().unwrap();
        let expected = if may { Ok(who.to_owned()) } else { refused.clone() };
        assert_eq!(told(&directory, who, &format!("{who}pw")).await, expected, "{name}");
        assert!(told(&directory, who, "wrong").await.is_err());
    }
}

/// An error in the second search is no empty answer.
#[tokio::test]
async fn an_error_is_not_no_groups() {
    for code in [1, 10, 32, 50, 51, 52, 53, 80] {
        let directory = with_groups_answered_by(code).await.build().unwrap();
        assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE), "{code}");
    }
}

/// A limit neither: the groups are unknown, and where they decide who may sign in, nobody does.
#[tokio::test]
async fn a_limit_is_not_no_groups() {
    for code in [3, 4, 11] {
        let builder = with_groups_answered_by(code).await;
        assert_eq!(groups(&builder.clone().build().unwrap(), "alice").await, Groups::Unknown, "{code}");
        for builder in [builder.clone().require_group("staff"), builder.deny_group("others")] {
            let directory = builder.build().unwrap();
            assert_eq!(told(&directory, "alice", "alicepw").await, Err(UNAVAILABLE), "{code}");
        }
    }
}

/// A directory that finds alice, and answers a search for groups by this code.
async fn with_groups_answered_by(code: u8) -> LdapBuilder {
    let mock = Mock::start(move |asked| match asked.op {
        SEARCH if asked.says("member") => Reply::Say(result(asked.id, DONE, code, b"")),
        SEARCH => Reply::Say([alice(asked.id), result(asked.id, DONE, 0, b"")].concat()),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await;
    mock.settings().groups(GroupSource::members("dc=example"))
}
