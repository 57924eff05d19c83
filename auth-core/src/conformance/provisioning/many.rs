//! Concurrent tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Site;
use super::fixture::{ISSUER, account, admin, attribute, created, found, staff, take, update};
use crate::backend::{DenyReason, Identity, Outcome, Provisioner};
use crate::conformance::together::together;
use crate::provisioning::{
    Applied, AttributeRule, Change, NameCollision, NameState, Provisioning, Report, Reports, Right,
};
use crate::{User, UserId};

/// How many first logins run concurrently.
const LOGINS: usize = 50;
/// How often the tasks of a case are run.
const ROUNDS: usize = 8;

pub(super) async fn check<S: Site>(fresh: &impl AsyncFn() -> S) {
    first_logins_make_one_user(Arc::new(fresh().await)).await;
    strangers_never_share_a_name(Arc::new(fresh().await)).await;
    strangers_get_names_of_their_own(Arc::new(fresh().await)).await;
    one_update_wins(Arc::new(fresh().await)).await;
    logins_with_news_all_succeed(Arc::new(fresh().await)).await;
    for right in [admin(), staff()] {
        one_holder_stays(Arc::new(fresh().await), right).await;
    }
}

/// Provisions as a login does, and returns its reports.
fn login<S: Site>(
    store: &Arc<S>,
    policy: &Provisioning,
    identity: Identity,
) -> impl Future<Output = (Outcome<UserId>, Vec<Report>)> + Send + use<S> {
    let users = policy.on(Arc::clone(store)).expect("check: has a place for what the suite uses");
    async move {
        let reports = Reports::new();
        let outcome = users.provision(identity, &reports).await.expect("provision: answers");
        (outcome.map(|user| user.id()), reports.take())
    }
}

fn person(subject: &str, username: &str) -> Identity {
    Identity::new(ISSUER, subject).with_username(username)
}

async fn first_logins_make_one_user<S: Site>(store: Arc<S>) {
    let policy = Provisioning::builder()
        .attribute("phone", AttributeRule::of("phone"))
        .grant("readers", Right::permission("read"))
        .build()
        .expect("a good policy");
    let alice = person("alice", "alice").with_attribute("phone", "1").with_groups(["readers"]);
    let answers = together((0..LOGINS).map(|_| login(&store, &policy, alice.clone()))).await;
    let made = account(&*store, "alice").await;
    assert!(
        answers.iter().all(|(outcome, _)| *outcome == Outcome::Accept(made.id.clone())),
        "first logins: all succeed, as one user"
    );
    let told: Vec<_> = answers.iter().flat_map(|(_, reports)| reports).collect();
    assert_eq!(told.iter().filter(|report| report.created).count(), 1, "first logins: one creates the user");
    assert_eq!(told.len(), 1, "first logins: the others change nothing");
    assert_eq!(made.rights, BTreeSet::from([Right::permission("read")]), "first logins: with all rights");
}

async fn strangers_never_share_a_name<S: Site>(store: Arc<S>) {
    let login = |n: usize| login(&store, &Provisioning::default(), person(&format!("person {n}"), "alice"));
    let answers = together((0..LOGINS).map(login)).await;
    let made = answers.iter().filter(|(outcome, _)| matches!(outcome, Outcome::Accept(_))).count();
    let refused = Outcome::Deny(DenyReason::NameTaken);
    let refused = answers.iter().filter(|(outcome, _)| *outcome == refused).count();
    assert_eq!((made, refused), (1, LOGINS - 1), "one name: one gets it, the others are refused");
}

async fn strangers_get_names_of_their_own<S: Site>(store: Arc<S>) {
    let policy = Provisioning::builder().on_taken_name(NameCollision::Suffix).build().expect("a good policy");
    let login = |n: usize| login(&store, &policy, person(&format!("person {n}"), "alice"));
    let answers = together((0..ROUNDS).map(login)).await;
    let ids: BTreeSet<_> = answers.into_iter().map(|(outcome, _)| format!("{outcome:?}")).collect();
    assert_eq!(ids.len(), ROUNDS, "suffixes: everybody is somebody else: {ids:?}");
    assert!(ids.iter().all(|outcome| outcome.starts_with("Accept")), "suffixes: everybody comes in: {ids:?}");
    let name = format!("alice{ROUNDS}");
    assert_eq!(found(&*store, "x", &name).await.name, NameState::Taken, "suffixes: they count up");
}

async fn one_update_wins<S: Site>(store: Arc<S>) {
    created(&*store, "alice", Vec::new()).await;
    for round in 0..ROUNDS {
        let before = account(&*store, "alice").await;
        let write = |n: usize| {
            let (store, before) = (Arc::clone(&store), before.clone());
            let right = Right::permission(format!("{round} {n}"));
            async move {
                update(
                    &*store,
                    &before,
                    vec![attribute("phone", &format!("{round} {n}")), Change::Give(right)],
                )
                .await
            }
        };
        let answers = together((0..ROUNDS).map(write)).await;
        let done = answers.iter().filter(|applied| matches!(applied, Applied::Done(_))).count();
        assert_eq!(done, 1, "update: one of many that saw the same wins");
        let now = account(&*store, "alice").await;
        assert_eq!(now.rights.len(), round + 1, "update: those that lost wrote nothing");
    }
}

async fn logins_with_news_all_succeed<S: Site>(store: Arc<S>) {
    let policy = Provisioning::builder()
        .attribute("phone", AttributeRule::of("phone"))
        .build()
        .expect("a good policy");
    created(&*store, "alice", Vec::new()).await;
    let login = |n: usize| {
        login(&store, &policy, person("alice", "alice").with_attribute("phone", format!("{}", n / 4)))
    };
    let answers = together((0..ROUNDS * 2).map(login)).await;
    assert!(
        answers.iter().all(|(outcome, _)| matches!(outcome, Outcome::Accept(_))),
        "parallel updates: every login succeeds"
    );
}

/// Two administrators lose the right at the same moment, each while the other still holds it.
async fn one_holder_stays<S: Site>(store: Arc<S>, right: Right) {
    for round in 0..ROUNDS {
        let subjects = ["a", "b"].map(|name| format!("{name}{round}"));
        let mut before = Vec::new();
        for subject in &subjects {
            created(&*store, subject, vec![Change::Give(right.clone())]).await;
            before.push(account(&*store, subject).await);
        }
        let write = |before: crate::provisioning::Account| {
            let (store, right) = (Arc::clone(&store), right.clone());
            async move { update(&*store, &before, vec![take(right)]).await }
        };
        together(before.into_iter().map(write)).await;
        let mut left = Vec::new();
        for subject in &subjects {
            let account = account(&*store, subject).await;
            left.extend(account.rights.contains(&right).then_some(account));
        }
        assert_eq!(left.len(), 1, "take: one of two loses {right}, and the last keeps it");
        for account in left {
            // A round begins without other holders.
            store.disable(&account.id).await.expect("disable: works");
        }
    }
}
