//! One task at a time.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use super::Site;
use super::fixture::{
    ISSUER, account, admin, all_that_is_new, attribute, created, email, found, new_user, staff, take, track,
    update,
};
use crate::provisioning::{
    Account, Applied, AttributeRule, Change, NameState, Owner, Provisioning, Query, Right, Write,
};
use crate::{User, UserId};

pub(super) async fn check<S: Site>(fresh: &impl AsyncFn() -> S) {
    names_every_place(&fresh().await);
    nobody_is_nobody(&fresh().await).await;
    a_new_user_has_everything(&fresh().await).await;
    keys_are_compared_byte_for_byte(&fresh().await).await;
    a_key_or_a_name_in_use_is_a_conflict(&fresh().await).await;
    users_know_their_identity(&fresh().await).await;
    an_update_does_everything(&fresh().await).await;
    an_update_of_another_state_is_a_conflict(&fresh().await).await;
    users_are_found_by_address(&fresh().await).await;
    the_last_holder_is_told_and_kept(&fresh().await).await;
    a_login_that_goes_away_leaves_no_half(&fresh().await).await;
}

fn names_every_place<S: Site>(store: &S) {
    let policy = Provisioning::builder()
        .attribute("phone", AttributeRule::of("phone").owner(Owner::ExternalUntilEdited))
        .attribute("town", AttributeRule::of("town"))
        .email(Owner::ExternalUntilEdited)
        .link_by_verified_email_or_claim()
        .grant("group", admin())
        .grant("group", staff());
    let check = |policy: Result<Provisioning, _>| store.check(&policy.expect("a good policy"));
    assert!(check(policy.clone().build()).is_ok(), "check: has a place for what the suite uses");
    let elsewhere = policy.clone().attribute("no_such_field", AttributeRule::of("x"));
    assert!(check(elsewhere.build()).is_err(), "check: refuses an attribute without a place");
    let elsewhere = policy.grant("group", Right::flag("no_such_flag"));
    assert!(check(elsewhere.build()).is_err(), "check: refuses a flag without a place");
}

async fn nobody_is_nobody<S: Site>(store: &S) {
    let nothing = found(store, "alice", "alice").await;
    assert!(
        nothing.account.is_none() && nothing.by_email.is_empty() && nothing.sole.is_empty(),
        "load: nobody is there"
    );
    assert_eq!(nothing.name, NameState::Free, "load: nobody has the name");
    assert_eq!(found(store, "alice", "").await.name, NameState::Invalid, "load: nobody can have no name");
}

async fn a_new_user_has_everything<S: Site>(store: &S) {
    let id = created(store, "alice", all_that_is_new()).await;
    let alice = account(store, "alice").await;
    let mut expected = Account::new(id.clone(), "alice");
    expected.identity = Some((ISSUER.to_owned(), "alice".to_owned()));
    expected.email = Some(email("alice@example.org", true));
    expected.attributes = [("phone", "1"), ("town", "Ürümqi 🌍")].map(|(k, v)| (k.into(), v.into())).into();
    expected.rights = BTreeSet::from([admin(), staff(), Right::permission("read")]);
    expected.tracked =
        [("phone", "1"), (Change::EMAIL, "alice@example.org")].map(|(k, v)| (k.into(), v.into())).into();
    assert_eq!(alice, expected, "create: writes everything, and load reads it");
    let user = store.get_user(&id).await.expect("get_user: answers").expect("get_user: finds a new user");
    assert!(user.id() == id && user.is_active(), "create: a new user is active");
    assert_eq!(found(store, "bob", "alice").await.name, NameState::Taken, "load: a name in use is taken");
    created(store, "bob", Vec::new()).await;
    let bob = account(store, "bob").await;
    assert!(
        bob.rights.is_empty() && bob.attributes.is_empty() && bob.email.is_none(),
        "create: gives nothing else"
    );
    assert_eq!(account(store, "alice").await, expected, "create: leaves others as they are");
}

async fn keys_are_compared_byte_for_byte<S: Site>(store: &S) {
    created(store, "alice", Vec::new()).await;
    for (issuer, subject) in [
        (ISSUER, "Alice"),
        (ISSUER, "alice "),
        (ISSUER, "alicé"),
        (ISSUER, "alic"),
        ("https://Issuer.example", "alice"),
        ("https://issuer.example/", "alice"),
        ("https://issuer.examplea", "lice"),
        ("", "alice"),
    ] {
        let nothing = BTreeSet::new();
        let found = store.load(&Query::new(issuer, subject, "x", &nothing)).await.expect("load: answers");
        assert!(found.account.is_none(), "load: {subject:?} at {issuer:?} is somebody else");
    }
}

async fn a_key_or_a_name_in_use_is_a_conflict<S: Site>(store: &S) {
    created(store, "alice", vec![attribute("phone", "1")]).await;
    let before = account(store, "alice").await;
    for (subject, username) in [("alice", "alice"), ("alice", "other"), ("mallory", "alice")] {
        let write = Write::Create(new_user(subject, username, all_that_is_new()));
        let applied = store.apply(&write).await.expect("create: answers");
        assert_eq!(applied, Applied::Conflict, "create: {username:?} for {subject:?} meets somebody");
    }
    assert_eq!(account(store, "alice").await, before, "create: a conflict changes nobody");
    assert!(found(store, "mallory", "x").await.account.is_none(), "create: a conflict makes nobody");
    assert_eq!(found(store, "x", "other").await.name, NameState::Free, "create: a conflict takes no name");
}

async fn users_know_their_identity<S: Site>(store: &S) {
    let of = async |id: &UserId| store.identity_of(id).await.expect("identity_of: answers");
    let mut expected = Vec::new();
    for subject in ["alice", "bob", "BOB"] {
        // The names may not be equal in another case.
        let new = Write::Create(new_user(subject, &format!("{subject}{}", expected.len()), Vec::new()));
        let Applied::Done(id) = store.apply(&new).await.expect("create: answers") else {
            panic!("create: nothing stands in the way");
        };
        expected.push((id, Some((ISSUER.to_owned(), subject.to_owned()))));
    }
    let local = store.register("carol", email("carol@example.org", true)).await.expect("register: works");
    expected.extend([(local, None), (UserId::from(987_654_321), None)]);
    for (id, identity) in expected {
        assert_eq!(of(&id).await, identity, "identity_of: whom a user belongs to");
    }
}

async fn an_update_does_everything<S: Site>(store: &S) {
    created(store, "alice", all_that_is_new()).await;
    created(store, "bob", all_that_is_new()).await;
    let (before, bob) = (account(store, "alice").await, account(store, "bob").await);
    let changes = vec![
        attribute("phone", "2"),
        Change::Attribute { field: "town".into(), value: None },
        track("phone", "2"),
        Change::Track { field: Change::EMAIL.into(), value: None },
        Change::Email(email("new@example.org", false)),
        Change::Give(Right::permission("write")),
        Change::Take { right: Right::permission("read"), guarded: false },
        Change::Take { right: staff(), guarded: false },
    ];
    assert_eq!(
        update(store, &before, changes).await,
        Applied::Done(before.id.clone()),
        "update: it is as it was read"
    );
    let mut expected = before;
    expected.attributes = [("phone".to_owned(), "2".to_owned())].into();
    expected.tracked = [("phone".to_owned(), "2".to_owned())].into();
    expected.email = Some(email("new@example.org", false));
    expected.rights = BTreeSet::from([admin(), Right::permission("write")]);
    assert_eq!(account(store, "alice").await, expected, "update: writes everything");
    assert_eq!(account(store, "bob").await, bob, "update: leaves others as they are");
}

async fn an_update_of_another_state_is_a_conflict<S: Site>(store: &S) {
    created(store, "alice", all_that_is_new()).await;
    let before = account(store, "alice").await;
    let changed = vec![attribute("phone", "2")];
    assert_eq!(
        update(store, &before, changed).await,
        Applied::Done(before.id.clone()),
        "update: it is as it was read"
    );
    let now = account(store, "alice").await;
    let stale = vec![attribute("phone", "3"), Change::Give(Right::permission("write"))];
    assert_eq!(
        update(store, &before, stale.clone()).await,
        Applied::Conflict,
        "update: an attribute changed meanwhile"
    );
    assert_eq!(account(store, "alice").await, now, "update: a conflict changes nothing");
    store.disable(&now.id).await.expect("disable: works");
    assert_eq!(
        update(store, &now, stale.clone()).await,
        Applied::Conflict,
        "update: the user was disabled meanwhile"
    );
    assert!(!account(store, "alice").await.active, "update: enables nobody");
    let mut gone = now;
    gone.id = crate::UserId::from(987_654_321);
    assert_eq!(update(store, &gone, stale).await, Applied::Conflict, "update: nobody has this id");
}

async fn users_are_found_by_address<S: Site>(store: &S) {
    let local = store.register("carol", email("carol@example.org", true)).await.expect("register: works");
    let nothing = BTreeSet::new();
    let by = async |address: &str| {
        let query = Query::new(ISSUER, "newcomer", "newcomer", &nothing).with_email(address);
        store.load(&query).await.expect("load: answers").by_email
    };
    for other in ["Carol@example.org", "carol@example.or", "cärol@example.org", "carol@example.org "] {
        assert!(by(other).await.is_empty(), "load: {other:?} is another address");
    }
    let carol = by("carol@example.org").await.pop().expect("load: finds a user by address");
    assert!(carol.id == local && carol.identity.is_none(), "load: a user without an identity");
    assert!(
        carol.email.as_ref().is_some_and(|email| email.verified),
        "load: knows that an address is verified"
    );
    let link = Change::Link { issuer: ISSUER.into(), subject: "c".into() };
    assert_eq!(
        update(store, &carol, vec![link.clone()]).await,
        Applied::Done(local.clone()),
        "link: it is as it was read"
    );
    assert_eq!(account(store, "c").await.id, local, "link: the identity leads to the user");
    assert_eq!(update(store, &carol, vec![link]).await, Applied::Conflict, "link: only once");

    let dave = store.register("dave", email("dave@example.org", false)).await.expect("register: works");
    let stamp =
        async || store.get_user(&dave).await.ok().flatten().map(|user| user.security_stamp().to_vec());
    let (before, old) = (by("dave@example.org").await.remove(0), stamp().await);
    let link = Change::Link { issuer: ISSUER.into(), subject: "d".into() };
    assert_eq!(
        update(store, &before, vec![Change::Claim, link]).await,
        Applied::Done(dave.clone()),
        "claim: works"
    );
    assert_ne!(stamp().await, old, "claim: ends all sessions");
}

async fn the_last_holder_is_told_and_kept<S: Site>(store: &S) {
    let both = || vec![Change::Give(admin()), Change::Give(staff())];
    created(store, "alice", both()).await;
    let (alice, sole) = (account(store, "alice").await, found(store, "alice", "x").await.sole);
    assert_eq!(sole, BTreeSet::from([admin(), staff()]), "load: tells that nobody else holds a right");
    for right in [admin(), staff()] {
        assert_eq!(
            update(store, &alice, vec![take(right)]).await,
            Applied::Conflict,
            "take: not from the last"
        );
    }
    let bob = created(store, "bob", both()).await;
    assert!(found(store, "alice", "x").await.sole.is_empty(), "load: somebody else holds the right");
    store.disable(&bob).await.expect("disable: works");
    assert_eq!(found(store, "alice", "x").await.sole.len(), 2, "load: who is disabled does not count");
    for right in [admin(), staff()] {
        assert_eq!(
            update(store, &alice, vec![take(right)]).await,
            Applied::Conflict,
            "take: who is disabled does not count"
        );
    }
    assert_eq!(account(store, "alice").await, alice, "take: a conflict changes nothing");
    created(store, "carol", both()).await;
    let changes = vec![take(admin()), take(staff())];
    assert_eq!(update(store, &alice, changes).await, Applied::Done(alice.id.clone()), "take: others hold it");
}

/// Dropped at any point, a write is either complete or absent.
async fn a_login_that_goes_away_leaves_no_half<S: Site>(store: &S) {
    let mut made = 0;
    for polls in 0..40_u32 {
        let subject = format!("person {polls}");
        let write = Write::Create(new_user(&subject, &subject, all_that_is_new()));
        {
            let mut writing = pin!(store.apply(&write));
            for _ in 0..polls {
                if writing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_micros(500)).await;
            }
        }
        if let Some(account) = found(store, &subject, "x").await.account {
            made += 1;
            assert_eq!(account.rights.len(), 3, "create: all rights, or no user");
            assert_eq!(account.tracked.len(), 2, "create: all that is remembered, or no user");
        }
    }
    assert!(made > 0, "create: works if it is not dropped");
}
