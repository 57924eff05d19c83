//! What policies do, over the store in memory.

use auth_core::User;
use auth_core::backend::{BackendErrorKind, DenyReason, Email, Identity, Outcome, Provisioner};
use auth_core::conformance::provisioning::Site;
use auth_core::provisioning::{
    Account, AttributeRule, Change, Creation, Kept, Missing, NameCollision, Owner, ProvisionedUsers,
    Provisioning, ProvisioningBuilder, Reports, Right,
};

use crate::memory::{Memory, Person};

const LDAP: &str = "ldaps://directory.example";

fn alice() -> Identity {
    Identity::new(LDAP, "uid=alice").with_username("alice")
}

fn on(store: &Memory, policy: ProvisioningBuilder) -> ProvisionedUsers<Memory> {
    policy.build().unwrap().on(store.clone()).unwrap()
}

async fn sign_in(users: &ProvisionedUsers<Memory>, identity: Identity) -> Outcome<Person> {
    users.provision(identity, &Reports::new()).await.unwrap()
}

async fn account(users: &ProvisionedUsers<Memory>, identity: Identity) -> Account {
    match sign_in(users, identity).await {
        Outcome::Accept(person) => person.account,
        other => panic!("not accepted: {:?}", other.map(|_| ())),
    }
}

async fn refusal(users: &ProvisionedUsers<Memory>, identity: Identity) -> DenyReason {
    match sign_in(users, identity).await {
        Outcome::Deny(reason) => reason,
        other => panic!("not denied: {:?}", other.map(|_| ())),
    }
}

fn phone(account: &Account) -> Option<&str> {
    account.attributes.get("phone").map(String::as_str)
}

/// Changes the field as the application's own page does.
fn edit(store: &Memory, value: Option<&str>) {
    let attributes = &mut store.people()[0].account.attributes;
    match value {
        Some(value) => drop(attributes.insert("phone".into(), value.into())),
        None => drop(attributes.remove("phone")),
    }
}

/// For each owner, what a login leaves after the outside value, and perhaps an edit.
#[tokio::test]
async fn owners_keep_what_is_theirs() {
    use Owner::{External, ExternalUntilEdited as Until, Local};
    // The owner, the first outside value, the edit, the second outside value, the value after the second login.
    type Value = Option<&'static str>;
    type Line = (&'static str, Owner, Value, Option<Value>, Value, Value);
    let table: [Line; 14] = [
        ("external follows", External, Some("1"), None, Some("2"), Some("2")),
        ("external overwrites", External, Some("1"), Some(Some("edit")), Some("2"), Some("2")),
        ("external refills", External, Some("1"), Some(None), Some("1"), Some("1")),
        ("local is proposed once", Local, Some("1"), None, Some("2"), Some("1")),
        ("local keeps an edit", Local, Some("1"), Some(Some("edit")), Some("2"), Some("edit")),
        ("local keeps nothing", Local, Some("1"), Some(None), Some("2"), None),
        ("until follows", Until, Some("1"), None, Some("2"), Some("2")),
        ("until keeps an edit", Until, Some("1"), Some(Some("edit")), Some("2"), Some("edit")),
        ("until keeps an edit of old", Until, Some("1"), Some(Some("edit")), Some("1"), Some("edit")),
        ("until keeps a removal", Until, Some("1"), Some(None), Some("2"), None),
        ("until agrees", Until, Some("1"), Some(Some("2")), Some("2"), Some("2")),
        ("until fills what is empty", Until, None, None, Some("2"), Some("2")),
        ("until keeps what was there", Until, None, Some(Some("edit")), Some("2"), Some("edit")),
        ("missing keeps", External, Some("1"), None, None, Some("1")),
    ];
    for (name, owner, first, edited, second, expected) in table {
        let store = Memory::new(None);
        let rule = AttributeRule::of("tel").owner(owner);
        let users = on(&store, Provisioning::builder().attribute("phone", rule));
        let person =
            |value: Value| value.iter().fold(alice(), |person, value| person.with_attribute("tel", *value));
        account(&users, person(first)).await;
        if let Some(value) = edited {
            edit(&store, value);
        }
        assert_eq!(phone(&account(&users, person(second)).await), expected, "{name}");
        assert_eq!(phone(&account(&users, person(second)).await), expected, "{name}, and again");
    }
}

/// The same for the address, which takes its own verification with it.
#[tokio::test]
async fn the_address_has_an_owner_too() {
    let email = |address: &str, verified| Email { address: address.into(), verified };
    for (owner, edited, expected) in [
        (Owner::External, false, email("2@b", true)),
        (Owner::External, true, email("2@b", true)),
        (Owner::Local, false, email("1@b", false)),
        (Owner::Local, true, email("edit@b", false)),
        (Owner::ExternalUntilEdited, false, email("2@b", true)),
        (Owner::ExternalUntilEdited, true, email("edit@b", false)),
    ] {
        let store = Memory::new(None);
        let users = on(&store, Provisioning::builder().email(owner));
        account(&users, alice().with_unverified_email("1@b")).await;
        if edited {
            store.people()[0].account.email = Some(email("edit@b", false));
        }
        let found = account(&users, alice().with_verified_email("2@b")).await;
        assert_eq!(found.email, Some(expected), "{owner:?}, edited: {edited}");
    }
}

/// Two values that agree are the outside system's again.
#[tokio::test]
async fn an_edit_that_agrees_is_no_edit() {
    let store = Memory::new(None);
    let rule = AttributeRule::of("tel").owner(Owner::ExternalUntilEdited);
    let users = on(&store, Provisioning::builder().attribute("phone", rule));
    for (outside, edited, expected) in [("1", Some("2"), "1"), ("2", None, "2"), ("3", None, "3")] {
        let found = account(&users, alice().with_attribute("tel", outside)).await;
        assert_eq!(phone(&found), Some(expected));
        if let Some(value) = edited {
            edit(&store, Some(value));
        }
    }
}

#[tokio::test]
async fn what_is_missing_is_kept_or_cleared() {
    for (owner, missing, edited, expected) in [
        (Owner::External, Missing::Keep, None, Some("1")),
        (Owner::External, Missing::Clear, None, None),
        (Owner::External, Missing::Clear, Some("edit"), None),
        (Owner::Local, Missing::Clear, None, Some("1")),
        (Owner::ExternalUntilEdited, Missing::Clear, None, None),
        (Owner::ExternalUntilEdited, Missing::Clear, Some("edit"), Some("edit")),
    ] {
        for gone in [alice(), alice().with_attribute("tel", "")] {
            let store = Memory::new(None);
            let rule = AttributeRule::of("tel").owner(owner).missing(missing);
            let users = on(&store, Provisioning::builder().attribute("phone", rule));
            account(&users, alice().with_attribute("tel", "1")).await;
            if let Some(value) = edited {
                edit(&store, Some(value));
            }
            assert_eq!(phone(&account(&users, gone).await), expected, "{owner:?} {missing:?} {edited:?}");
        }
    }
}

#[tokio::test]
async fn values_are_transformed_and_must_fit() {
    let store = Memory::new(None);
    let digits = |value: &str| {
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let policy = Provisioning::builder()
        .attribute("phone", AttributeRule::of("tel").map(digits))
        .attribute("town", AttributeRule::of_name());
    let users = on(&store, policy);
    let found = account(&users, alice().with_attribute("tel", "+49 (0) 30").with_name("Alice L.")).await;
    assert_eq!((phone(&found), &*found.attributes["town"]), (Some("49030"), "Alice L."));
    for unfit in [
        alice().with_attribute("tel", "none"),
        alice().with_name("a\0b"),
        alice().with_name("x".repeat(1025)),
    ] {
        let plan = users.plan(&unfit).await.unwrap();
        assert!(matches!(plan.kept(), [Kept::Unfit(_)]) && plan.write().is_none(), "{plan}");
    }
}

/// CVE-2019-16097: what is not named lands nowhere, and what decides about rights cannot be named.
#[tokio::test]
async fn claims_give_no_rights() {
    let store = Memory::new(None);
    let users = on(&store, Provisioning::builder());
    let mut mallory = alice().with_groups(["admin", "is_superuser"]).with_verified_email("root@example.org");
    let privileged =
        ["is_superuser", "is_staff", "id", "password", "groups", "permissions", "active", "username"];
    for name in privileged {
        mallory = mallory.with_attribute(name, "1");
    }
    let found = account(&users, mallory).await;
    let mut expected = Account::new(found.id.clone(), "alice");
    expected.identity = Some((LDAP.into(), "uid=alice".into()));
    assert_eq!(found, expected);
    for field in privileged.into_iter().chain(["IS_STAFF", "Password"]) {
        let policy = Provisioning::builder().attribute(field, AttributeRule::of("x")).build();
        assert!(policy.unwrap_err().to_string().contains(field), "{field}");
    }
}

fn rights(account: &Account) -> Vec<String> {
    account.rights.iter().map(|right| right.name().to_owned()).collect()
}

/// Groups take as well as give, and only what is managed.
#[tokio::test]
async fn groups_give_and_take_what_is_managed() {
    let store = Memory::new(None);
    let policy = Provisioning::builder()
        .grant("sales", Right::permission("read"))
        .grant("sales", Right::permission("sell"))
        .grant("support", Right::permission("read"))
        .manage(Right::permission("legacy"));
    let users = on(&store, policy);
    assert_eq!(rights(&account(&users, alice().with_groups(["sales", "Support"])).await), ["read", "sell"]);
    for own in ["own", "legacy"] {
        store.people()[0].account.rights.insert(Right::permission(own));
    }
    assert_eq!(rights(&account(&users, alice().with_groups(["support"])).await), ["own", "read"]);
    let none: [&str; 0] = [];
    assert_eq!(rights(&account(&users, alice().with_groups(none)).await), ["own"]);
}

/// Groups that could not be read take nothing and let nobody in.
#[tokio::test]
async fn unknown_groups_are_undecided() {
    let store = Memory::new(None);
    let policy = Provisioning::builder().grant("sales", Right::permission("sell"));
    let users = on(&store, policy.clone());
    let error = users.provision(alice(), &Reports::new()).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Undecided, "also at the first login");
    assert!(store.people().is_empty());
    account(&users, alice().with_groups(["sales"])).await;
    assert!(users.provision(alice(), &Reports::new()).await.is_err());
    assert!(users.plan(&alice()).await.is_err());

    let lenient = on(&store, policy.keep_rights_if_groups_are_unknown());
    assert_eq!(rights(&account(&lenient, alice()).await), ["sell"]);
    assert_eq!(lenient.plan(&alice()).await.unwrap().kept(), [Kept::Rights]);
    account(&on(&store, Provisioning::builder()), alice()).await;
}

/// What is sensitive is only taken, unless it is listed.
#[tokio::test]
async fn sensitive_rights_are_only_taken() {
    let store = Memory::new(None);
    let staff = Right::flag("is_staff");
    let policy = Provisioning::builder().grant("admins", staff.clone());
    let users = on(&store, policy.clone());
    let admin = || alice().with_groups(["admins"]);
    assert!(account(&users, admin()).await.rights.is_empty());
    assert_eq!(users.plan(&admin()).await.unwrap().kept(), [Kept::NotRaised(staff.clone())]);
    store.people()[0].account.rights.insert(staff.clone());
    assert_eq!(rights(&account(&users, admin()).await), ["is_staff"]);
    let none: [&str; 0] = [];
    assert!(account(&users, alice().with_groups(none)).await.rights.is_empty());
    let users = on(&store, policy.allow_raising(staff));
    assert_eq!(rights(&account(&users, admin()).await), ["is_staff"]);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let store = Memory::new(None);
    let right = Right::permission("admin");
    let policy = Provisioning::builder()
        .grant("admins", right.clone())
        .guard_last(right.clone())
        .allow_raising(right.clone());
    let users = on(&store, policy);
    let (bob, none): (_, [&str; 0]) = (Identity::new(LDAP, "uid=bob").with_username("bob"), []);
    account(&users, alice().with_groups(["admins"])).await;
    assert_eq!(rights(&account(&users, alice().with_groups(none)).await), ["admin"]);
    let plan = users.plan(&alice().with_groups(none)).await.unwrap();
    assert_eq!(plan.kept(), [Kept::LastHolder(right)]);
    let bob = account(&users, bob.with_groups(["admins"])).await;
    store.disable(&bob.id).await.unwrap();
    assert_eq!(
        rights(&account(&users, alice().with_groups(none)).await),
        ["admin"],
        "who is disabled is no help"
    );
    store.people()[1].account.active = true;
    assert!(account(&users, alice().with_groups(none)).await.rights.is_empty());
}

#[tokio::test]
async fn addresses_link_by_the_table() {
    #[derive(Debug, PartialEq)]
    enum End {
        Linked,
        Claimed,
        Refused,
        Separate,
    }
    use End::{Claimed, Linked, Refused, Separate};
    let never = Provisioning::builder();
    let (both, claim) =
        (never.clone().link_by_verified_email(), never.clone().link_by_verified_email_or_claim());
    let table = [
        ("never", &never, [Separate, Separate, Separate, Separate]),
        ("both sides", &both, [Refused, Refused, Refused, Linked]),
        ("claim", &claim, [Refused, Refused, Claimed, Linked]),
    ];
    let sides = [(false, false), (false, true), (true, false), (true, true)];
    for (name, policy, expected) in table {
        for ((outside, here), expected) in sides.into_iter().zip(expected) {
            let store = Memory::new(None);
            let email = Email { address: "alice@example.org".into(), verified: here };
            let local = store.register("al", email).await.unwrap();
            let stamp = store.people()[0].stamp;
            let identity = if outside {
                alice().with_verified_email("Alice@Example.org")
            } else {
                alice().with_unverified_email("alice@example.org")
            };
            let outcome = sign_in(&on(&store, policy.clone()), identity).await;
            let end = match outcome {
                Outcome::Accept(person) if person.id() != local => Separate,
                Outcome::Accept(person) if person.stamp == stamp => Linked,
                Outcome::Accept(_) => Claimed,
                other => {
                    assert_eq!(other.map(|_| ()), Outcome::Deny(DenyReason::EmailTaken));
                    Refused
                }
            };
            assert_eq!(end, expected, "{name}: outside {outside}, here {here}");
        }
    }
}

#[tokio::test]
async fn nobody_elses_user_is_linked() {
    let verified = || Email { address: "alice@example.org".into(), verified: true };
    let policy = || Provisioning::builder().link_by_verified_email_or_claim();
    let person = || alice().with_verified_email("alice@example.org");

    let store = Memory::new(None);
    let local = store.register("al", verified()).await.unwrap();
    store.disable(&local).await.unwrap();
    assert_eq!(
        refusal(&on(&store, policy()), person()).await,
        DenyReason::Disabled,
        "disabled, and not made anew"
    );

    let store = Memory::new(None);
    store.register("al", verified()).await.unwrap();
    store.register("al2", verified()).await.unwrap();
    assert_eq!(refusal(&on(&store, policy()), person()).await, DenyReason::EmailTaken, "two have it");

    let store = Memory::new(None);
    store.register("al", verified()).await.unwrap();
    let other = Identity::new("https://elsewhere", "1").with_verified_email("alice@example.org");
    account(&on(&store, policy()), other).await;
    assert_eq!(
        refusal(&on(&store, policy()), person()).await,
        DenyReason::EmailTaken,
        "it is another person's"
    );
    assert_eq!(store.people().len(), 1);
}

/// An address that nobody verified does not inherit that an older one was: it could link the next person.
#[tokio::test]
async fn a_new_address_is_as_verified_as_it_is() {
    let store = Memory::new(None);
    let users = on(&store, Provisioning::builder().email(Owner::External));
    let email = |address: &str, verified| Some(Email { address: address.into(), verified });
    let first = account(&users, alice().with_verified_email("Alice@Example.org")).await;
    assert_eq!(first.email, email("alice@example.org", true));
    let same = account(&users, alice().with_unverified_email("alice@example.org")).await;
    assert_eq!(same.email, email("alice@example.org", true), "a proof is not forgotten");
    let other = account(&users, alice().with_unverified_email("victim@example.org")).await;
    assert_eq!(other.email, email("victim@example.org", false));
    let proven = account(&users, alice().with_verified_email("victim@example.org")).await;
    assert_eq!(proven.email, email("victim@example.org", true));
    assert_eq!(account(&users, alice()).await.email, email("victim@example.org", true), "never cleared");
}

#[tokio::test]
async fn a_taken_name_is_refused_or_counted_up() {
    let store = Memory::new(None);
    let local = store.register("alice", Email { address: "a@b".into(), verified: true }).await.unwrap();
    assert_eq!(refusal(&on(&store, Provisioning::builder()), alice()).await, DenyReason::NameTaken);
    let users = on(&store, Provisioning::builder().on_taken_name(NameCollision::Suffix));
    let found = account(&users, alice()).await;
    assert_eq!(&*found.username, "alice2");
    assert_ne!(found.id, local);
    assert_eq!(account(&users, alice()).await.id, found.id);
    assert_eq!(&*account(&users, Identity::new(LDAP, "3").with_username("alice")).await.username, "alice3");
    assert_eq!(refusal(&users, Identity::new(LDAP, "4").with_username("")).await, DenyReason::InvalidName);
}

#[tokio::test]
async fn modes_write_no_more_than_they_say() {
    let store = Memory::new(None);
    let rule = || AttributeRule::of("tel");
    account(
        &on(&store, Provisioning::builder().attribute("phone", rule())),
        alice().with_attribute("tel", "1"),
    )
    .await;
    let bob = || Identity::new(LDAP, "uid=bob");
    let updates =
        on(&store, Provisioning::builder().creation(Creation::UpdateOnly).attribute("phone", rule()));
    assert_eq!(phone(&account(&updates, alice().with_attribute("tel", "2")).await), Some("2"));
    assert_eq!(refusal(&updates, bob()).await, DenyReason::NotPermitted);
    let existing = on(&store, Provisioning::builder().creation(Creation::ExistingOnly));
    account(&existing, alice()).await;
    assert_eq!(refusal(&existing, bob()).await, DenyReason::NotPermitted);
    store.people()[0].account.active = false;
    for users in [updates, existing, on(&store, Provisioning::builder())] {
        assert_eq!(refusal(&users, alice()).await, DenyReason::Disabled);
    }
    assert!(!store.people()[0].account.active, "no login enables anybody");
}

/// What would change is told, readably, and nothing does.
#[tokio::test]
async fn a_plan_changes_nothing() {
    let store = Memory::new(None);
    let admin = Right::permission("admin");
    let policy = Provisioning::builder()
        .attribute("phone", AttributeRule::of("tel").owner(Owner::ExternalUntilEdited))
        .email(Owner::External)
        .grant("sales", Right::permission("sell"))
        .grant("admins", admin.clone())
        .guard_last(admin.clone())
        .allow_raising(admin);
    let users = on(&store, policy);
    let first = alice().with_attribute("tel", "1\n2").with_groups(["admins"]).with_unverified_email("a@b");
    let plan = users.plan(&first).await.unwrap();
    assert_eq!(
        plan.to_string(),
        "create user \"alice\" for \"uid=alice\" at \"ldaps://directory.example\"\n  \
         ~ phone: nothing -> \"1\\n2\"\n  ~ email: nothing -> \"a@b\" (not verified)\n  + permission \"admin\""
    );
    assert!(store.people().is_empty());
    account(&users, first.clone()).await;
    assert_eq!(users.plan(&first).await.unwrap().to_string(), "user 1: nothing changes");
    let before = store.people()[0].account.clone();
    let next = alice().with_attribute("tel", "3").with_groups(["sales"]).with_verified_email("c@d");
    assert_eq!(
        users.plan(&next).await.unwrap().to_string(),
        "update user 1 (\"alice\")\n  ~ phone: \"1\\n2\" -> \"3\"\n  \
         ~ email: \"a@b\" (not verified) -> \"c@d\" (verified)\n  + permission \"sell\"\n  \
         ! permission \"admin\" is kept: no other active user holds it"
    );
    assert_eq!(store.people()[0].account, before);
    let other =
        users.plan(&Identity::new(LDAP, "x").with_username("alice").with_groups(["sales"])).await.unwrap();
    assert_eq!(
        (other.to_string(), other.refused()),
        ("refuse: NameTaken".into(), Some(DenyReason::NameTaken))
    );
}

#[test]
fn policies_that_cannot_be_right_are_not_built() {
    let builder = Provisioning::builder;
    let (right, rule) = (Right::permission("a"), || AttributeRule::of("x"));
    let table = [
        ("two rules", builder().attribute("phone", rule()).attribute("phone", rule())),
        ("empty name", builder().attribute("", rule())),
        ("empty name", builder().attribute("phone", AttributeRule::of(""))),
        ("empty name", builder().grant("", right.clone())),
        ("empty name", builder().grant("group", Right::flag(""))),
        ("nothing takes it", builder().guard_last(right.clone())),
        ("no group gives it", builder().allow_raising(right.clone())),
        ("no group gives it", builder().manage(right.clone()).allow_raising(right.clone())),
        ("no right is managed", builder().keep_rights_if_groups_are_unknown()),
        ("nothing is written", builder().creation(Creation::ExistingOnly).grant("group", right)),
        ("nothing is written", builder().creation(Creation::ExistingOnly).email(Owner::Local)),
        ("nothing is written", builder().creation(Creation::ExistingOnly).link_by_verified_email()),
        (
            "no users are created",
            builder().creation(Creation::UpdateOnly).on_taken_name(NameCollision::Suffix),
        ),
    ];
    for (expected, builder) in table {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(Change::EMAIL.starts_with('@'), "no column is called so");
}
