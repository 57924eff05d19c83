//! Accounts that may not sign in, and sessions of those who may not any more.

use auth_core::Secret;
use auth_core::backend::{Confirm as _, DenyReason, Standing};
use auth_ldap::{GroupSource, PasswordChange};
use test_servers::OpenLdap;

use crate::support::{GROUPS, PEOPLE, UNKNOWN, WRONG, denied, directory, login, settings, told};

/// The password policy says more than "no".
#[tokio::test]
async fn the_password_policy_says_why() {
    let server = OpenLdap::new().start();
    let directory = directory(&server);
    let table = [
        ("locked", "lockedpw", denied(DenyReason::Locked)),
        ("mustchange", "mustchangepw", denied(DenyReason::MustChangePassword)),
        ("mustchange", "wrong", WRONG),
        ("expired", "expiredpw", denied(DenyReason::Expired)),
        ("expired", "wrong", WRONG),
        ("nobody", "x", UNKNOWN),
    ];
    for (name, password, expected) in table {
        assert_eq!(told(&directory, name, password).await, Err(expected), "{name}");
    }
    for _ in 0..3 {
        assert_eq!(told(&directory, "bob", "wrong").await, Err(WRONG));
    }
    assert_eq!(
        told(&directory, "bob", "bobpw").await,
        Err(denied(DenyReason::Locked)),
        "after three wrong ones"
    );
}

/// What a session is told of its user.
#[tokio::test]
async fn somebody_is_confirmed_without_a_password() {
    let server = OpenLdap::new().start();
    let directory =
        settings(&server).groups(GroupSource::member_of(GROUPS)).deny_group("ADMINS").build().unwrap();
    let bob = login(&directory, "bob", "bobpw").await.unwrap();
    let confirm = async || directory.confirm("example.org", bob.subject()).await;
    assert_eq!(confirm().await.unwrap(), Standing::Good(bob.clone()));
    assert_eq!(directory.confirm("example.org", "no-such-subject").await.unwrap(), Standing::Gone);
    assert_eq!(directory.confirm("example.org", "*").await.unwrap(), Standing::Gone);
    assert!(directory.confirm("example.com", bob.subject()).await.is_err(), "another issuer's");

    let change = |what: &str| server.modify(&format!("dn: uid=bob,{PEOPLE}\nchangetype: modify\n{what}\n"));
    for _ in 0..3 {
        assert_eq!(told(&directory, "bob", "wrong").await, Err(WRONG));
    }
    assert!(
        matches!(confirm().await, Ok(Standing::Good(_))),
        "others cannot end sessions with wrong passwords"
    );
    change("replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z");
    assert_eq!(confirm().await.unwrap(), Standing::Refused(DenyReason::Locked));
    change("delete: pwdAccountLockedTime");
    assert!(matches!(confirm().await, Ok(Standing::Good(_))));

    server.modify(&format!(
        "dn: cn=admins,{GROUPS}\nchangetype: modify\nadd: member\nmember: uid=bob,{PEOPLE}\n"
    ));
    assert_eq!(confirm().await.unwrap(), Standing::Refused(DenyReason::NotPermitted));
    server.modify(&format!("dn: uid=bob,{PEOPLE}\nchangetype: delete\n"));
    assert_eq!(confirm().await.unwrap(), Standing::Gone);
}

/// Somebody who is renamed stays the same person; who gets the old name is another one.
#[tokio::test]
async fn people_are_known_by_what_no_rename_changes() {
    let server = OpenLdap::new().start();
    let directory = directory(&server);
    let before = login(&directory, "bob", "bobpw").await.unwrap();
    server.modify(&format!("dn: uid=bob,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=rob\ndeleteoldrdn: 1\n"));
    let after = login(&directory, "rob", "bobpw").await.unwrap();
    assert_eq!((after.subject(), after.username()), (before.subject(), "rob"));
    let standing = directory.confirm("example.org", before.subject()).await;
    assert_eq!(standing.unwrap(), Standing::Good(after));
    server.modify(&format!(
        "dn: uid=bob,{PEOPLE}\nobjectClass: inetOrgPerson\nuid: bob\ncn: Bob\nsn: B\nuserPassword: newpw\n"
    ));
    assert_ne!(login(&directory, "bob", "newpw").await.unwrap().subject(), before.subject());
}

/// An outage is not "gone", and what the filter leaves out is nobody.
#[tokio::test]
async fn only_an_answer_ends_a_session() {
    let mut server = OpenLdap::new().start();
    let directory = directory(&server);
    let alice = login(&directory, "alice", "alicepw").await.unwrap();
    let others = settings(&server).users(PEOPLE, "(&(uid={username})(!(uid=alice)))").build().unwrap();
    assert_eq!(others.confirm("example.org", alice.subject()).await.unwrap(), Standing::Gone);
    let elsewhere =
        settings(&server).users("ou=nowhere,dc=example,dc=org", "(uid={username})").build().unwrap();
    assert!(elsewhere.confirm("example.org", alice.subject()).await.is_err(), "a base that is not there");
    server.kill();
    assert!(directory.confirm("example.org", alice.subject()).await.is_err());
}

/// Without a service account users bind and read their own entries; looking a user up is not possible.
#[tokio::test]
async fn users_can_read_their_own_entries() {
    let server = OpenLdap::new().start();
    let alone = settings(&server)
        .without_service_account()
        .bind_dn(format!("uid={{username}},{PEOPLE}"))
        .groups(GroupSource::members(GROUPS))
        .require_group("staff")
        .build()
        .unwrap();
    let alice = login(&alone, "ALICE", "alicepw").await.unwrap();
    let with = settings(&server).groups(GroupSource::members(GROUPS)).build().unwrap();
    assert_eq!(
        login(&with, "alice", "alicepw").await,
        Ok(alice.clone()),
        "the same as a service account reads"
    );
    assert_eq!(told(&alone, "alice", "wrong").await, Err(WRONG));
    assert_eq!(told(&alone, "nobody", "x").await, Err(WRONG), "which cannot be told apart");
    assert_eq!(told(&alone, "twin1", "twin1pw").await, Err(denied(DenyReason::NotPermitted)));
    assert!(alone.confirm("example.org", alice.subject()).await.is_err());
    assert!(!server.binds().is_empty());
}

/// A user who must change their password can do so by the old one, and by no other.
#[tokio::test]
async fn a_password_that_must_be_changed_is_changed_by_its_owner() {
    let server = OpenLdap::new().start();
    let directory = directory(&server);
    let change = async |name: &str, old: &str, new: &str| {
        directory.change_password(name, &Secret::new(old), &Secret::new(new)).await
    };
    for (name, old, new, expected) in [
        ("mustchange", "wrong", "a new one of mine", PasswordChange::WrongPassword),
        ("nobody", "x", "a new one of mine", PasswordChange::WrongPassword),
        ("*", "mustchangepw", "a new one of mine", PasswordChange::WrongPassword),
        ("mustchange", "", "a new one of mine", PasswordChange::WrongPassword),
        ("mustchange", "mustchangepw", "", PasswordChange::Unsuitable),
        ("mustchange", "mustchangepw", "with a NUL \0", PasswordChange::Unsuitable),
        ("locked", "lockedpw", "a new one of mine", PasswordChange::Denied(DenyReason::Locked)),
    ] {
        assert_eq!(change(name, old, new).await.unwrap(), expected, "{name}");
    }
    assert_eq!(
        told(&directory, "mustchange", "mustchangepw").await,
        Err(denied(DenyReason::MustChangePassword))
    );
    assert_eq!(
        change("mustchange", "mustchangepw", "a new one of mine").await.unwrap(),
        PasswordChange::Changed
    );
    assert_eq!(told(&directory, "mustchange", "mustchangepw").await, Err(WRONG));
    login(&directory, "mustchange", "a new one of mine").await.unwrap();
    // The connection is as good as any for the next who binds.
    login(&directory, "bob", "bobpw").await.unwrap();
    assert_eq!(change("bob", "bobpw", "of my own accord").await.unwrap(), PasswordChange::Changed);
    login(&directory, "bob", "of my own accord").await.unwrap();
}
